package request

import (
	"context"
	"slices"
	"testing"
	"time"

	"s3loadtest/extension/wire"
)

func outcomeOf(class Class, status int) *Outcome {
	return &Outcome{Status: status, Failure: &Failure{Class: class}}
}

// pausesAfter outcomes of operations that take no time, one after the other, in milliseconds; without the random part.
func pausesAfter(b *brake, endpoints int, outcomes ...*Outcome) []int {
	var pauses []int
	for _, outcome := range outcomes {
		// What the test itself takes is rounded off.
		pauses = append(pauses, int((b.pauseAfter(outcome, time.Now(), endpoints, 1)+time.Millisecond/2)/time.Millisecond))
		time.Sleep(time.Microsecond)
	}
	return pauses
}

func times(n int, outcome *Outcome) []*Outcome { return slices.Repeat([]*Outcome{outcome}, n) }

func TestPausesAfterOperationsWithoutAnAnswer(t *testing.T) {
	refused, answered := outcomeOf(Connect, 0), &Outcome{Status: 200}
	for name, c := range map[string]struct {
		endpoints int
		outcomes  []*Outcome
		want      []int
	}{
		"doubles":          {1, times(12, refused), []int{0, 0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000}},
		"reset":            {1, times(3, outcomeOf(Reset, 0)), []int{0, 0, 10}},
		"each may fail":    {5, times(6, refused), []int{0, 0, 0, 0, 10, 20}},
		"answered":         {1, append(append(times(3, refused), answered), times(3, refused)...), []int{0, 0, 10, 0, 0, 0, 10}},
		"503 is an answer": {1, times(6, outcomeOf(Throttled, 503)), []int{0, 0, 0, 0, 0, 0}},
		"403 ends the row": {1, []*Outcome{refused, refused, outcomeOf(Auth, 403), refused}, []int{0, 0, 0, 0}},
		"time limits":      {1, []*Outcome{refused, refused, outcomeOf(Timeout, 0), refused}, []int{0, 0, 0, 10}},
		"the test's end":   {1, []*Outcome{refused, refused, outcomeOf("", 0), refused}, []int{0, 0, 0, 10}},
		"only time limits": {1, times(6, outcomeOf(Timeout, 0)), []int{0, 0, 0, 0, 0, 0}},
	} {
		if got := pausesAfter(&brake{}, c.endpoints, c.outcomes...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}

func TestWhatAnOperationTookIsPartOfTheTime(t *testing.T) {
	var b brake
	refused := outcomeOf(Connect, 0)
	pausesAfter(&b, 1, times(20, refused)...)
	time.Sleep(time.Millisecond)
	for ago, want := range map[time.Duration]time.Duration{700 * time.Millisecond: 300 * time.Millisecond, 1400 * time.Millisecond: 0} {
		if got := b.pauseAfter(refused, time.Now().Add(-ago), 1, 1).Round(10 * time.Millisecond); got != want {
			t.Errorf("after %v: %v, not %v", ago, got, want)
		}
	}
}

func TestOperationsUnderWayAtOnceCountOnce(t *testing.T) {
	var b brake
	began := time.Now()
	refused := outcomeOf(Connect, 0)
	for range 30 {
		b.pauseAfter(refused, began.Add(-time.Nanosecond), 1, 1)
	}
	if row := b.row.Load(); row != 1 {
		t.Errorf("a row of %d", row)
	}
}

// refusing is an endpoint at which nothing listens.
type refusing struct{ requests int }

func (r *refusing) Exchange(context.Context, *wire.Request, func(int) bool) (wire.Answer, wire.Times, *wire.Error) {
	r.requests++
	now := time.Now()
	return wire.Answer{}, wire.Times{Began: now, Ended: now}, &wire.Error{Class: wire.Connect, Message: "connection refused"}
}

type noRecorder struct{}

func (noRecorder) Attempt(Caller, *Attempt)                  {}
func (noRecorder) Composed(Caller, string, string, *Outcome) {}

// requestsIn a time of a closed loop at an endpoint that refuses all.
func requestsIn(d time.Duration, brakes bool) (requests int, overrun time.Duration) {
	wire := &refusing{}
	client := New(Options{Endpoints: []string{"http://a:1"}, Bucket: "b", Attempts: 1, Brakes: brakes}, wire, noRecorder{})
	command := NewCommand(Row{Op: "HEAD", Method: "HEAD", On: "object"})
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	began := time.Now()
	for ctx.Err() == nil && wire.requests < 1000 {
		client.Do(Caller{Context: ctx}, command, &Call{Key: "k"})
	}
	return wire.requests, time.Since(began) - d
}

func TestAClosedLoopIsBraked(t *testing.T) {
	// 5 to 10 ms, then doubling: the tenth begins after 0.6 s at the soonest.
	requests, overrun := requestsIn(600*time.Millisecond, true)
	if requests < 3 || requests > 11 {
		t.Errorf("%d requests", requests)
	}
	if overrun > 300*time.Millisecond {
		t.Errorf("the test's end is waited for %v", overrun)
	}
	if requests, _ := requestsIn(5*time.Second, false); requests < 1000 {
		t.Errorf("%d requests without a brake", requests)
	}
}

func TestACallBesideTheVirtualUserIsBraked(t *testing.T) {
	client := New(Options{Endpoints: []string{"http://a:1"}, Bucket: "b", Attempts: 1, Brakes: true}, &refusing{}, noRecorder{})
	command := NewCommand(Row{Op: "HEAD", Method: "HEAD", On: "object"})
	var last time.Duration
	for range 3 {
		time.Sleep(time.Microsecond)
		begin := client.NewOperation(command, &Call{Key: "k"}).Begin(Caller{Context: context.Background()})
		_, pause, again := begin()
		if again {
			t.Fatal("tried again")
		}
		last = pause
	}
	if last <= 0 {
		t.Error("not braked")
	}
}
