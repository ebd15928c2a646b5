package output

import (
	"math"

	"s3loadtest/extension/histogram"
)

// Figures are what is counted between two lines. Each set of them is there twice: one takes samples, the other waits to be
// written, which may take long, or fail.

// seriesTags are what a series is of.
type seriesTags struct{ test, phase, op, size, endpoint string }

type series struct {
	tags seriesTags
	// live is the collector's, due the batch's.
	live, due seriesFigures
}

type seriesFigures struct {
	ops, bytes, objects, misses, retries, redirected, verified int64
	errors                                                     tally
	latency, ttfb, errorLatency                                histogram.Histogram
}

// moveTo adds the figures to others, and begins anew.
func (f *seriesFigures) moveTo(to *seriesFigures) {
	for _, n := range [][2]*int64{
		{&f.ops, &to.ops}, {&f.bytes, &to.bytes}, {&f.objects, &to.objects}, {&f.misses, &to.misses}, {&f.retries, &to.retries},
		{&f.redirected, &to.redirected}, {&f.verified, &to.verified},
	} {
		moveCount(n[0], n[1])
	}
	f.errors.moveTo(&to.errors)
	moveHistogram(&f.latency, &to.latency)
	moveHistogram(&f.ttfb, &to.ttfb)
	moveHistogram(&f.errorLatency, &to.errorLatency)
}

func (f *seriesFigures) reset() {
	f.ops, f.bytes, f.objects, f.misses, f.retries, f.redirected, f.verified = 0, 0, 0, 0, 0, 0, 0
	clear(f.errors)
	f.latency.Reset()
	f.ttfb.Reset()
	f.errorLatency.Reset()
}

func (f *seriesFigures) any() bool {
	return f.ops|f.bytes|f.objects|f.misses|f.retries|f.redirected|f.verified != 0 || len(f.errors) > 0 ||
		f.latency.Count()+f.ttfb.Count()+f.errorLatency.Count() > 0
}

func (s *series) toWrite() intervalSeries {
	f := &s.due
	return intervalSeries{
		Test: s.tags.test, Phase: s.tags.phase, Op: s.tags.op, Size: s.tags.size, Endpoint: s.tags.endpoint,
		Ops: f.ops, Bytes: f.bytes, Errors: f.errors, Objects: f.objects, Misses: f.misses, Retries: f.retries,
		Redirected: f.redirected, Verified: f.verified,
		Latency: encoded(&f.latency), TTFB: encoded(&f.ttfb), ErrorLatency: encoded(&f.errorLatency),
	}
}

// connectionTags are what connections held open are of.
type connectionTags struct{ test, op, endpoint string }

type connections struct {
	tags connectionTags
	// live is the collector's, due the batch's; so are the numbers of open ones.
	live, due     connectionFigures
	open, openDue int64
	// openWritten is the number that was written last.
	openWritten int64
}

type connectionFigures struct {
	opened, sent, received int64
	ended                  tally
	lifetime               histogram.Histogram
}

func (f *connectionFigures) moveTo(to *connectionFigures) {
	moveCount(&f.opened, &to.opened)
	moveCount(&f.sent, &to.sent)
	moveCount(&f.received, &to.received)
	f.ended.moveTo(&to.ended)
	moveHistogram(&f.lifetime, &to.lifetime)
}

func (f *connectionFigures) reset() {
	f.opened, f.sent, f.received = 0, 0, 0
	clear(f.ended)
	f.lifetime.Reset()
}

func (f *connectionFigures) any() bool {
	return f.opened|f.sent|f.received != 0 || len(f.ended) > 0 || f.lifetime.Count() > 0
}

func (c *connections) toWrite() intervalConnections {
	f := &c.due
	return intervalConnections{
		Test: c.tags.test, Op: c.tags.op, Endpoint: c.tags.endpoint, Open: c.openDue,
		Opened: f.opened, Ended: f.ended, BytesSent: f.sent, BytesReceived: f.received, Lifetime: encoded(&f.lifetime),
	}
}

// tally counts by name.
type tally map[string]int64

func (t *tally) add(name string, n int64) {
	if *t == nil {
		*t = tally{}
	}
	(*t)[name] += n
}

func (t *tally) moveTo(to *tally) {
	for name, n := range *t {
		to.add(name, n)
	}
	clear(*t)
}

func moveCount(from, to *int64) {
	*to += *from
	*from = 0
}

func moveHistogram(from, to *histogram.Histogram) {
	to.Merge(from)
	from.Reset()
}

func encoded(h *histogram.Histogram) string {
	if h.Count() == 0 {
		return ""
	}
	return h.Encode()
}

// microseconds of k6's milliseconds.
func microseconds(ms float64) int64 { return int64(math.Round(min(ms*1000, histogram.Highest))) }
