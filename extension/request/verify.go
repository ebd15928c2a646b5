package request

import (
	"fmt"
	"strings"

	"s3loadtest/extension/content"
)

// wanted is what an object must hold.
type wanted struct {
	key  string
	body content.Body
}

// wantedOf a key is known where its object's content was generated, and its length is known.
func wantedOf(key string, length int64) *wanted {
	if length < 0 || !strings.HasSuffix(key, content.KeyEnd) {
		return nil
	}
	return &wanted{key, content.Generated(key, 0, length)}
}

// comparison is of one answer with what must be in it.
type comparison struct {
	*wanted
	// seen counts the bytes that were looked at.
	seen int64
	// failure tells the first byte that is another one.
	failure *Failure
}

func (c *comparison) passed() bool {
	return c != nil && c.failure == nil && c.seen == c.body.Len()
}

func (c *comparison) look(status int, piece []byte, at int64) {
	if c.failure != nil || !isSuccess(status) {
		return
	}
	c.seen += int64(len(piece))
	i := c.body.Mismatch(piece, at)
	if i < 0 {
		return
	}
	at += int64(i)
	var right [1]byte
	c.body.ReadAt(right[:], at)
	c.failure = &Failure{Corrupt, "", fmt.Sprintf(
		"byte %d of %d is 0x%02x, and 0x%02x was written (%s)", at, c.body.Len(), piece[i], right[0], c.key,
	)}
}
