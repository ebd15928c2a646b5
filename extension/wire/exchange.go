package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"s3loadtest/extension/chunked"
	"s3loadtest/extension/content"
)

// Times of one exchange, as k6 has them: blocked is until there is a connection, so connecting and the handshake are in it.
type Times struct {
	Began, Ended                                                     time.Time
	Blocked, Connecting, TLSHandshaking, Sending, Waiting, Receiving time.Duration
}

// Request is one to be sent.
type Request struct {
	Host *Host
	// Head is everything before the body, the empty line included.
	Head []byte
	Body content.Body
	// Framed, which may be nil, goes out in the place of Body: it is read once, in order.
	Framed *chunked.Body
	// IsHead: the answer announces a body and has none.
	IsHead bool
	// Keep is how many bytes of a body are kept, by the answer's status; the rest is read and forgotten.
	Keep func(status int) int64
	// Look, which may be nil, is shown each piece of a body as it comes, with where it stands.
	Look func(status int, piece []byte, at int64)
	// Timeout is how long nothing may move, to within a sixteenth. Whole is for all of it; 0 for no limit.
	Timeout, Whole time.Duration
	// Iteration is k6's.
	Iteration int64
}

// Len is how many bytes follow the head.
func (r *Request) Len() int64 {
	if r.Framed != nil {
		return r.Framed.Len()
	}
	return r.Body.Len()
}

// Read fills p with what follows the head from a position on, which is where the reading before ended.
func (r *Request) Read(p []byte, at int64) int {
	if r.Framed != nil {
		return r.Framed.Read(p)
	}
	return r.Body.ReadAt(p, at)
}

// Answer is what came.
type Answer struct {
	Status int
	// Bytes is the length of the body as it came.
	Bytes int64
	// Body is what was kept of it.
	Body []byte
	// TLSVersion is 0 for plain HTTP.
	TLSVersion uint16
	headers    []Header
}

// Header of an answer, its name in lower case.
type Header struct{ Name, Value string }

// What is written and read at once. Smaller pieces cost CPU, larger ones memory: with hundreds of connections, most of those
// that are busy wait for a peer in the middle of one.
const (
	sentAtOnce = 32 << 10
	readAtOnce = 64 << 10
)

// Buffers are shared by all connections of the process: they are held while a body goes out or comes in, and not while an
// answer is waited for.
var (
	outgoing = sync.Pool{New: func() any { return new([sentAtOnce]byte) }}
	incoming = sync.Pool{New: func() any { return new([readAtOnce]byte) }}
)

// Exchange sends a request and reads its answer to the end. Times are told of failures, too. wantHeaders says of which
// statuses the headers are wanted.
func (p *Pool) Exchange(ctx context.Context, r *Request, wantHeaders func(status int) bool) (answer Answer, times Times, failure *Error) {
	times.Began = time.Now()
	var end time.Time
	if r.Whole > 0 {
		end = times.Began.Add(r.Whole)
	}
	c := p.take(ctx, r.Host, r.Iteration)
	if c == nil {
		made, err := p.dial(ctx, r.Host, r.Iteration, earlier(times.Began.Add(r.Timeout), end), &times)
		times.Ended = time.Now()
		times.Blocked = times.Ended.Sub(times.Began)
		if err != nil {
			return answer, times, aborted(ctx, err)
		}
		c = made
		p.hold(ctx, c)
	}
	reusable := false
	defer func() { p.give(r.Host, c, reusable) }()
	if err := c.limit(time.Now(), r.Timeout, end); err != nil {
		return answer, times, aborted(ctx, talkError(err))
	}
	// It may have ended before the deadline was set, and its sign been overwritten.
	if ctx.Err() != nil {
		return answer, times, aborted(ctx, talkError(ctx.Err()))
	}
	start := time.Now()
	// Not when the last write has returned: on a fast network the answer may be there by then.
	sent, lastWrite, sendErr := c.send(r)
	whole := sendErr == nil && sent == r.Body.Len()
	times.Sending = lastWrite.Sub(start)
	// Of a request that was refused halfway the answer may be there all the same.
	_, err := c.reader.Peek(1)
	first := time.Now()
	times.Waiting = first.Sub(lastWrite)
	times.Ended = first
	if err != nil {
		if sendErr != nil && !isTimeout(sendErr) {
			err = sendErr
		}
		moved := ""
		if !whole {
			moved = bytesOf(sent, r.Body.Len(), "were sent")
		}
		return answer, times, aborted(ctx, c.timeoutError(err, r, moved))
	}
	buffer := incoming.Get().(*[readAtOnce]byte)
	closes, failure := c.receive(r, wantHeaders, &answer, buffer[:])
	incoming.Put(buffer)
	times.Ended = time.Now()
	times.Receiving = times.Ended.Sub(first)
	if failure != nil {
		return answer, times, aborted(ctx, failure)
	}
	reusable = whole && !closes && c.reader.Buffered() == 0
	return answer, times, nil
}

// Receive reads the answer to a request that was sent over a connection of its own, otherwise than a Pool does. So much as
// buffer holds is read at once. How long it may take is the connection's to say, by its deadline.
func Receive(c net.Conn, r *Request, wantHeaders func(status int) bool, buffer []byte) (Answer, *Error) {
	var answer Answer
	made := newConn(c, smallReadBuffer)
	if _, err := made.reader.Peek(1); err != nil {
		return answer, talkError(err)
	}
	_, failure := made.receive(r, wantHeaders, &answer, buffer)
	return answer, failure
}

// Failed is why an exchange failed that was under way when an error came up.
func Failed(ctx context.Context, err error) *Error {
	var known *Error
	if !errors.As(err, &known) {
		known = talkError(err)
	}
	return aborted(ctx, known)
}

func aborted(ctx context.Context, err *Error) *Error {
	if ctx.Err() != nil {
		return &Error{Class: Aborted, Code: codeOther, Message: "the test has ended"}
	}
	return err
}

// send writes head and body, the head with as much of the body as goes with it. Tells how much of that went out, since a
// server may answer, or hang up, before it has everything; and when the last write began.
func (c *conn) send(r *Request) (sent int64, lastWrite time.Time, err error) {
	piece := outgoing.Get().(*[sentAtOnce]byte)
	defer outgoing.Put(piece)
	buffer := piece[:]
	n := copy(buffer, r.Head)
	if n < len(r.Head) {
		// A long token or key: as large as it is, on its own.
		lastWrite = time.Now()
		if _, err := c.Conn.Write(r.Head); err != nil {
			return 0, lastWrite, err
		}
		n = 0
	}
	for {
		got := r.Read(buffer[n:], sent)
		if n+got > 0 {
			lastWrite = time.Now()
			if _, err := c.Conn.Write(buffer[:n+got]); err != nil {
				return sent, lastWrite, err
			}
			c.moved()
		}
		sent += int64(got)
		n = 0
		if sent == r.Len() {
			return sent, lastWrite, nil
		}
		// With TLS there may be a session ticket to read, which is no answer.
		if c.version == 0 && c.spoken() {
			return sent, lastWrite, nil
		}
	}
}

const httpContinue, httpSwitchingProtocols = 100, 101

// receive reads an answer of which the first byte is there. closes tells that the connection can't serve again.
func (c *conn) receive(r *Request, wantHeaders func(int) bool, answer *Answer, buffer []byte) (closes bool, failure *Error) {
	header := &c.header
	// Of another protocol the parser would wait for more.
	if start, _ := c.reader.Peek(1); start[0] != 'H' {
		return true, c.headerError()
	}
	for {
		if err := header.Read(c.reader); err != nil {
			return true, c.headerError()
		}
		answer.Status, answer.TLSVersion = header.StatusCode(), c.version
		if answer.Status >= 200 || answer.Status == httpSwitchingProtocols {
			break
		}
	}
	if wantHeaders(answer.Status) {
		answer.headers = headersOf(header)
	}
	closes = header.ConnectionClose()
	length := int64(header.ContentLength())
	if r.IsHead || answer.Status == 204 || answer.Status == 304 {
		return closes, nil
	}
	var source io.Reader
	switch {
	case length >= 0:
		source = io.LimitReader(c.reader, length)
	case length == -1:
		source = httputil.NewChunkedReader(c.reader)
	default:
		source, closes = c.reader, true
	}
	if err := answer.read(source, r, length, buffer); err != nil {
		if c.failed == nil {
			return true, Malformed(err.Error())
		}
		return true, c.timeoutError(c.failed, r, bytesOf(answer.Bytes, max(length, -1), "had come"))
	}
	if length >= 0 && answer.Bytes < length {
		return true, talkError(io.ErrUnexpectedEOF)
	}
	if length == -1 {
		if err := header.ReadTrailer(c.reader); err != nil {
			return true, c.headerError()
		}
	}
	return closes, nil
}

// read takes the body: as many bytes as the request says are kept, if there are no more.
func (a *Answer) read(source io.Reader, r *Request, length int64, buffer []byte) error {
	keep := r.Keep(a.Status)
	if keep > 0 && length > 0 && length <= keep {
		a.Body = make([]byte, 0, length)
	}
	for {
		n, err := source.Read(buffer)
		if r.Look != nil && n > 0 {
			r.Look(a.Status, buffer[:n], a.Bytes)
		}
		a.Bytes += int64(n)
		if room := keep - int64(len(a.Body)); room > 0 {
			a.Body = append(a.Body, buffer[:min(int64(n), room)]...)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// headerError is of an answer whose head did not come to its end.
func (c *conn) headerError() *Error {
	if c.failed != nil {
		return talkError(c.failed)
	}
	start, _ := c.reader.Peek(min(c.reader.Buffered(), 16))
	// A TLS alert or handshake record.
	if len(start) > 1 && (start[0] == 0x15 || start[0] == 0x16) && start[1] == 3 {
		return &Error{Class: Connect, Code: codeTLSHeader, Message: "the server speaks TLS"}
	}
	return Malformed("no HTTP header")
}

// Header gives a header's value, of those that were wanted; "" when there is none.
func (a *Answer) Header(name string) string {
	for _, h := range a.headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Headers are those that were wanted, each name once.
func (a *Answer) Headers() []Header { return a.headers }

func headersOf(header *fasthttp.ResponseHeader) []Header {
	var all []Header
next:
	for name, value := range header.All() {
		lower := string(bytes.ToLower(name))
		for i := range all {
			if all[i].Name == lower {
				all[i].Value += ", " + string(value)
				continue next
			}
		}
		all = append(all, Header{lower, string(value)})
	}
	return all
}
