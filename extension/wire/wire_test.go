package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"s3loadtest/extension/content"
)

// server answers each connection with a function, and counts connections that stand.
type server struct {
	net.Listener
	open  atomic.Int32
	total atomic.Int32
}

func serve(t *testing.T, answer func(c net.Conn, r *bufio.Reader)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: listener}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { _ = listener.Close(); cancel(); all.Wait() })
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s.open.Add(1)
			s.total.Add(1)
			all.Go(func() {
				defer s.open.Add(-1)
				defer context.AfterFunc(ctx, func() { _ = c.Close() })()
				defer func() { _ = c.Close() }()
				answer(c, bufio.NewReader(c))
			})
		}
	})
	return s
}

// readRequest takes a request of a known head and an announced body; false when the connection has ended.
func readRequest(r *bufio.Reader) (method string, bytes int64, ok bool) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", 0, false
	}
	method, _, _ = strings.Cut(line, " ")
	var length int64
	for {
		line, err = r.ReadString('\n')
		if err != nil {
			return "", 0, false
		}
		if line == "\r\n" {
			break
		}
		_, _ = fmt.Sscanf(line, "content-length: %d", &length)
	}
	n, err := io.CopyN(io.Discard, r, length)
	return method, n, err == nil
}

// answering keeps on answering with this text.
func answering(text string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		for {
			if _, _, ok := readRequest(r); !ok {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

func request(s *server, b content.Body) *Request {
	return &Request{
		Host:    &Host{Address: s.Addr().String()},
		Head:    fmt.Appendf(nil, "PUT /k HTTP/1.1\r\nHost: h\r\ncontent-length: %d\r\n\r\n", b.Len()),
		Body:    b,
		Keep:    func(int) int64 { return math.MaxInt64 },
		Timeout: 10 * time.Second,
	}
}

func always(int) bool { return true }

func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, row := range map[string]struct {
		answer, body string
		status       int
		reused       bool
	}{
		"with a length":         {ok + "ETag: \"e\"\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, true},
		"of nothing":            {ok + "Content-Length: 0\r\n\r\n", "", 200, true},
		"in chunks":             {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "hello", 200, true},
		"in chunks, a trailer":  {ok + "Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "hello", 200, true},
		"without content":       {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, true},
		"that says goodbye":     {ok + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false},
		"of an old server":      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false},
		"after another":         {"HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nhello", "hello", 200, true},
		"with too much behind":  {ok + "Content-Length: 5\r\n\r\nhelloHTTP", "hello", 200, false},
		"with a long header":    {ok + "X-Long: " + strings.Repeat("x", 4000) + "\r\nContent-Length: 1\r\n\r\n!", "!", 200, true},
		"that is an error":      {"HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow", "slow", 503, true},
		"with a repeated field": {ok + "X-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n", "", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answering(row.answer))
			p := NewPool(&net.Dialer{}, Always)
			r := request(s, content.Given([]byte("body")))
			for range 2 {
				answer, times, err := p.Exchange(t.Context(), r, always)
				if err != nil {
					t.Fatal(err)
				}
				if answer.Status != row.status || string(answer.Body) != row.body || answer.Bytes != int64(len(row.body)) {
					t.Errorf("%d %q (%d bytes)", answer.Status, answer.Body, answer.Bytes)
				}
				if parts := times.Blocked + times.Sending + times.Waiting + times.Receiving; parts > times.Ended.Sub(times.Began) {
					t.Errorf("parts of %v are longer than the whole", times)
				}
			}
			if want := map[bool]int32{true: 1, false: 2}[row.reused]; s.total.Load() != want {
				t.Errorf("%d connections", s.total.Load())
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	s := serve(t, answering("HTTP/1.1 200 OK\r\nETag: \"e\"\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"))
	answer, _, err := NewPool(&net.Dialer{}, Always).Exchange(t.Context(), request(s, content.Body{}), always)
	if err != nil || answer.Header("etag") != `"e"` || answer.Header("x-a") != "1, 2" || answer.Header("content-length") != "0" {
		t.Errorf("%v %v", answer.Headers(), err)
	}
}

func TestFailures(t *testing.T) {
	const half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	for name, row := range map[string]struct {
		answer func(net.Conn, *bufio.Reader)
		class  Class
	}{
		"nothing is said": {func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }, Timeout},
		"half is said": {func(c net.Conn, r *bufio.Reader) {
			_, _, _ = readRequest(r)
			_, _ = io.WriteString(c, half)
			_, _ = io.Copy(io.Discard, r)
		}, Timeout},
		"half, then goodbye": {func(c net.Conn, r *bufio.Reader) { _, _, _ = readRequest(r); _, _ = io.WriteString(c, half) }, Reset},
		"goodbye":            {func(_ net.Conn, r *bufio.Reader) { _, _, _ = readRequest(r) }, Reset},
		"reset":              {func(c net.Conn, r *bufio.Reader) { _, _, _ = readRequest(r); reset(c) }, Reset},
		"half a header": {func(c net.Conn, r *bufio.Reader) {
			_, _, _ = readRequest(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX")
		}, Reset},
		"no HTTP":               {answering("hello there, this is another protocol\r\n\r\n"), Corrupt},
		"a TLS alert":           {answering("\x15\x03\x01\x00\x02\x02\x16"), Connect},
		"chunks that are none":  {answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n"), Corrupt},
		"a length that is none": {answering("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.answer)
			p := NewPool(&net.Dialer{}, Always)
			r := request(s, content.Given([]byte("body")))
			if row.class == Timeout {
				r.Timeout = 100 * time.Millisecond
			}
			_, times, err := p.Exchange(t.Context(), r, always)
			if err == nil || err.Class != row.class || err.Message == "" {
				t.Fatalf("%+v", err)
			}
			if took := times.Ended.Sub(times.Began); row.class == Timeout && (took < 95*time.Millisecond || took > 2*time.Second) {
				t.Errorf("it took %v", took)
			}
			if len(p.busy)+len(p.idle[r.Host]) > 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

// slowly sends a body of ten bytes, one every so often.
func slowly(pause time.Duration) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		_, _, _ = readRequest(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
		for range 10 {
			time.Sleep(pause)
			_, _ = io.WriteString(c, "x")
		}
	}
}

func TestTimeLimits(t *testing.T) {
	for name, row := range map[string]struct {
		timeout, whole time.Duration
		inTime         bool
		says           string
	}{
		"bytes move all the time":          {200 * time.Millisecond, 0, true, ""},
		"and so for too long":              {200 * time.Millisecond, 250 * time.Millisecond, false, `^request timeout: (\d of 10 bytes had come|no answer) in 0.25 s \(--request-timeout\)$`},
		"within the limit of all of it":    {200 * time.Millisecond, 10 * time.Second, true, ""},
		"the silence between them is long": {20 * time.Millisecond, 0, false, `^request timeout: (nothing moved for 0.02 s \(--timeout\), after 0 of 10 bytes had come|no answer in 0.02 s \(--timeout\))$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(serve(t, slowly(50*time.Millisecond)), content.Given([]byte("body")))
			r.Timeout, r.Whole = row.timeout, row.whole
			answer, _, err := NewPool(&net.Dialer{}, Always).Exchange(t.Context(), r, always)
			switch {
			case row.inTime && (err != nil || answer.Bytes != 10):
				t.Errorf("%d bytes, %v", answer.Bytes, err)
			case !row.inTime && (err == nil || err.Class != Timeout || err.Message != "request timeout"):
				t.Errorf("%d bytes, %v", answer.Bytes, err)
			case !row.inTime && !regexp.MustCompile(row.says).MatchString(err.Whole()):
				t.Errorf("says %q", err.Whole())
			}
		})
	}
}

func TestWhatHadMovedWhenTimeRanOut(t *testing.T) {
	const size = 64 << 20
	until := func(done <-chan struct{}) func(net.Conn, *bufio.Reader) {
		return func(net.Conn, *bufio.Reader) { <-done }
	}
	taking := func(done <-chan struct{}) func(net.Conn, *bufio.Reader) {
		return func(_ net.Conn, r *bufio.Reader) { _, _ = r.Discard(1 << 20); <-done }
	}
	unknown := func(done <-chan struct{}) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, _ *bufio.Reader) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
			<-done
		}
	}
	for name, row := range map[string]struct {
		behave func(<-chan struct{}) func(net.Conn, *bufio.Reader)
		body   int64
		whole  time.Duration
		says   string
	}{
		"no answer":             {until, 0, 0, `^request timeout: no answer in 0.5 s \(--timeout\)$`},
		"no answer, all of it":  {until, 0, 250 * time.Millisecond, `^request timeout: no answer in 0.25 s \(--request-timeout\)$`},
		"a body taken halfway":  {taking, size, 0, `^request timeout: nothing moved for 0.5 s \(--timeout\), after \d+ of 67108864 bytes were sent$`},
		"of a length not known": {unknown, 0, 0, `^request timeout: nothing moved for 0.5 s \(--timeout\), after 5 bytes had come$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			defer close(done)
			r := request(serve(t, row.behave(done)), content.Generated("key", 0, row.body))
			r.Timeout, r.Whole = 500*time.Millisecond, row.whole
			_, _, err := NewPool(&net.Dialer{}, Always).Exchange(t.Context(), r, always)
			if err == nil || !regexp.MustCompile(row.says).MatchString(err.Whole()) {
				t.Errorf("says %v", err)
			}
		})
	}
}

func TestABodyThatIsTakenSlowlyIsNoSilence(t *testing.T) {
	const size = 16 << 20
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
		for taken := 0; taken < size; {
			n, err := r.Discard(1 << 20)
			if taken += n; err != nil {
				break
			}
			time.Sleep(30 * time.Millisecond)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	r := request(s, content.Generated("key", 0, size))
	r.Timeout = 250 * time.Millisecond
	_, times, err := NewPool(&net.Dialer{}, Always).Exchange(t.Context(), r, always)
	if err != nil || times.Sending < r.Timeout {
		t.Errorf("sent in %v: %v", times.Sending, err)
	}
}

func TestNobodyListens(t *testing.T) {
	s := serve(t, answering(""))
	_ = s.Close()
	_, _, err := NewPool(&net.Dialer{}, Always).Exchange(t.Context(), request(s, content.Body{}), always)
	if err == nil || err.Class != Connect || err.Code != codeRefused {
		t.Errorf("%+v", err)
	}
}

func TestAConnectionThatTheServerClosedIsNotUsedAgain(t *testing.T) {
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		_, _, _ = readRequest(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	p := NewPool(&net.Dialer{}, Always)
	for range 3 {
		if _, _, err := p.Exchange(t.Context(), request(s, content.Body{}), always); err != nil {
			t.Fatal(err)
		}
		for s.open.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

func TestReuse(t *testing.T) {
	for _, row := range []struct {
		reuse Reuse
		want  int32
	}{{Always, 1}, {WithinIteration, 2}, {Never, 4}} {
		s := serve(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		p := NewPool(&net.Dialer{}, row.reuse)
		r := request(s, content.Body{})
		for i := range 4 {
			r.Iteration = int64(i / 2)
			if _, _, err := p.Exchange(t.Context(), r, always); err != nil {
				t.Fatal(err)
			}
		}
		if s.total.Load() != row.want {
			t.Errorf("%v: %d connections, not %d", row.reuse, s.total.Load(), row.want)
		}
	}
}

func TestALargeBodyIsStreamed(t *testing.T) {
	const size = 300<<20 + 3
	var got atomic.Int64
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		_, n, _ := readRequest(r)
		got.Store(n)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := NewPool(&net.Dialer{}, Always).Exchange(t.Context(), request(s, content.Generated("key", 0, size)), always)
	runtime.ReadMemStats(&after)
	if err != nil || got.Load() != size {
		t.Fatalf("%d bytes came, %v", got.Load(), err)
	}
	if made := after.TotalAlloc - before.TotalAlloc; made > 2<<20 {
		t.Errorf("%d bytes of memory for it", made)
	}
}

// A server need not take a whole body to refuse it.
func TestAnAnswerBeforeTheEndOfTheBody(t *testing.T) {
	for name, then := range map[string]func(net.Conn){
		"and the connection stays":   func(c net.Conn) { time.Sleep(300 * time.Millisecond) },
		"and the connection goes":    func(net.Conn) {},
		"and the rest is taken, too": func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(c net.Conn, r *bufio.Reader) {
				_, _ = r.Peek(1)
				_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
				_ = c.(*net.TCPConn).CloseWrite()
				then(c)
			})
			p := NewPool(&net.Dialer{}, Always)
			answer, _, err := p.Exchange(t.Context(), request(s, content.Generated("key", 0, 64<<20)), always)
			if err != nil && err.Class != Reset || err == nil && answer.Status != 403 {
				t.Errorf("%d, %v", answer.Status, err)
			}
			if len(p.idle) > 0 {
				t.Error("a connection with half a request in it is kept")
			}
		})
	}
}

// stuck is what a test may end in the middle of.
var stuck = map[string]func(net.Conn, *bufio.Reader){
	"no answer":        func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) },
	"nothing is taken": func(_ net.Conn, r *bufio.Reader) { time.Sleep(300 * time.Millisecond); _, _ = io.Copy(io.Discard, r) },
	"half an answer": func(c net.Conn, r *bufio.Reader) {
		_, _, _ = readRequest(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
		_, _ = io.Copy(io.Discard, r)
	},
	"answers without end": answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
}

func TestTheEndOfATestLeavesNothing(t *testing.T) {
	for name, answer := range stuck {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answer)
			before := runtime.NumGoroutine()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var vus sync.WaitGroup
			for range 20 {
				vus.Go(func() {
					p := NewPool(&net.Dialer{}, Always)
					// One virtual user may have several requests under way.
					var requests sync.WaitGroup
					for range 3 {
						requests.Go(func() {
							for ctx.Err() == nil {
								_, _, err := p.Exchange(ctx, request(s, content.Generated("k", 0, 64<<20)), always)
								if ctx.Err() != nil && err != nil && err.Class != Aborted {
									t.Errorf("it ended as %+v", err)
								}
							}
						})
					}
					requests.Wait()
					if len(p.busy) > 0 {
						t.Error("a connection is held")
					}
				})
			}
			time.Sleep(100 * time.Millisecond)
			ended := time.Now()
			cancel()
			vus.Wait()
			if took := time.Since(ended); took > 5*time.Second {
				t.Errorf("it took %v to end", took)
			}
			for wait := 0; s.open.Load() > 0 || runtime.NumGoroutine() > before; wait++ {
				// Idle connections are the virtual user's, as k6's own are, and go with it.
				runtime.GC()
				if wait > 500 {
					t.Fatalf("%d sockets and %d goroutines are left", s.open.Load(), runtime.NumGoroutine()-before)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
}

// lingering is a connection whose writes return long after they went out.
type lingering struct {
	net.Conn
	late time.Duration
}

func (c lingering) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	time.Sleep(c.late)
	return n, err
}

// lingeringDialer makes them.
type lingeringDialer struct{ late time.Duration }

func (d lingeringDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return lingering{c, d.late}, err
}

// On a fast network the answer is there before the last write has returned: the time to its first byte is not nothing.
func TestTheFirstByteIsTimedFromTheLastWrite(t *testing.T) {
	const late = 20 * time.Millisecond
	s := serve(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	r := request(s, content.Given([]byte("body")))
	_, times, failure := NewPool(lingeringDialer{late}, Always).Exchange(t.Context(), r, always)
	if failure != nil {
		t.Fatal(failure)
	}
	if times.Waiting < late || times.Sending >= late {
		t.Errorf("sending took %v, waiting %v", times.Sending, times.Waiting)
	}
}
