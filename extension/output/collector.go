package output

import (
	"time"

	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/generated"
	"s3loadtest/extension/threshold"
)

// collector adds samples to figures. It takes care of no concurrent use.
type collector struct {
	// judge is nil where k6 itself judges thresholds.
	judge *threshold.Judge
	// takers of samples by time series: what becomes of one is found out when it is first seen.
	takers      map[metrics.TimeSeries]*taker
	series      map[seriesTags]*series
	connections map[connectionTags]*connections
	// As they came, which is the order they are written in.
	allSeries      []*series
	allConnections []*connections

	iterations, dropped, exceptions, vus int64
	// Bytes of the connections of VUs that were in a test's load.
	received, sent int64
	// began is when the first of a test's own samples was taken, and with it about the test; k6 tells outputs nothing of it.
	began time.Time
}

func newCollector(judge *threshold.Judge) *collector {
	return &collector{
		judge:       judge,
		takers:      map[metrics.TimeSeries]*taker{},
		series:      map[seriesTags]*series{},
		connections: map[connectionTags]*connections{},
	}
}

// taker of one time series' samples.
type taker struct {
	series metrics.TimeSeries
	// count is nil where no figure is of these samples.
	count func(value float64)
	sinks []threshold.Sink
	// next took the sample that came after one of these, last time: the samples of a request always come in the same order,
	// and to look one up costs more than all else.
	next *taker
}

func (c *collector) add(containers []metrics.SampleContainer) {
	for _, container := range containers {
		last := &taker{}
		samples := container.GetSamples()
		for i := range samples {
			s := &samples[i]
			t := last.next
			if t == nil || t.series != s.TimeSeries {
				t = c.takerOf(s)
				last.next = t
			}
			last = t
			if t.count != nil {
				t.count(s.Value)
			}
			for _, sink := range t.sinks {
				sink.Add(*s)
			}
		}
	}
}

func (c *collector) takerOf(s *metrics.Sample) *taker {
	t := c.takers[s.TimeSeries]
	if t != nil {
		return t
	}
	name := s.Metric.Name
	// k6 counts VUs while it still makes them, before the test begins.
	if c.began.IsZero() && name != metrics.VUsName && name != metrics.VUsMaxName {
		c.began = s.Time
	}
	t = &taker{series: s.TimeSeries, count: c.counting(name, s.Tags)}
	if c.judge != nil {
		t.sinks = c.judge.Sinks(s.TimeSeries)
	}
	c.takers[s.TimeSeries] = t
	return t
}

// counting says which figure a metric's samples with these tags are added to; nil for none.
func (c *collector) counting(metric string, tags *metrics.TagSet) func(float64) {
	switch metric {
	case metrics.IterationsName:
		return adding(&c.iterations)
	case metrics.DroppedIterationsName:
		return adding(&c.dropped)
	case generated.Exceptions:
		return adding(&c.exceptions)
	case metrics.VUsName:
		return func(value float64) { c.vus = int64(value) }
	case generated.Connections, generated.OpenConnections, generated.ConnectionBytes, generated.ConnectionLifetime:
		return c.countingConnections(metric, tags)
	}
	test, op := tag(tags, "test"), tag(tags, "op")
	switch {
	case test == "":
		return nil
	case metric == metrics.DataReceivedName:
		return adding(&c.received)
	case metric == metrics.DataSentName:
		return adding(&c.sent)
	}
	if op == "" || op == generated.Preparation {
		return nil
	}
	figures := func() *seriesFigures {
		key := seriesTags{test, tag(tags, "phase"), op, tag(tags, "size"), tag(tags, "endpoint")}
		s := c.series[key]
		if s == nil {
			s = &series{tags: key}
			c.series[key] = s
			c.allSeries = append(c.allSeries, s)
		}
		return &s.live
	}
	switch metric {
	case generated.OpDuration:
		f := figures()
		return func(ms float64) {
			f.ops++
			f.latency.Record(microseconds(ms))
		}
	case metrics.HTTPReqWaitingName:
		// What S3 answers to what it has done: lib/result/metrics.ts.
		if status := tag(tags, "status"); status != "200" && status != "204" {
			return nil
		}
		f := figures()
		return func(ms float64) { f.ttfb.Record(microseconds(ms)) }
	case generated.ErrorDuration:
		f := figures()
		return func(ms float64) { f.errorLatency.Record(microseconds(ms)) }
	case generated.Errors:
		f, class := figures(), tag(tags, "class")
		return func(n float64) { f.errors.add(class, int64(n)) }
	case generated.Misses:
		return adding(&figures().misses)
	case generated.Bytes:
		return adding(&figures().bytes)
	case generated.Objects:
		return adding(&figures().objects)
	case generated.Retries:
		return adding(&figures().retries)
	case generated.Redirected:
		return adding(&figures().redirected)
	case generated.Verified:
		return adding(&figures().verified)
	}
	return nil
}

func (c *collector) countingConnections(metric string, tags *metrics.TagSet) func(float64) {
	key := connectionTags{tag(tags, "test"), tag(tags, "op"), tag(tags, "endpoint")}
	if key.test == "" || key.op == "" {
		return nil
	}
	held := c.connections[key]
	if held == nil {
		held = &connections{tags: key}
		c.connections[key] = held
		c.allConnections = append(c.allConnections, held)
	}
	f := &held.live
	switch metric {
	case generated.OpenConnections:
		return func(n float64) { held.open = int64(n) }
	case generated.ConnectionBytes:
		if tag(tags, "direction") == "sent" {
			return adding(&f.sent)
		}
		return adding(&f.received)
	case generated.ConnectionLifetime:
		return func(ms float64) { f.lifetime.Record(microseconds(ms)) }
	default:
		outcome := tag(tags, "outcome")
		if outcome == "opened" {
			return adding(&f.opened)
		}
		return func(n float64) { f.ended.add(outcome, int64(n)) }
	}
}

func adding(to *int64) func(float64) { return func(n float64) { *to += int64(n) } }

func tag(tags *metrics.TagSet, name string) string {
	value, _ := tags.Get(name)
	return value
}

// handOver gives what was counted to what is to be written.
func (c *collector) handOver(to *batch) {
	for _, s := range c.allSeries {
		s.live.moveTo(&s.due)
	}
	for _, held := range c.allConnections {
		held.live.moveTo(&held.due)
		held.openDue = held.open
	}
	to.series, to.connections = c.allSeries, c.allConnections
	moveCount(&c.iterations, &to.iterations)
	moveCount(&c.dropped, &to.dropped)
	moveCount(&c.exceptions, &to.exceptions)
	moveCount(&c.received, &to.received)
	moveCount(&c.sent, &to.sent)
	to.vus = c.vus
}
