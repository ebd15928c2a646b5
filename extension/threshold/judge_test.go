package threshold

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/metrics"
)

const elapsed = 7 * time.Second

// shapes of values, of any unit and sign.
var shapes = map[string]func(*rand.Rand) float64{
	"milliseconds":  func(r *rand.Rand) float64 { return math.Exp(3 + r.NormFloat64()) },
	"bytes":         func(r *rand.Rand) float64 { return math.Floor(math.Exp(r.Float64() * 30)) },
	"small numbers": func(r *rand.Rand) float64 { return float64(r.IntN(6)) },
	"both signs":    func(r *rand.Rand) float64 { return r.NormFloat64() * 1e3 },
	"tiny":          func(r *rand.Rand) float64 { return r.Float64() * 1e-9 },
	"constant":      func(*rand.Rand) float64 { return 49.99 },
}

func thresholdsOf(t *testing.T, text string) metrics.Thresholds {
	t.Helper()
	var ts metrics.Thresholds
	if err := json.Unmarshal([]byte(text), &ts); err != nil {
		t.Fatal(err)
	}
	if err := ts.Parse(); err != nil {
		t.Fatal(err)
	}
	return ts
}

func sampleOf(metric *metrics.Metric, tags *metrics.TagSet, value float64) metrics.Sample {
	return metrics.Sample{TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags}, Time: time.Unix(1, 0), Value: value}
}

func TestTrendsAreK6sWithinATenthOfAPercent(t *testing.T) {
	for name, shape := range shapes {
		for _, count := range []int{0, 1, 2, 3, 10, 1001, 20_000} {
			r := rand.New(rand.NewPCG(3, uint64(count)))
			own, k6 := &trend{}, metrics.NewTrendSink()
			for range count {
				s := sampleOf(nil, nil, shape(r))
				own.Add(s)
				k6.Add(s)
			}
			for _, q := range []float64{0, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
				got, want := own.quantile(q), k6.P(q)
				if math.Abs(got-want) > math.Abs(want)/1000 {
					t.Errorf("%d %s: p(%v) is %v, in k6 %v", count, name, q*100, got, want)
				}
			}
			if own.min != k6.Min() || own.max != k6.Max() || own.mean() != k6.Avg() || own.IsEmpty() != k6.IsEmpty() {
				t.Errorf("%d %s: %v to %v, mean %v; in k6 %v to %v, %v", count, name, own.min, own.max, own.mean(), k6.Min(), k6.Max(), k6.Avg())
			}
		}
	}
}

func TestWholeNumbersMeetTheirLimits(t *testing.T) {
	all := &trend{}
	for n := range 2049 {
		all.Add(sampleOf(nil, nil, float64(n)))
	}
	for n := range 2049 {
		if got := all.at(uint64(n)); got != float64(n) {
			t.Errorf("%d is kept as %v", n, got)
		}
	}
}

// Whatever k6 says of some samples is said here, too, unless the value is within rounding of the limit.
func TestVerdictsAreK6s(t *testing.T) {
	methods := map[metrics.MetricType][]string{
		metrics.Counter: {"count", "rate"},
		metrics.Gauge:   {"value"},
		metrics.Rate:    {"rate"},
		metrics.Trend:   {"avg", "min", "max", "med", "p(0)", "p(90)", "p(99.95)", "p(100)"},
	}
	r := rand.New(rand.NewPCG(11, 13))
	crossed := 0
	for round := range 3000 {
		registry := metrics.NewRegistry()
		kind := metrics.MetricType(round % 4)
		metric := registry.MustNewMetric("m_m", kind)
		samples := make([]float64, []int{0, 1, 2, 50}[r.IntN(4)])
		for i := range samples {
			samples[i] = float64(r.IntN(8))
		}
		var sources []string
		for range 3 {
			method := methods[kind][r.IntN(len(methods[kind]))]
			limit := fmt.Sprint(float64(r.IntN(17)) / 2)
			sources = append(sources, method+[]string{"<", " <= ", ">", ">=", "==", "===", "!="}[r.IntN(7)]+limit)
		}
		ours, theirs := metrics.NewThresholds(sources), metrics.NewThresholds(sources)
		judge, err := NewJudge(map[string]metrics.Thresholds{"m_m": ours}, registry)
		if err != nil {
			t.Fatal(err)
		}
		sinks := judge.Sinks(metrics.TimeSeries{Metric: metric, Tags: registry.RootTagSet()})
		for _, v := range samples {
			s := sampleOf(metric, nil, v)
			metric.Sink.Add(s)
			sinks[0].Add(s)
		}
		if err := theirs.Parse(); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Run(metric.Sink, elapsed); err != nil {
			t.Fatal(err)
		}
		crossed += len(judge.Finally(elapsed))
		for i, source := range sources {
			if ours.Thresholds[i].LastFailed != theirs.Thresholds[i].LastFailed {
				t.Errorf("%v of %v: failed is %v, in k6 %v", source, samples, ours.Thresholds[i].LastFailed, theirs.Thresholds[i].LastFailed)
			}
		}
	}
	if crossed < 500 || crossed > 2900 {
		t.Errorf("%d of 3000 were crossed: this tells nothing", crossed)
	}
}

func TestSelections(t *testing.T) {
	registry := metrics.NewRegistry()
	metric, other := registry.MustNewMetric("s3_bytes", metrics.Counter), registry.MustNewMetric("s3_objects", metrics.Counter)
	tags := registry.RootTagSet().With("op", "GET").With("size", "1KB").With("endpoint", "127.0.0.1:9000")
	for name, want := range map[string]int{
		"s3_bytes":                               1,
		"s3_bytes{op:GET}":                       1,
		"s3_bytes{size:1KB,op:GET}":              1,
		`s3_bytes{ op: "GET" , 'size':1KB}`:      1,
		"s3_bytes{endpoint:127.0.0.1:9000}":      1,
		"s3_bytes{op:PUT}":                       0,
		"s3_bytes{op:GET,size:10KB}":             0,
		"s3_bytes{op:GET,status:200}":            0,
		"s3_objects{op:GET}":                     0,
		"s3_bytes{op:GET,size:1KB,test:another}": 0,
	} {
		judge, err := NewJudge(map[string]metrics.Thresholds{name: metrics.NewThresholds([]string{"count>0"})}, registry)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := judge.Sinks(metrics.TimeSeries{Metric: metric, Tags: tags}); len(got) != want {
			t.Errorf("%s takes it %d times, not %d", name, len(got), want)
		}
		if got := judge.Sinks(metrics.TimeSeries{Metric: other, Tags: registry.RootTagSet()}); len(got) != 0 {
			t.Errorf("%s takes another's", name)
		}
	}
}

func TestWhatK6WouldNotTakeIsRefused(t *testing.T) {
	registry := metrics.NewRegistry()
	registry.MustNewMetric("http_req_duration", metrics.Trend, metrics.Time)
	for _, c := range []struct{ name, expression, says string }{
		{"http_req_durtion", "p(99)<50", `no metric name "http_req_durtion" found`},
		{"http_req_duration", "p(99)", "malformed threshold expression"},
		{"http_req_duration", "rate<0.1", "unsupported aggregation method rate on metric of type trend"},
		{"http_req_duration{op:GET", "p(99)<50", "unmatched opening/close curly brace"},
	} {
		_, err := NewJudge(map[string]metrics.Thresholds{c.name: metrics.NewThresholds([]string{c.expression})}, registry)
		var code errext.HasExitCode
		if err == nil || !strings.Contains(err.Error(), c.says) || !errors.As(err, &code) || code.ExitCode() != 104 {
			t.Errorf("%s %s: %v", c.name, c.expression, err)
		}
	}
	// As the scripts ask k6 to keep them apart: hundreds, that cost nothing.
	judge, err := NewJudge(map[string]metrics.Thresholds{"http_req_duration{op:GET}": metrics.NewThresholds(nil)}, registry)
	if err != nil || len(judge.subjects) != 0 {
		t.Errorf("%d subjects, %v", len(judge.subjects), err)
	}
}

func TestWhatHadNoSamples(t *testing.T) {
	registry := metrics.NewRegistry()
	all := map[string]metrics.Thresholds{}
	for name, kind := range map[string]metrics.MetricType{"trend_": metrics.Trend, "counter": metrics.Counter, "gauge": metrics.Gauge, "rate": metrics.Rate} {
		registry.MustNewMetric(name, kind)
	}
	all["trend_"] = metrics.NewThresholds([]string{"max>0", "p(99)<1"})
	all["counter"] = metrics.NewThresholds([]string{"count>0", "rate>0"})
	all["gauge"] = metrics.NewThresholds([]string{"value>0"})
	all["rate"] = metrics.NewThresholds([]string{"rate>0"})
	judge, err := NewJudge(all, registry)
	if err != nil {
		t.Fatal(err)
	}
	if crossed, _ := judge.Now(elapsed); len(crossed) > 0 {
		t.Errorf("%v were judged with nothing to judge", crossed)
	}
	// As k6: a test in which nothing succeeds fails `max>0`, and of no requests none failed.
	if crossed := judge.Finally(elapsed); !slices.Equal(crossed, []string{"counter", "gauge", "trend_"}) {
		t.Errorf("%v were crossed", crossed)
	}
	want := []Result{
		{"counter", "count>0", false}, {"counter", "rate>0", false}, {"gauge", "value>0", false}, {"rate", "rate>0", true},
		{"trend_", "max>0", false}, {"trend_", "p(99)<1", true},
	}
	if got := Results(all); !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestWhenARunIsToEnd(t *testing.T) {
	registry := metrics.NewRegistry()
	metric := registry.MustNewMetric("errors", metrics.Counter)
	for _, c := range []struct {
		thresholds string
		value      float64
		may, abort bool
	}{
		{`["count<5"]`, 9, false, false},
		{`[{"threshold":"count<5","abortOnFail":true}]`, 9, true, true},
		{`[{"threshold":"count<5","abortOnFail":true}]`, 4, true, false},
		{`["count<5", {"threshold":"count<50","abortOnFail":true}]`, 9, true, false},
		{`[{"threshold":"count<5","abortOnFail":true,"delayAbortEval":"6s"}]`, 9, true, true},
		{`[{"threshold":"count<5","abortOnFail":true,"delayAbortEval":"8s"}]`, 9, true, false},
	} {
		judge, err := NewJudge(map[string]metrics.Thresholds{"errors": thresholdsOf(t, c.thresholds)}, registry)
		if err != nil {
			t.Fatal(err)
		}
		judge.Sinks(metrics.TimeSeries{Metric: metric, Tags: registry.RootTagSet()})[0].Add(sampleOf(metric, nil, c.value))
		if _, abort := judge.Now(elapsed); judge.MayAbort() != c.may || abort != c.abort {
			t.Errorf("%s of %v: %v", c.thresholds, c.value, abort)
		}
	}
}

func BenchmarkTrend(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]metrics.Sample, 4096)
	for i := range values {
		values[i] = sampleOf(nil, nil, shapes["milliseconds"](r))
	}
	t := &trend{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		t.Add(values[i%len(values)])
	}
}
