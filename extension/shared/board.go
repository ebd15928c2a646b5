// Package shared holds what the VUs of one k6 process share and change: k6 gives them nothing of the kind.
package shared

import (
	"sync"
	"time"
)

// Board is where a VU posts a text for the others, and claims what one of them is to do for all.
type Board struct {
	mu      sync.Mutex
	claimed map[string]time.Time
	posts   map[string]Post
}

// Post is a text and how often one was posted under its name.
type Post struct {
	Version int    `js:"version"`
	Text    string `js:"text"`
}

// NewBoard makes an empty one.
func NewBoard() *Board {
	return &Board{claimed: map[string]time.Time{}, posts: map[string]Post{}}
}

// Claim tells whether the caller is to do it: nobody else has claimed it for so long.
func (b *Board) Claim(name string, every time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if last, claimed := b.claimed[name]; claimed && now.Sub(last) < every {
		return false
	}
	b.claimed[name] = now
	return true
}

// Post puts a text in place of what was there, and gives its version.
func (b *Board) Post(name, text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	version := b.posts[name].Version + 1
	b.posts[name] = Post{version, text}
	return version
}

// Newer gives what was posted since a version; nil when that is the latest.
func (b *Board) Newer(name string, version int) *Post {
	b.mu.Lock()
	defer b.mu.Unlock()
	if post := b.posts[name]; post.Version > version {
		return &post
	}
	return nil
}
