package hold

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"s3loadtest/extension/wire"
)

// conn is a connection that can be read from slowly. It is below TLS, where there is any, so that it is the socket that is
// emptied slowly.
type conn struct {
	net.Conn
	raw syscall.RawConn
	// patience is how long a read waits for something to come.
	patience time.Duration
	// slow reads go by beat, which left so many bytes to be read.
	slow bool
	beat metronome
	left int
}

func newConn(c net.Conn, patience time.Duration) (*conn, error) {
	raw := wire.RawOf(c)
	if raw == nil {
		return nil, errors.New("a connection without a socket can't be slow")
	}
	return &conn{Conn: c, raw: raw, patience: patience}, nil
}

// slowDown makes all further reads slow.
func (c *conn) slowDown(pace Pace) { c.slow, c.beat, c.left = true, pace.start(), 0 }

// hurry makes them as fast as they go.
func (c *conn) hurry() error {
	c.slow = false
	return c.SetReadDeadline(time.Now().Add(c.patience))
}

// Read takes a piece when it is its time. What a server has left that hung up is read at once: there is nobody any more to
// be slow for.
func (c *conn) Read(p []byte) (int, error) {
	if c.slow && c.left == 0 {
		moment, bytes := c.beat.next()
		gone, err := c.restUntil(moment)
		if err == nil && gone {
			err = c.hurry()
		}
		if err != nil {
			return 0, err
		}
		c.left = bytes
	}
	if !c.slow {
		return c.Conn.Read(p)
	}
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// restUntil waits, and returns sooner when the server hangs up. What it sends meanwhile stays where it is.
func (c *conn) restUntil(moment time.Time) (gone bool, err error) {
	if err := c.SetReadDeadline(moment); err != nil {
		return false, err
	}
	err = c.raw.Read(func(fd uintptr) bool {
		gone = hungUp(fd)
		return gone
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return gone, err
}

// end closes it so that the system forgets it at once. Whoever closes a connection in order keeps its port for a minute, and
// of those there are 28,000.
func (c *conn) end() {
	_ = c.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	})
	_ = c.Close()
}
