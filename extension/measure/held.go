package measure

import (
	"time"

	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/generated"
	"s3loadtest/extension/request"
)

// outcomeOfClass is how a connection ended by the failure of its request; by any other the server rejected it.
var outcomeOfClass = map[request.Class]string{
	request.Connect: generated.OutcomeRefused,
	request.Timeout: generated.OutcomeTimeout,
	request.Reset:   generated.OutcomeReset,
}

// Held records what becomes of connections that are held open: all that one VU has for one operation at one endpoint.
// Their requests it records as any others.
type Held struct {
	recorder  *Recorder
	by        request.Caller
	tags      *metrics.TagSet
	byOutcome map[string]*metrics.TagSet
}

// NewHeld is for this operation and endpoint, on a VU's behalf.
func NewHeld(recorder *Recorder, by request.Caller, op, endpoint string) *Held {
	tags := by.Tags.Tags.With("op", op).With("name", op).With("endpoint", endpoint)
	h := &Held{recorder: recorder, by: by, tags: tags, byOutcome: map[string]*metrics.TagSet{}}
	for _, outcome := range generated.Outcomes {
		h.byOutcome[outcome] = tags.With("outcome", outcome)
	}
	return h
}

// Opened: one stands.
func (h *Held) Opened() {
	h.push(func(s *samples) { s.add(h.recorder.own.connections, h.byOutcome[generated.OutcomeOpened], 1) })
}

// Attempt records a request that is over, and its connection with it.
func (h *Held) Attempt(_ request.Caller, a *request.Attempt) {
	h.recorder.Attempt(h.by, a)
	outcome := generated.OutcomeCompleted
	if a.Outcome.Failure != nil {
		known := false
		if outcome, known = outcomeOfClass[a.Outcome.Failure.Class]; !known {
			outcome = generated.OutcomeRejected
		}
	}
	h.ended(outcome, a.Times.Ended.Sub(a.Times.Began)-a.Times.Blocked)
}

// Composed is of operations of several calls, which are never slow.
func (h *Held) Composed(by request.Caller, op, size string, whole *request.Outcome) {
	h.recorder.Composed(by, op, size, whole)
}

// Closed by us before its request was answered.
func (h *Held) Closed(lived time.Duration) { h.ended(generated.OutcomeClosed, lived) }

func (h *Held) ended(outcome string, lived time.Duration) {
	h.push(func(s *samples) {
		s.add(h.recorder.own.connections, h.byOutcome[outcome], 1)
		if outcome != generated.OutcomeRefused {
			s.add(h.recorder.own.connectionLifetime, h.tags, metrics.D(lived))
		}
	})
}

// Now tells how many are open, and the bytes that went each way since it was told last.
func (h *Held) Now(open, sent, received int64) {
	k6 := h.recorder.state.BuiltinMetrics
	h.push(func(s *samples) {
		s.add(h.recorder.own.connectionsOpen, h.tags, float64(open))
		for _, way := range []struct {
			direction string
			bytes     int64
			k6        *metrics.Metric
		}{{"sent", sent, k6.DataSent}, {"received", received, k6.DataReceived}} {
			if way.bytes > 0 {
				s.add(h.recorder.own.connectionBytes, h.tags.With("direction", way.direction), float64(way.bytes))
				s.add(way.k6, h.by.Tags.Tags, float64(way.bytes))
			}
		}
	})
}

// push what happened now. Nothing is pushed once the test has ended.
func (h *Held) push(add func(s *samples)) {
	s := samples{time: time.Now(), metadata: h.by.Tags.Metadata}
	add(&s)
	metrics.PushIfNotDone(h.by.Context, h.recorder.state.Samples, s.all)
}
