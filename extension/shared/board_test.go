package shared

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneOfManyClaims(t *testing.T) {
	board := NewBoard()
	var claimed atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if board.Claim("look", time.Minute) {
				claimed.Add(1)
			}
		})
	}
	all.Wait()
	if claimed.Load() != 1 {
		t.Errorf("%d claimed it", claimed.Load())
	}
	if !board.Claim("another", time.Minute) || board.Claim("look", time.Minute) || !board.Claim("look", 0) {
		t.Error("claims are by name, and for a time")
	}
}

func TestPostsAreReadOnce(t *testing.T) {
	board := NewBoard()
	if board.Newer("keys", 0) != nil {
		t.Error("nothing was posted")
	}
	first := board.Post("keys", "a")
	if post := board.Newer("keys", 0); post == nil || post.Text != "a" || post.Version != first {
		t.Errorf("%+v", post)
	}
	if board.Newer("keys", first) != nil {
		t.Error("read twice")
	}
	board.Post("keys", "b")
	if post := board.Newer("keys", first); post == nil || post.Text != "b" {
		t.Errorf("%+v", post)
	}
}

func TestTheEndWaitsForWhatIsPending(t *testing.T) {
	var pending Pending
	pending.Wait(time.Minute)
	pending.Begin()
	pending.Begin()
	began := time.Now()
	pending.Wait(20 * time.Millisecond)
	if waited := time.Since(began); waited < 20*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
	var ended atomic.Bool
	go func() {
		pending.End()
		time.Sleep(10 * time.Millisecond)
		ended.Store(true)
		pending.End()
	}()
	pending.Wait(time.Minute)
	if !ended.Load() {
		t.Error("one was still pending")
	}
}
