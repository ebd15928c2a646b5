package request

import (
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
