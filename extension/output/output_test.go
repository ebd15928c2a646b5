package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"
	"go.k6.io/k6/v2/output"
	"gopkg.in/guregu/null.v3"

	"s3loadtest/extension/generated"
	"s3loadtest/extension/histogram"
	"s3loadtest/extension/measure"
)

var errFull = errors.New("disk full")

// disk takes as many bytes of each write as it is told, and all when told nothing.
type disk struct {
	mu      sync.Mutex
	content bytes.Buffer
	writes  int
	takes   func(write, bytes int) int
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(b)
	if d.takes != nil {
		n = min(n, d.takes(d.writes, n))
	}
	d.writes++
	d.content.Write(b[:n])
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (d *disk) Close() error { return nil }

// lines are those of the disk, which all must be whole.
func (d *disk) lines(t *testing.T) []interval {
	t.Helper()
	var all []interval
	var sum intervalTotals
	for text := range strings.Lines(d.content.String()) {
		var line interval
		if err := json.Unmarshal([]byte(text), &line); err != nil || !strings.HasSuffix(text, "\n") {
			t.Errorf("%v: %s", err, text)
		}
		if line.Seq != int64(len(all)) || line.Schema != "s3loadtest/interval@1" {
			t.Errorf("line %d says %d, %s", len(all), line.Seq, line.Schema)
		}
		for _, series := range line.Series {
			sum.Ops += series.Ops
			sum.Bytes += series.Bytes
			for _, n := range series.Errors {
				sum.Errors += n
			}
		}
		if line.Totals != sum {
			t.Errorf("line %d says %+v in all, the lines have %+v", len(all), line.Totals, sum)
		}
		all = append(all, line)
	}
	return all
}

// stage has a run's metrics, and an output that has not begun.
type stage struct {
	*Output
	registry *metrics.Registry
	said     *bytes.Buffer
	disk     *disk
}

func newStage(t testing.TB, thresholds map[string]metrics.Thresholds) *stage {
	t.Helper()
	registry := metrics.NewRegistry()
	metrics.RegisterBuiltinMetrics(registry)
	measure.Register(registry)
	KnowMetrics(registry)
	crossed.Store(false)
	unwritten.Store(false)
	said := &bytes.Buffer{}
	logger := logrus.New()
	logger.SetOutput(said)
	logger.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true})
	o, err := newOutput(output.Params{
		ConfigArgument: filepath.Join(t.TempDir(), "out"),
		Logger:         logger,
		RuntimeOptions: lib.RuntimeOptions{NoThresholds: null.BoolFrom(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.SetThresholds(thresholds)
	return &stage{Output: o, registry: registry, said: said, disk: &disk{}}
}

// begin does what Start does, on the disk.
func (s *stage) begin(t testing.TB) {
	t.Helper()
	if err := s.judgeHere(); err != nil {
		t.Fatal(err)
	}
	s.Output.begin(s.disk)
}

func (s *stage) sample(metric string, tags map[string]string, value float64) metrics.Sample {
	return metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: s.registry.Get(metric), Tags: s.registry.RootTagSet().WithTagsFromMap(tags)},
		Time:       time.Now(),
		Value:      value,
	}
}

func (s *stage) add(samples ...metrics.Sample) {
	s.AddMetricSamples([]metrics.SampleContainer{metrics.Samples(samples)})
}

var get = map[string]string{"test": "firehose", "op": "GET", "size": "1KB", "endpoint": "127.0.0.1:9000", "name": "GET"}

func with(tags map[string]string, name, value string) map[string]string {
	all := maps.Clone(tags)
	all[name] = value
	return all
}

func without(tags map[string]string, name string) map[string]string {
	all := maps.Clone(tags)
	delete(all, name)
	return all
}

func histogramOf(us ...int64) string {
	var h histogram.Histogram
	for _, v := range us {
		h.Record(v)
	}
	return h.Encode()
}

func TestWhatBecomesOfSamples(t *testing.T) {
	s := newStage(t, nil)
	s.registry.MustNewMetric(generated.Connections, metrics.Counter)
	s.registry.MustNewMetric(generated.OpenConnections, metrics.Gauge)
	s.registry.MustNewMetric(generated.ConnectionBytes, metrics.Counter, metrics.Data)
	s.registry.MustNewMetric(generated.ConnectionLifetime, metrics.Trend, metrics.Time)
	s.begin(t)
	status := func(code string) map[string]string { return with(get, "status", code) }
	held := map[string]string{"test": "elephant", "op": "PUT", "endpoint": "127.0.0.1:9000"}
	s.add(
		s.sample("s3_op_duration", get, 1.2344), s.sample("s3_op_duration", get, 1.2346), s.sample("s3_bytes", get, 2048),
		s.sample("http_req_waiting", status("200"), 0.5), s.sample("http_req_waiting", status("204"), 0.0004),
		s.sample("http_req_waiting", status("404"), 7), s.sample("http_req_waiting", status("0"), 7),
		s.sample("http_req_duration", status("200"), 9), s.sample("http_reqs", status("200"), 1),
		s.sample("s3_error_duration", get, 30), s.sample("s3_errors", with(get, "class", "throttled"), 2),
		s.sample("s3_errors", with(get, "class", "timeout"), 1), s.sample("s3_errors", with(get, "class", "throttled"), 3),
		s.sample("s3_misses", get, 4), s.sample("s3_objects", get, 1000), s.sample("s3_retries", get, 1),
		s.sample("s3_redirected", get, 6), s.sample("data_received", get, 4096), s.sample("data_sent", get, 300),
		s.sample("data_received", without(get, "op"), 4), s.sample("data_received", without(get, "test"), 1e9),
		s.sample("s3_verified", get, 2),
		// Of another series: a phase, nothing but a first byte, another endpoint.
		s.sample("s3_op_duration", with(get, "phase", "burst"), 1e12),
		s.sample("http_req_waiting", with(status("200"), "endpoint", "127.0.0.1:9001"), 1),
		// Beside the load.
		s.sample("http_req_waiting", with(status("200"), "op", "preparation"), 1),
		s.sample("s3_op_duration", without(get, "op"), 1), s.sample("s3_op_duration", without(get, "test"), 1),
		s.sample("vus", nil, 8), s.sample("vus", nil, 7), s.sample("iterations", get, 1), s.sample("iterations", nil, 1),
		s.sample("dropped_iterations", nil, 3),
		s.sample(generated.Connections, with(held, "outcome", "opened"), 5), s.sample(generated.Connections, with(held, "outcome", "reset"), 2),
		s.sample(generated.OpenConnections, held, 4), s.sample(generated.OpenConnections, held, 3),
		s.sample(generated.ConnectionBytes, with(held, "direction", "sent"), 100), s.sample(generated.ConnectionBytes, with(held, "direction", "received"), 7),
		s.sample(generated.ConnectionLifetime, held, 60_000), s.sample(generated.OpenConnections, without(held, "test"), 9),
	)
	if err := s.StopWithTestError(nil); err != nil {
		t.Fatal(err)
	}
	line := s.disk.lines(t)[0]
	base := intervalSeries{Test: "firehose", Op: "GET", Size: "1KB", Endpoint: "127.0.0.1:9000"}
	first, burst, other := base, base, base
	first.Ops, first.Bytes, first.Objects, first.Misses, first.Retries = 2, 2048, 1000, 4, 1
	first.Verified, first.Redirected = 2, 6
	first.Errors = map[string]int64{"throttled": 5, "timeout": 1}
	first.Latency, first.TTFB, first.ErrorLatency = histogramOf(1234, 1235), histogramOf(0, 500), histogramOf(30_000)
	burst.Phase, burst.Ops, burst.Latency = "burst", 1, histogramOf(histogram.Highest)
	other.Endpoint, other.TTFB = "127.0.0.1:9001", histogramOf(1000)
	for name, both := range map[string][2]any{
		"series": {line.Series, []intervalSeries{first, burst, other}},
		"connections": {line.Connections, []intervalConnections{{
			Test: "elephant", Op: "PUT", Endpoint: "127.0.0.1:9000", Open: 3, Opened: 5, Ended: map[string]int64{"reset": 2},
			BytesSent: 100, BytesReceived: 7, Lifetime: histogramOf(60_000_000),
		}}},
		"counts": {[]int64{line.Generator.VUs, line.Generator.Iterations, line.Generator.DroppedIterations, line.Generator.ReceivedBytes, line.Generator.SentBytes}, []int64{7, 2, 3, 4100, 300}},
	} {
		got, _ := json.Marshal(both[0])
		want, _ := json.Marshal(both[1])
		if !bytes.Equal(got, want) {
			t.Errorf("%s are %s, not %s", name, got, want)
		}
	}
	if g := line.Generator; g.MemoryBytes < 1<<20 || g.PeakMemoryBytes < g.MemoryBytes || g.CPUSeconds <= 0 {
		t.Errorf("the process has used %+v", g)
	}
}

func TestALineAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Millisecond)
		s := newStage(t, nil)
		s.begin(t)
		for range 5 {
			s.add(s.sample("s3_op_duration", get, 1))
			time.Sleep(600 * time.Millisecond)
		}
		_ = s.StopWithTestError(nil)
		lines := s.disk.lines(t)
		start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
		for i, want := range [][3]int64{{300, 700, 2}, {1000, 1000, 1}, {2000, 1000, 2}, {3000, 300, 0}} {
			ops := int64(0)
			for _, series := range lines[i].Series {
				ops += series.Ops
			}
			if got := [3]int64{lines[i].T - start, lines[i].Ms, ops}; got != want {
				t.Errorf("line %d began at, took and has %v, not %v", i, got, want)
			}
			if last := i == 3; last != (lines[i].End != nil) {
				t.Errorf("line %d ends with %v", i, lines[i].End)
			}
		}
		if s.disk.writes != len(lines) {
			t.Errorf("%d writes for %d lines", s.disk.writes, len(lines))
		}
	})
}

func TestNothingIsLostWhereTheDiskIsFullForAWhile(t *testing.T) {
	for name, takes := range map[string]func(write, bytes int) int{
		"nothing of three lines":         func(write, bytes int) int { return bytes * btoi(write < 2 || write >= 5) },
		"a part of a line, then nothing": func(write, bytes int) int { return []int{bytes, 40, 0, 0, bytes}[min(write, 4)] },
		"a line byte by byte":            func(write, bytes int) int { return []int{bytes, 1, 1, 1, bytes}[min(write, 4)] },
		"all but the end of the line":    func(write, bytes int) int { return []int{bytes, bytes - 1, 0, bytes}[min(write, 3)] },
		"the rest, but not the next one": func(write, bytes int) int { return []int{bytes, 9, bytes, 5, bytes}[min(write, 4)] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, nil)
				s.disk.takes = takes
				s.begin(t)
				want := &histogram.Histogram{}
				for i := range 100 {
					s.add(s.sample("s3_op_duration", get, float64(i)), s.sample("iterations", get, 1))
					want.Record(int64(i * 1000))
					time.Sleep(77 * time.Millisecond)
				}
				_ = s.StopWithTestError(nil)
				ops, iterations, next := int64(0), int64(0), int64(0)
				for _, line := range s.disk.lines(t) {
					for _, series := range line.Series {
						ops += series.Ops
					}
					iterations += line.Generator.Iterations
					if next != 0 && line.T != next {
						t.Errorf("line %d begins %d ms after the one before has ended", line.Seq, line.T-next)
					}
					next = line.T + line.Ms
				}
				if ops != 100 || iterations != 100 {
					t.Errorf("%d operations and %d iterations of 100 are there", ops, iterations)
				}
				said := strings.Split(strings.TrimSpace(s.said.String()), "\n")
				if len(said) != 2 || !strings.Contains(said[0], "disk full: the figures are kept") || !strings.Contains(said[1], "is written again") {
					t.Errorf("said %q", said)
				}
				if code := ExitCode(0); code != 0 {
					t.Errorf("exit code %d", code)
				}
			})
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestADiskThatIsFullAtTheEndIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]metrics.Thresholds{"iterations": metrics.NewThresholds([]string{"count<1"})})
		s.disk.takes = func(write, bytes int) int { return []int{bytes, 0}[min(write, 1)] }
		s.begin(t)
		s.add(s.sample("iterations", get, 1))
		time.Sleep(2500 * time.Millisecond)
		_ = s.StopWithTestError(nil)
		if !strings.Contains(s.said.String(), "disk full: the last figures are lost") {
			t.Errorf("said %s", s.said)
		}
		for own, want := range map[int]int{0: 1, 99: 1, 105: 105} {
			if got := ExitCode(own); got != want {
				t.Errorf("%d became %d", own, got)
			}
		}
		if len(s.disk.lines(t)) != 1 {
			t.Errorf("%s", s.disk.content.String())
		}
	})
}

func TestThresholdsAreJudgedAtTheEnd(t *testing.T) {
	all := func() map[string]metrics.Thresholds {
		return map[string]metrics.Thresholds{
			"s3_op_duration{op:GET}": metrics.NewThresholds([]string{"p(99)<5", "max<50"}),
			"s3_op_duration{op:PUT}": metrics.NewThresholds([]string{"max>0"}),
			"http_req_failed":        metrics.NewThresholds([]string{"rate<0.01"}),
			"s3_bytes{op:GET}":       metrics.NewThresholds(nil),
		}
	}
	for name, c := range map[string]struct {
		ended error
		says  string
		codes map[int]int
	}{
		"a run to its end":        {nil, "thresholds on metrics 's3_op_duration{op:GET}, s3_op_duration{op:PUT}' have been crossed", map[int]int{0: 99, 99: 99, 105: 105}},
		"a run that was cut off":  {errors.New("interrupt"), "", map[int]int{105: 105}},
		"a run that judges by k6": {nil, "", map[int]int{0: 0, 99: 99}},
	} {
		s := newStage(t, all())
		if strings.Contains(name, "k6") {
			s.judges = false
			// As k6 leaves them.
			s.thresholds["s3_op_duration{op:GET}"].Thresholds[0].LastFailed = true
			s.thresholds["s3_op_duration{op:PUT}"].Thresholds[0].LastFailed = true
		}
		s.begin(t)
		s.add(s.sample("s3_op_duration", get, 20), s.sample("http_req_failed", get, 0))
		_ = s.StopWithTestError(c.ended)
		text, _ := json.Marshal(s.disk.lines(t)[0].End.Thresholds)
		want := `[{"metric":"http_req_failed","expr":"rate<0.01","ok":true},` +
			`{"metric":"s3_op_duration{op:GET}","expr":"p(99)<5","ok":false},{"metric":"s3_op_duration{op:GET}","expr":"max<50","ok":true},` +
			`{"metric":"s3_op_duration{op:PUT}","expr":"max>0","ok":false}]`
		if got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text)); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
		if said := s.said.String(); strings.Contains(said, "crossed") != (c.says != "") || !strings.Contains(said, c.says) {
			t.Errorf("%s said %s", name, said)
		}
		for own, want := range c.codes {
			if got := ExitCode(own); got != want {
				t.Errorf("%s: %d became %d", name, own, got)
			}
		}
	}
}

func TestACrossedThresholdEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limits metrics.Thresholds
		_ = json.Unmarshal([]byte(`[{"threshold":"count<3","abortOnFail":true,"delayAbortEval":"3s"}]`), &limits)
		s := newStage(t, map[string]metrics.Thresholds{"iterations": limits})
		began, ended := time.Now(), make(chan error, 1)
		s.SetTestRunStopCallback(func(err error) { ended <- err })
		s.begin(t)
		// Made while k6 still made VUs: the test begins later.
		s.add(s.sample("vus", nil, 0))
		time.Sleep(500 * time.Millisecond)
		s.add(s.sample("iterations", get, 5))
		err := <-ended
		var code errext.HasExitCode
		var reason errext.HasAbortReason
		if !errors.As(err, &code) || code.ExitCode() != 99 || !errors.As(err, &reason) || reason.AbortReason() != errext.AbortedByThreshold {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("after %v", took)
		}
		_ = s.StopWithTestError(err)
	})
}

func TestConnectionsAreToldWhileTheyAreOpenAndOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.registry.MustNewMetric(generated.OpenConnections, metrics.Gauge)
		s.begin(t)
		s.add(s.sample(generated.OpenConnections, get, 2))
		time.Sleep(2500 * time.Millisecond)
		s.add(s.sample(generated.OpenConnections, get, 0))
		time.Sleep(2 * time.Second)
		_ = s.StopWithTestError(nil)
		var open []string
		for _, line := range s.disk.lines(t) {
			told := "-"
			for _, c := range line.Connections {
				told = fmt.Sprint(c.Open)
			}
			open = append(open, told)
		}
		if !slices.Equal(open, []string{"2", "2", "0", "-", "-"}) {
			t.Errorf("open were %v", open)
		}
	})
}

func TestNothingIsLostBetweenThoseWhoAddAndTheOneWhoWrites(t *testing.T) {
	s := newStage(t, nil)
	s.interval = 5 * time.Millisecond
	s.begin(t)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 5000 {
		tags := with(get, "endpoint", fmt.Sprint(r.IntN(20)))
		s.add(s.sample("s3_op_duration", tags, r.Float64()*100), s.sample("s3_errors", with(tags, "class", fmt.Sprint(i%7)), 1))
	}
	_ = s.StopWithTestError(nil)
	ops, failures := int64(0), int64(0)
	lines := s.disk.lines(t)
	for _, line := range lines {
		for _, series := range line.Series {
			ops += series.Ops
			for _, n := range series.Errors {
				failures += n
			}
		}
	}
	if ops != 5000 || failures != 5000 || len(lines) < 3 {
		t.Errorf("%d operations and %d failures in %d lines", ops, failures, len(lines))
	}
}

func TestArguments(t *testing.T) {
	for text, want := range map[string]argument{
		"run.ndjson":                    {"run.ndjson", time.Second},
		"/a b/c=d.ndjson":               {"/a b/c=d.ndjson", time.Second},
		"run.ndjson,interval=250ms":     {"run.ndjson", 250 * time.Millisecond},
		"run.ndjson,interval=1h":        {"run.ndjson", time.Hour},
		"run.ndjson,interval=1.5s":      {"run.ndjson", 1500 * time.Millisecond},
		"/a/folder.d/run,interval=10s":  {"/a/folder.d/run", 10 * time.Second},
		"./-odd-name.json,interval=1m0": {},
		"-":                             {"-", time.Second},
		"-,interval=5s":                 {"-", 5 * time.Second},
		"":                              {},
		",interval=1s":                  {},
		"run.ndjson,interval=":          {},
		"run.ndjson,interval=0s":        {},
		"run.ndjson,interval=-1s":       {},
		"run.ndjson,interval=1ms":       {},
		"run.ndjson,interval=2h":        {},
		"run.ndjson,interval=1":         {},
		"run.ndjson,intervall=1s":       {},
		"/a, b/c,d":                     {"/a, b/c,d", time.Second},
		"/a,b=c/d,interval=2s":          {"/a,b=c/d", 2 * time.Second},
	} {
		got, err := parseArgument(text)
		if want.file == "" {
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "--out s3loadtest="+text) || !strings.Contains(err.Error(), "give ") {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q is %v (%v), not %v", text, got, err, want)
		}
	}
}

func TestTheFile(t *testing.T) {
	s := newStage(t, nil)
	path := s.argument.file
	if err := os.WriteFile(path, []byte("an older and longer content than a line can have, in which nothing is JSON\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	_ = s.StopWithTestError(nil)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := io.Copy(&s.disk.content, file); err != nil || len(s.disk.lines(t)) != 1 {
		t.Errorf("%v, %s", err, s.disk.content.String())
	}

	s = newStage(t, nil)
	s.argument.file = filepath.Join(path, "below a file")
	err = s.Start()
	var code errext.HasExitCode
	if err == nil || !errors.As(err, &code) || code.ExitCode() != 104 || !strings.Contains(err.Error(), s.argument.file) {
		t.Errorf("%v", err)
	}
}

func TestStandardOutput(t *testing.T) {
	s := newStage(t, nil)
	s.argument.file, s.stdout = "-", s.disk
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	s.add(s.sample("iterations", get, 1))
	_ = s.StopWithTestError(nil)
	if lines := s.disk.lines(t); len(lines) != 1 || lines[0].Generator.Iterations != 1 || lines[0].End == nil {
		t.Errorf("%s", s.disk.content.String())
	}
}

func TestDescriptors(t *testing.T) {
	readable, writable, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = readable.Close() }()
	handed, err := syscall.Dup(int(writable.Fd()))
	_ = writable.Close()
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, nil)
	s.argument.file = fmt.Sprintf("fd:%d", handed)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	s.add(s.sample("iterations", get, 1))
	_ = s.StopWithTestError(nil)
	if _, err := io.Copy(&s.disk.content, readable); err != nil {
		t.Fatal(err)
	}
	if lines := s.disk.lines(t); len(lines) != 1 || lines[0].Generator.Iterations != 1 {
		t.Errorf("%s", s.disk.content.String())
	}
	for _, name := range []string{"fd:0", "fd:2", "fd:", "fd:x", "fd:-4", "fd:7000", "fd:99999999999", fmt.Sprintf("fd:%d", readable.Fd())} {
		s := newStage(t, nil)
		s.argument.file = name
		err := s.Start()
		var code errext.HasExitCode
		if err == nil || !errors.As(err, &code) || code.ExitCode() != 104 || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "give fd:3") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThresholdsOnUnknownMetrics(t *testing.T) {
	s := newStage(t, map[string]metrics.Thresholds{"of_the_script": metrics.NewThresholds([]string{"count>0"})})
	registered.Store(nil)
	err := s.Start()
	var code errext.HasExitCode
	if err == nil || !errors.As(err, &code) || code.ExitCode() != 104 || !strings.Contains(err.Error(), "where it loads k6/x/s3loadtest") {
		t.Errorf("%v", err)
	}
	// What is there in any case.
	s = newStage(t, map[string]metrics.Thresholds{
		"s3_op_duration":  metrics.NewThresholds([]string{"p(99)<5"}),
		"http_req_failed": metrics.NewThresholds([]string{"rate<0.01"}),
	})
	registered.Store(nil)
	if err := s.Start(); err != nil {
		t.Error(err)
	}
	_ = s.StopWithTestError(nil)
}

// What AddMetricSamples costs with operations as the native backend records them, each eleven samples, of 24 series.
func BenchmarkSamples(b *testing.B) {
	for name, thresholds := range map[string]map[string]metrics.Thresholds{
		"none": nil,
		"four": {
			"s3_op_duration{test:firehose}":     metrics.NewThresholds([]string{"max>0"}),
			"http_req_failed{test:firehose}":    metrics.NewThresholds([]string{"rate<0.01"}),
			"http_req_duration{op:GET}":         metrics.NewThresholds([]string{"p(99)<50"}),
			"s3_op_duration{op:PUT,size:100KB}": metrics.NewThresholds([]string{"p(99)<50"}),
		},
	} {
		b.Run("thresholds="+name, func(b *testing.B) {
			s := newStage(b, thresholds)
			s.begin(b)
			containers := operations(s)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.AddMetricSamples(containers[i%len(containers)])
			}
			// A batch is what k6 hands over every 50 ms at 20,000 operations a second.
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchOperations/11, "ns/sample")
			_ = s.StopWithTestError(nil)
		})
	}
}

const batchOperations = 1000

func operations(s *stage) [][]metrics.SampleContainer {
	r := rand.New(rand.NewPCG(1, 2))
	batches := make([][]metrics.SampleContainer, 8)
	for b := range batches {
		for range batchOperations {
			tags := map[string]string{
				"test": "firehose", "scenario": "firehose",
				"op": []string{"GET", "PUT"}[r.IntN(2)], "size": []string{"1KB", "10KB", "100KB", "1MB", "10MB", "100MB"}[r.IntN(6)],
				"endpoint": []string{"127.0.0.1:9000", "127.0.0.1:9001"}[r.IntN(2)],
			}
			ended := with(with(tags, "status", "200"), "expected_response", "true")
			all := metrics.Samples{}
			for _, metric := range []string{
				"http_reqs", "http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_tls_handshaking", "http_req_sending",
				"http_req_waiting", "http_req_receiving", "http_req_failed",
			} {
				all = append(all, s.sample(metric, ended, r.Float64()*20))
			}
			all = append(all, s.sample("s3_op_duration", tags, r.Float64()*20), s.sample("s3_bytes", tags, 1024))
			batches[b] = append(batches[b], all)
		}
	}
	return batches
}

// lib/generated.test.ts wrote an interval that has everything.
func TestAnIntervalIsWhatTypeScriptSays(t *testing.T) {
	text, err := os.ReadFile("../generated/testdata/interval.json")
	if err != nil {
		t.Fatal(err)
	}
	var known interval
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&known); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(written, &got), json.Unmarshal(text, &want)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
