package shared

import (
	"sync"
	"time"
)

// Pending counts what is still to be done when a test has ended: whoever ends the process waits for it.
type Pending struct {
	mu    sync.Mutex
	count int
	done  chan struct{}
}

// Cleanups are those of this process.
var Cleanups Pending

// Begin counts one more.
func (p *Pending) Begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 {
		p.done = make(chan struct{})
	}
	p.count++
}

// End counts one less.
func (p *Pending) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count--
	if p.count == 0 {
		close(p.done)
	}
}

// Wait returns when there are none, or when it has taken so long.
func (p *Pending) Wait(most time.Duration) {
	p.mu.Lock()
	done, count := p.done, p.count
	p.mu.Unlock()
	if count == 0 {
		return
	}
	select {
	case <-done:
	case <-time.After(most):
	}
}
