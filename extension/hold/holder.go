package hold

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"s3loadtest/extension/request"
)

const (
	// opensPerSecond is how many connections are opened a second by themselves: a server's listen queue, of 128 to 4,096,
	// is not to overflow before the server has had a chance.
	opensPerSecond = 1_000
	opensAtOnce    = 10
	// shortLife is of a connection that is not worth replacing at once when it has failed.
	shortLife = time.Second
)

// Operate opens a connection, does one slow operation over it, and tells whether that succeeded.
type Operate func(ctx context.Context) bool

// Holder keeps operations under way, each on a connection of its own. It is one goroutine's, but for what it starts.
type Holder struct {
	ctx    context.Context
	cancel context.CancelFunc
	// operate is dealt out in turn.
	operate []Operate
	turns   *rate.Limiter
	asking  sync.Mutex

	// kept end the places whose connections are replaced.
	kept []context.CancelFunc
	all  sync.WaitGroup
	// single are connections under way that are not replaced, dealt how many of them there were.
	single atomic.Int64
	dealt  int
}

// NewHolder holds nothing yet. What it holds ends with the context.
func NewHolder(ctx context.Context, operate []Operate) *Holder {
	h := &Holder{operate: operate, turns: rate.NewLimiter(opensPerSecond, opensAtOnce)}
	h.ctx, h.cancel = context.WithCancel(ctx)
	return h
}

// Keep has so many connections open from now on, each replaced when it ends. Where there were more, the last are closed.
func (h *Holder) Keep(n int) {
	if h.ctx.Err() != nil {
		return
	}
	for len(h.kept) > n {
		last := len(h.kept) - 1
		h.kept[last]()
		h.kept = h.kept[:last]
	}
	for len(h.kept) < n {
		ctx, cancel := context.WithCancel(h.ctx)
		operate := h.operate[len(h.kept)%len(h.operate)]
		h.kept = append(h.kept, cancel)
		h.all.Go(func() { h.keep(ctx, operate) })
	}
}

// turn waits for one, and returns false when the context ends first. One asks at a time: a limiter that hears of a time before
// the last one it heard of takes the time in between for twice as long.
func (h *Holder) turn(ctx context.Context) bool {
	h.asking.Lock()
	delay := h.turns.Reserve().Delay()
	h.asking.Unlock()
	select {
	case <-time.After(delay):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// keep is one place: a connection after the other.
func (h *Holder) keep(ctx context.Context, operate Operate) {
	for attempt := 1; h.turn(ctx); {
		began := time.Now()
		if operate(ctx) || time.Since(began) > shortLife {
			attempt = 1
			continue
		}
		attempt++
		select {
		case <-time.After(request.PauseBefore(attempt, rand.Float64())):
		case <-ctx.Done():
			return
		}
	}
}

// Open opens so many connections now, which are not replaced, and returns for how many there was no place: at most so many
// are open at once.
func (h *Holder) Open(n, most int) (dropped int) {
	for ; n > 0; n-- {
		if h.ctx.Err() != nil || h.single.Load() >= int64(most) {
			return n
		}
		h.single.Add(1)
		operate := h.operate[h.dealt%len(h.operate)]
		h.dealt++
		h.all.Go(func() {
			defer h.single.Add(-1)
			operate(h.ctx)
		})
	}
	return 0
}

// Close ends all of it, and returns when nothing is left.
func (h *Holder) Close() {
	h.cancel()
	h.all.Wait()
}
