// Package threshold judges k6's thresholds as k6 does, in memory that does not grow with the run: k6 itself keeps every sample
// of a Trend, so a run that is to last has it keep none, and then k6 judges nothing.
package threshold

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
	"go.k6.io/k6/v2/lib/types"
	"go.k6.io/k6/v2/metrics"
)

// Sink takes a metric's samples.
type Sink interface {
	Add(sample metrics.Sample)
	IsEmpty() bool
}

// Judge of a run's thresholds. It takes care of no concurrent use.
type Judge struct {
	subjects []*subject
}

// subject is a metric, or those of its samples that have certain tags.
type subject struct {
	name        string
	metric      string
	tags        *metrics.TagSet
	sink        Sink
	expressions []expression
	thresholds  []*metrics.Threshold
}

// NewJudge reads thresholds by the names of their metrics. Those without an expression, by which scripts ask k6 to keep a
// selection of samples apart, cost nothing. What k6 would not take is refused as k6 does, with its text and exit code.
func NewJudge(all map[string]metrics.Thresholds, registry *metrics.Registry) (*Judge, error) {
	j := &Judge{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		thresholds := all[name]
		if len(thresholds.Thresholds) == 0 {
			continue
		}
		if err := thresholds.Parse(); err != nil {
			return nil, errext.WithExitCodeIfNone(err, exitcodes.InvalidConfig)
		}
		if err := thresholds.Validate(name, registry); err != nil {
			return nil, err
		}
		s, err := newSubject(name, thresholds.Thresholds, registry)
		if err != nil {
			return nil, errext.WithExitCodeIfNone(err, exitcodes.InvalidConfig)
		}
		j.subjects = append(j.subjects, s)
	}
	return j, nil
}

func newSubject(name string, thresholds []*metrics.Threshold, registry *metrics.Registry) (*subject, error) {
	metric, selection, selects := strings.Cut(name, "{")
	s := &subject{name: name, metric: metric, sink: newSink(registry.Get(metric).Type), thresholds: thresholds}
	if selects {
		// k6 reads tags where it keeps what they select; so they are read by it, where nothing is kept.
		apart := metrics.NewRegistry().MustNewMetric(metric, metrics.Counter)
		sub, err := apart.AddSubmetric(strings.TrimSuffix(selection, "}"))
		if err != nil {
			return nil, fmt.Errorf("invalid metric '%s' in threshold definitions: %w", name, err)
		}
		s.tags = sub.Tags
	}
	for _, t := range thresholds {
		e, err := parse(t.Source)
		if err != nil {
			return nil, err
		}
		s.expressions = append(s.expressions, e)
	}
	return s, nil
}

func newSink(of metrics.MetricType) Sink {
	if of == metrics.Trend {
		return &trend{}
	}
	return metrics.NewSink(of)
}

// Sinks of a time series' samples, for whoever hands them over.
func (j *Judge) Sinks(series metrics.TimeSeries) []Sink {
	var sinks []Sink
	for _, s := range j.subjects {
		if s.metric == series.Metric.Name && (s.tags == nil || series.Tags.Contains(s.tags)) {
			sinks = append(sinks, s.sink)
		}
	}
	return sinks
}

// MayAbort says whether a threshold may end the run before its time.
func (j *Judge) MayAbort() bool {
	return slices.ContainsFunc(j.subjects, func(s *subject) bool {
		return slices.ContainsFunc(s.thresholds, func(t *metrics.Threshold) bool { return t.AbortOnFail })
	})
}

// Now judges while the run goes on, `elapsed` after its start, what has had samples so far. It gives the metrics that crossed a
// threshold, and whether the run is to end.
func (j *Judge) Now(elapsed time.Duration) (crossed []string, abort bool) {
	return j.judge(elapsed, false)
}

// Finally judges at the end, when the run has taken `elapsed`, what had no sample, too: a Trend without one is 0 in k6. It
// gives the metrics that crossed a threshold.
func (j *Judge) Finally(elapsed time.Duration) []string {
	crossed, _ := j.judge(elapsed, true)
	return crossed
}

func (j *Judge) judge(elapsed time.Duration, empty bool) (crossed []string, abort bool) {
	for _, s := range j.subjects {
		if !empty && s.sink.IsEmpty() {
			continue
		}
		ok := true
		for i, t := range s.thresholds {
			t.LastFailed = !s.expressions[i].holds(s.sink, elapsed)
			if !t.LastFailed {
				continue
			}
			ok = false
			grace := t.AbortGracePeriod
			abort = abort || t.AbortOnFail && (!grace.Valid || grace.Duration < types.Duration(elapsed))
		}
		if !ok {
			crossed = append(crossed, s.name)
		}
	}
	return crossed, abort
}

// Result is ThresholdResult of lib/result/result.ts.
type Result struct {
	Metric string `json:"metric"`
	Expr   string `json:"expr"`
	OK     bool   `json:"ok"`
}

// Results says how thresholds were judged last, here or by k6, which share what they know of them. Metrics stand in the order
// of their names, since k6 keeps no other; a metric's expressions in the order given.
func Results(all map[string]metrics.Thresholds) []Result {
	results := []Result{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, t := range all[name].Thresholds {
			results = append(results, Result{name, t.Source, !t.LastFailed})
		}
	}
	return results
}
