package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
	"go.k6.io/k6/v2/lib/netext"
)

// readBuffer must hold a whole header; larger reads go past it.
const readBuffer = 8 << 10

// smallReadBuffer is for where there are thousands of connections: S3's headers are a few hundred bytes.
const smallReadBuffer = 4 << 10

// conn is one connection, for one request at a time.
type conn struct {
	net.Conn
	reader *bufio.Reader
	header fasthttp.ResponseHeader
	// version of TLS, 0 for plain HTTP.
	version uint16
	// ctx is the request's that uses it.
	ctx context.Context
	// iteration is k6's when it was last used.
	iteration int64
	// failed is what reading last failed with: the header's parser tells it in words only.
	failed error
	raw    syscall.RawConn
	// Limits of the exchange under way: how long nothing may move, 0 for no limit; and when all of it must have ended, zero for
	// never. renewed is when the connection's deadline was last set.
	silence      time.Duration
	end, renewed time.Time
}

// newConn reads through a buffer of so many bytes.
func newConn(c net.Conn, buffer int) *conn {
	made := &conn{Conn: c}
	if secured, ok := c.(*tls.Conn); ok {
		made.version = secured.ConnectionState().Version
	}
	made.reader = bufio.NewReaderSize(made, buffer)
	made.raw = RawOf(c)
	return made
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.failed = err
	if n > 0 {
		c.moved()
	}
	return n, err
}

// limit begins an exchange that may be silent for so long, and must have ended by then.
func (c *conn) limit(began time.Time, silence time.Duration, end time.Time) error {
	c.silence, c.end, c.renewed = silence, end, began
	return c.SetDeadline(earlier(began.Add(silence), end))
}

// renewals in the time that a connection may be silent: each costs a lock, and small objects none.
const renewals = 16

// moved gives it more time: bytes went out or came in.
func (c *conn) moved() {
	if c.silence == 0 {
		return
	}
	now := time.Now()
	if now.Sub(c.renewed) < c.silence/renewals {
		return
	}
	c.renewed = now
	_ = c.SetDeadline(earlier(now.Add(c.silence), c.end))
	if c.ctx.Err() != nil {
		// The test ended meanwhile, and its sign was overwritten.
		c.abort()
	}
}

// earlier of a time and a limit that may be zero.
func earlier(t, limit time.Time) time.Time {
	if !limit.IsZero() && limit.Before(t) {
		return limit
	}
	return t
}

// RawOf finds the socket below what counts its bytes and encrypts them; nil where there is none.
func RawOf(c net.Conn) syscall.RawConn {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	if counted, ok := c.(*netext.Conn); ok {
		c = counted.Conn
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// spoken tells, without waiting, whether the other side has sent something or hung up.
func (c *conn) spoken() bool {
	if c.raw == nil {
		return false
	}
	var one [1]byte
	silent := false
	err := c.raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err != nil || !silent
}

// abort makes whatever waits for the connection return.
func (c *conn) abort() {
	_ = c.SetDeadline(time.Unix(1, 0))
}
