package request

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// outageOf an endpoint that n requests in a row were not answered by.
func outageOf(n int) (*health, string) {
	h := NewOutages().of("a:1")
	said := ""
	for range n {
		said = h.notAnswered(time.Now(), "request timeout")
	}
	return h, said
}

func TestAnEndpointThatDoesNotAnswerIsLeftOut(t *testing.T) {
	if h, said := outageOf(outAfter - 1); !h.mayTry() || said != "" {
		t.Errorf("after %d: left out, or said %q", outAfter-1, said)
	}
	h, said := outageOf(outAfter)
	if h.mayTry() || !strings.HasPrefix(said, "a:1 has answered none of 3 requests in a row (request timeout)") {
		t.Errorf("after %d: not left out, or said %q", outAfter, said)
	}
	if said := h.answered(); !strings.HasPrefix(said, "a:1 answers again, after 0 s") || !h.mayTry() {
		t.Errorf("after an answer: still left out, or said %q", said)
	}
	if said := h.answered(); said != "" {
		t.Errorf("said twice: %q", said)
	}
}

func TestAnAnswerInBetweenCountsAnew(t *testing.T) {
	h, _ := outageOf(outAfter - 1)
	h.answered()
	h.notAnswered(time.Now(), "")
	if !h.mayTry() {
		t.Error("left out")
	}
}

func TestOneRequestTriesItAgain(t *testing.T) {
	h, _ := outageOf(outAfter)
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if until := time.Until(time.Unix(0, h.until.Load())).Round(time.Second); until != pause*time.Second {
			t.Fatalf("left out for %v, not %v s", until, int(pause))
		}
		h.until.Store(1) // Its time has come.
		if !h.mayTry() || h.mayTry() {
			t.Fatal("not one request may try")
		}
		if said := h.notAnswered(time.Now(), ""); said != "" {
			t.Fatalf("said again: %q", said)
		}
	}
}

func TestRequestsUnderWayAsItIsGivenUpSayNothingNew(t *testing.T) {
	began := time.Now()
	h, _ := outageOf(outAfter)
	until := h.until.Load()
	for range 9 {
		h.notAnswered(began, "")
	}
	if h.until.Load() != until {
		t.Error("left out for longer")
	}
}

func TestClientsShareWhatTheyKnow(t *testing.T) {
	outages := NewOutages()
	if outages.of("a:1") != outages.of("a:1") || outages.of("a:1") == outages.of("b:1") {
		t.Error("not one state an endpoint")
	}
}

// turnsOf so many requests to four endpoints: who had them, and whose turns were another's, when those are left out.
func turnsOf(requests int, dead ...string) (taken, passedOver map[string]int) {
	names := []string{"a:1", "b:1", "c:1", "d:1"}
	var endpoints []string
	for _, name := range names {
		endpoints = append(endpoints, "http://"+name)
	}
	client := New(Options{Endpoints: endpoints, Bucket: "b", FirstEndpoint: 1}, nil, nil)
	for _, name := range dead {
		for range outAfter {
			client.Outages.of(name).notAnswered(time.Now(), "")
		}
	}
	taken, passedOver = map[string]int{}, map[string]int{}
	for range requests {
		h, over := client.nextHost()
		taken[h.endpoint]++
		if over != "" {
			passedOver[over]++
		}
	}
	return taken, passedOver
}

func TestTurns(t *testing.T) {
	type counts = map[string]int
	for _, c := range []struct {
		dead              []string
		taken, passedOver counts
	}{
		{nil, counts{"a:1": 30, "b:1": 30, "c:1": 30, "d:1": 30}, counts{}},
		{[]string{"b:1"}, counts{"a:1": 40, "c:1": 40, "d:1": 40}, counts{"b:1": 30}},
		{[]string{"b:1", "c:1"}, counts{"a:1": 60, "d:1": 60}, counts{"b:1": 30, "c:1": 30}},
		{[]string{"a:1", "b:1", "c:1", "d:1"}, counts{"a:1": 30, "b:1": 30, "c:1": 30, "d:1": 30}, counts{}},
	} {
		taken, passedOver := turnsOf(120, c.dead...)
		if !maps.Equal(taken, c.taken) || !maps.Equal(passedOver, c.passedOver) {
			t.Errorf("%v: %v had them, %v was passed over", c.dead, taken, passedOver)
		}
	}
}
