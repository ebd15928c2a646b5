package output

// batch is what is to be written: it gathers what could not be, until it is. The collector may go on beside it.
type batch struct {
	series                   []*series
	connections              []*connections
	iterations, dropped, vus int64
}

// line tells it, but for when it was and what the process used.
func (b *batch) line() interval {
	line := interval{
		Schema:      intervalSchema,
		Series:      []intervalSeries{},
		Connections: []intervalConnections{},
		Generator:   intervalGenerator{VUs: b.vus, Iterations: b.iterations, DroppedIterations: b.dropped},
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

// reset forgets what was written.
func (b *batch) reset() {
	for _, s := range b.series {
		s.due.reset()
	}
	for _, held := range b.connections {
		held.due.reset()
		held.openWritten = held.openDue
	}
	b.iterations, b.dropped = 0, 0
}
