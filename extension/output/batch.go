package output

import "s3loadtest/extension/generated"

// batch is what is to be written: it gathers what could not be, until it is. The collector may go on beside it.
type batch struct {
	series                               []*series
	connections                          []*connections
	iterations, dropped, exceptions, vus int64
	received, sent                       int64
	// written is what all lines together have.
	written intervalTotals
}

// line tells it, but for when it was and what the process used.
func (b *batch) line() interval {
	line := interval{
		Schema:      generated.IntervalSchema,
		Totals:      b.totals(),
		Series:      []intervalSeries{},
		Connections: []intervalConnections{},
		Generator: intervalGenerator{
			VUs: b.vus, Iterations: b.iterations, DroppedIterations: b.dropped, Exceptions: b.exceptions,
			ReceivedBytes: b.received, SentBytes: b.sent,
		},
	}
	for _, s := range b.series {
		if s.due.any() {
			line.Series = append(line.Series, s.toWrite())
		}
	}
	for _, held := range b.connections {
		// That none is left is told once.
		if held.due.any() || held.openDue != 0 || held.openWritten != 0 {
			line.Connections = append(line.Connections, held.toWrite())
		}
	}
	return line
}

// totals are of what was written, and of what is to be.
func (b *batch) totals() intervalTotals {
	sum := b.written
	for _, s := range b.series {
		sum.Ops += s.due.ops
		sum.Bytes += s.due.bytes
		for _, n := range s.due.errors {
			sum.Errors += n
		}
	}
	return sum
}

// reset forgets what was written, but for the totals.
func (b *batch) reset() {
	b.written = b.totals()
	for _, s := range b.series {
		s.due.reset()
	}
	for _, held := range b.connections {
		held.due.reset()
		held.openWritten = held.openDue
	}
	b.iterations, b.dropped, b.exceptions, b.received, b.sent = 0, 0, 0, 0, 0
}
