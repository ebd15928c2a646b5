package request

import (
	"sync"
	"sync/atomic"
	"time"
)

// The shortest and the longest time from the begin of an operation that got no answer to the end of the pause after it.
const (
	firstBrake   = 10 * time.Millisecond
	longestBrake = time.Second
)

// brake keeps a virtual user of a closed loop from failing as fast as it can. lib/s3/brake.ts is the same for the other engines,
// and says why.
type brake struct {
	// row counts operations without an answer since the last that had one. What every success looks at is atomic.
	row atomic.Int32

	mu       sync.Mutex
	failedAt time.Time
}

// pauseAfter says how long to wait after an operation that began then, of a client with so many endpoints.
func (b *brake) pauseAfter(outcome *Outcome, began time.Time, endpoints int, random float64) time.Duration {
	if outcome.Status != 0 {
		if b.row.Load() != 0 {
			b.row.Store(0)
		}
		return 0
	}
	// A time limit has held the virtual user up by itself, and "" is of the test's end.
	if outcome.Failure == nil || outcome.Failure.Class == Timeout || outcome.Failure.Class == "" {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	// Of several that were under way at once, the first speaks for all.
	if !began.Before(b.failedAt) {
		b.row.Add(1)
		b.failedAt = now
	}
	over := int(b.row.Load()) - max(outAfter, endpoints)
	if over < 0 {
		return 0
	}
	whole := longestBrake
	if over < 10 {
		whole = min(whole, firstBrake<<over)
	}
	return max(0, whole/2+time.Duration(random*float64(whole/2))-now.Sub(began))
}
