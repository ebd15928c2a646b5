// Package measure puts what the client does into k6's metrics: those that k6/http has, with the tags that it gives them, and
// the project's own.
package measure

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/generated"
	"s3loadtest/extension/request"
)

// Own are the project's own metrics.
type Own struct {
	opDuration, errorDuration, errors, misses, bytes, objects, retries, redirected, verified *metrics.Metric
	// Of connections that are held open.
	connections, connectionsOpen, connectionBytes, connectionLifetime *metrics.Metric
}

// Register tells k6 of them, or finds them told already. Only to be called in k6's init context.
func Register(registry *metrics.Registry) *Own {
	return &Own{
		opDuration:    registry.MustNewMetric(generated.OpDuration, metrics.Trend, metrics.Time),
		errorDuration: registry.MustNewMetric(generated.ErrorDuration, metrics.Trend, metrics.Time),
		errors:        registry.MustNewMetric(generated.Errors, metrics.Counter),
		misses:        registry.MustNewMetric(generated.Misses, metrics.Counter),
		bytes:         registry.MustNewMetric(generated.Bytes, metrics.Counter),
		objects:       registry.MustNewMetric(generated.Objects, metrics.Counter),
		retries:       registry.MustNewMetric(generated.Retries, metrics.Counter),
		redirected:    registry.MustNewMetric(generated.Redirected, metrics.Counter),
		verified:      registry.MustNewMetric(generated.Verified, metrics.Counter),

		connections:        registry.MustNewMetric(generated.Connections, metrics.Counter),
		connectionsOpen:    registry.MustNewMetric(generated.OpenConnections, metrics.Gauge),
		connectionBytes:    registry.MustNewMetric(generated.ConnectionBytes, metrics.Counter, metrics.Data),
		connectionLifetime: registry.MustNewMetric(generated.ConnectionLifetime, metrics.Trend, metrics.Time),
	}
}

// Counting says what becomes of what is heard.
type Counting struct {
	// Silent is for what is done beside the load: its requests are k6's to count, and none of them is an operation.
	Silent bool
	// MissesExpected: that an object is not there is a miss, and no error.
	MissesExpected bool
	// SampleMark begins the log line that tells the first failure of a class.
	SampleMark string
}

// Recorder is one virtual user's.
type Recorder struct {
	counting Counting
	state    *lib.State
	own      *Own
	tags     tagCache

	mu    sync.Mutex
	heard map[request.Class]bool
}

// NewRecorder makes one for a VU that runs.
func NewRecorder(state *lib.State, own *Own, counting Counting) *Recorder {
	return &Recorder{
		counting: counting,
		state:    state,
		own:      own,
		tags:     tagCache{system: state.Options.SystemTags, known: map[series]*tagSets{}},
		heard:    map[request.Class]bool{},
	}
}

// Most attempts come to nine samples of k6's and two of ours.
const usualSamples = 11

// Attempt records one request. All its samples go in one container, as k6's own do.
func (r *Recorder) Attempt(by request.Caller, a *request.Attempt) {
	op, size, endpoint := a.Command.Op, a.Size, a.Endpoint
	if r.counting.Silent {
		op, size, endpoint = generated.Preparation, "", ""
	}
	status := a.Outcome.Status
	// An answer that there is none of what was asked for is a success, whatever its status.
	expected := a.Outcome.Failure == nil || status >= 200 && status < 400 || r.counting.MissesExpected && status == 404
	r.tags.mu.Lock()
	sets := r.tags.of(by, op, size, endpoint)
	ended := r.tags.ended(sets, a, expected)
	var retried, redirected *metrics.TagSet
	if a.FailedAt != "" && !r.counting.Silent {
		retried = r.tags.of(by, op, size, a.FailedAt).own
	}
	if a.PassedOver != "" && !r.counting.Silent {
		redirected = r.tags.of(by, op, size, a.PassedOver).own
	}
	r.tags.mu.Unlock()

	s := samples{make(metrics.Samples, 0, usualSamples), a.Times.Ended, by.Tags.Metadata}
	t, k6 := &a.Times, r.state.BuiltinMetrics
	s.add(k6.HTTPReqs, ended, 1)
	s.add(k6.HTTPReqDuration, ended, metrics.D(t.Sending+t.Waiting+t.Receiving))
	s.add(k6.HTTPReqBlocked, ended, metrics.D(t.Blocked))
	s.add(k6.HTTPReqConnecting, ended, metrics.D(t.Connecting))
	s.add(k6.HTTPReqTLSHandshaking, ended, metrics.D(t.TLSHandshaking))
	s.add(k6.HTTPReqSending, ended, metrics.D(t.Sending))
	s.add(k6.HTTPReqWaiting, ended, metrics.D(t.Waiting))
	s.add(k6.HTTPReqReceiving, ended, metrics.D(t.Receiving))
	s.add(k6.HTTPReqFailed, ended, metrics.B(!expected))
	if retried != nil {
		s.add(r.own.retries, retried, 1)
	}
	if redirected != nil {
		s.add(r.own.redirected, redirected, 1)
	}
	if !r.counting.Silent {
		r.addOwn(&s, sets.own, a)
	}
	metrics.PushIfNotDone(by.Context, r.state.Samples, s.all)
}

func (r *Recorder) addOwn(s *samples, tags *metrics.TagSet, a *request.Attempt) {
	if failure := a.Outcome.Failure; failure != nil {
		if a.Outcome.DoneBefore {
			return
		}
		if r.count(s, tags, a, failure, 1) {
			s.add(r.own.errorDuration, tags, metrics.D(a.Outcome.Took))
		}
		return
	}
	if !a.Command.Counted {
		return
	}
	s.add(r.own.opDuration, tags, metrics.D(a.Outcome.Took))
	if a.Outcome.Bytes > 0 {
		s.add(r.own.bytes, tags, float64(a.Outcome.Bytes))
	}
	if a.Verified {
		s.add(r.own.verified, tags, 1)
	}
	if found := a.Outcome.Found; found != nil && found.Objects > 0 {
		s.add(r.own.objects, tags, float64(found.Objects))
	}
	for _, refusal := range a.Refused {
		r.count(s, tags, a, &refusal.Failure, refusal.Objects)
	}
}

// count returns whether it was an error, and no miss.
func (r *Recorder) count(s *samples, tags *metrics.TagSet, a *request.Attempt, failure *request.Failure, n int) bool {
	// Of a command on many objects only these may be missing, and not its bucket.
	mayMiss := a.Command.MayMiss && (!a.Command.Many || failure.Code == "NoSuchKey")
	if r.counting.MissesExpected && failure.Class == request.NotFound && mayMiss {
		s.add(r.own.misses, tags, float64(n))
		return false
	}
	s.add(r.own.errors, tags.With("class", string(failure.Class)), float64(n))
	r.tell(a, failure)
	return true
}

// tell logs the first failure of each class, as lib/s3/engines/recorder.ts does.
func (r *Recorder) tell(a *request.Attempt, failure *request.Failure) {
	r.mu.Lock()
	told := r.heard[failure.Class]
	r.heard[failure.Class] = true
	r.mu.Unlock()
	if told {
		return
	}
	sample, _ := json.Marshal(struct {
		Class   request.Class `json:"class"`
		Op      string        `json:"op"`
		Message string        `json:"message"`
	}{failure.Class, a.Command.Op, fmt.Sprintf("%s (endpoint %s)", describe(a.Outcome.Status, failure), a.Endpoint)})
	r.state.Logger.WithFields(logrus.Fields{"source": "console"}).Warn(r.counting.SampleMark + string(sample))
}

// describe is lib/s3/classify.ts's describeFailure: 503 SlowDown: Please reduce your request rate. One line.
func describe(status int, failure *request.Failure) string {
	said := strings.Join(strings.Fields(failure.Message), " ")
	if status == 0 {
		return said
	}
	text := fmt.Sprint(status)
	if failure.Code != "" {
		text += " " + failure.Code
	}
	if said != "" {
		text += ": " + said
	}
	return text
}

// Composed records an operation that several calls made, as its caller sees it; the calls were recorded as they were made.
func (r *Recorder) Composed(by request.Caller, op, size string, whole *request.Outcome) {
	if r.counting.Silent {
		return
	}
	r.tags.mu.Lock()
	tags := r.tags.of(by, op, size, whole.Endpoint).own
	r.tags.mu.Unlock()
	s := samples{make(metrics.Samples, 0, 2), time.Now(), by.Tags.Metadata}
	s.add(r.own.opDuration, tags, metrics.D(whole.Took))
	s.add(r.own.bytes, tags, float64(whole.Bytes))
	metrics.PushIfNotDone(by.Context, r.state.Samples, s.all)
}

// samples of one moment.
type samples struct {
	all      metrics.Samples
	time     time.Time
	metadata map[string]string
}

func (s *samples) add(metric *metrics.Metric, tags *metrics.TagSet, value float64) {
	s.all = append(s.all, metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags},
		Time:       s.time,
		Metadata:   s.metadata,
		Value:      value,
	})
}
