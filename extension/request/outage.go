package request

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// An endpoint that answers none of so many requests in a row, whoever made them, is left out for a while.
const outAfter = 3

// How long it is left out before one request tries it again: doubling.
const (
	firstOutage   = time.Second
	longestOutage = 30 * time.Second
)

// Outages is what the clients of a process know of their endpoints, so that one finds out for all. lib/s3/outage.ts is the same
// for one VU, where VUs share nothing.
type Outages struct {
	mu        sync.Mutex
	endpoints map[string]*health
}

// NewOutages knows of none.
func NewOutages() *Outages { return &Outages{endpoints: map[string]*health{}} }

func (o *Outages) of(endpoint string) *health {
	o.mu.Lock()
	defer o.mu.Unlock()
	known, found := o.endpoints[endpoint]
	if !found {
		known = &health{endpoint: endpoint}
		o.endpoints[endpoint] = known
	}
	return known
}

// health is of one endpoint. What every request looks at is atomic.
type health struct {
	endpoint string
	// unanswered counts requests without an answer since the last one that had one.
	unanswered atomic.Int32
	// until, in Unix nanoseconds, is when it is tried again; 0 while it is not left out.
	until atomic.Int64

	mu sync.Mutex
	// since is when it was left out, and tried when it was last given up; pause is how long it then stays left out.
	since, tried time.Time
	pause        time.Duration
}

// mayTry tells whether a request may go there now: of an endpoint that is left out, one when its time has come.
func (h *health) mayTry() bool {
	until := h.until.Load()
	if until == 0 {
		return true
	}
	now := time.Now().UnixNano()
	return now >= until && h.until.CompareAndSwap(until, now+int64(longestOutage))
}

// answered returns what there is to say of that: that it is not left out any more.
func (h *health) answered() string {
	if h.unanswered.Load() == 0 {
		return ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unanswered.Store(0)
	if h.until.Swap(0) == 0 {
		return ""
	}
	return fmt.Sprintf("%s answers again, after %.0f s", h.endpoint, time.Since(h.since).Seconds())
}

// notAnswered is for a request that began then, and returns what there is to say: that the endpoint is left out from now on.
func (h *health) notAnswered(began time.Time, why string) string {
	failed := h.unanswered.Add(1)
	if failed < outAfter {
		return ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Others were under way as it was given up: they say nothing new.
	if began.Before(h.tried) {
		return ""
	}
	isNew := h.until.Load() == 0
	h.tried = time.Now()
	if isNew {
		h.since, h.pause = h.tried, firstOutage
	} else {
		h.pause = min(2*h.pause, longestOutage)
	}
	h.until.Store(h.tried.Add(h.pause).UnixNano())
	if !isNew {
		return ""
	}
	return fmt.Sprintf("%s has answered none of %d requests in a row (%s): requests go to the other endpoints, and one "+
		"tries it again after 1 s, later every 30 s", h.endpoint, failed, why)
}
