package s3

import (
	"fmt"
	"strings"

	"s3loadtest/extension/body"
)

// content is what an object must hold.
type content struct {
	key  string
	body body.Body
}

// contentOf a key is known where its object's was generated, and the length that it must have is told.
func contentOf(key string, length int64) *content {
	if length < 0 || !strings.HasSuffix(key, body.KeyEnd) {
		return nil
	}
	return &content{key, body.Generated(key, 0, length)}
}

// comparison is of one answer with what must be in it.
type comparison struct {
	want *content
	// seen counts the bytes that were looked at.
	seen int64
	// failure tells the first byte that is another one.
	failure *Failure
}

func (c *comparison) passed() bool {
	return c != nil && c.failure == nil && c.seen == c.want.body.Len()
}

func (c *comparison) look(status int, piece []byte, at int64) {
	if c.failure != nil || !isSuccess(status) {
		return
	}
	c.seen += int64(len(piece))
	i := c.want.body.Mismatch(piece, at)
	if i < 0 {
		return
	}
	at += int64(i)
	var right [1]byte
	c.want.body.ReadAt(right[:], at)
	c.failure = &Failure{Corrupt, "", fmt.Sprintf(
		"byte %d of %d is 0x%02x, and 0x%02x was written (%s)", at, c.want.body.Len(), piece[i], right[0], c.want.key,
	)}
}
