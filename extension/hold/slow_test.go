package hold

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.k6.io/k6/v2/lib/netext"

	"s3loadtest/extension/content"
	"s3loadtest/extension/wire"
)

// heard counts what a Watch hears.
type heard struct {
	opened, closed atomic.Int64
	lived          atomic.Int64
}

func (h *heard) Opened() { h.opened.Add(1) }
func (h *heard) Closed(lived time.Duration) {
	h.closed.Add(1)
	h.lived.Store(int64(lived))
}

const patience = 3 * time.Second

func laneOf(t *testing.T, direction Direction, bytesPerSecond int64) (*Lane, *heard) {
	t.Helper()
	h := &heard{}
	return NewLane(t.Context(), direction, NewPace(bytesPerSecond), patience, netext.NewDialer(net.Dialer{}, nil), h), h
}

// serve answers each connection by a function, and closes it when that returns. Plain, or by TLS.
func serve(t *testing.T, secured bool, answer func(c net.Conn, r *bufio.Reader)) *wire.Host {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := &wire.Host{Address: listener.Addr().String()}
	if secured {
		// Any server's certificate will do.
		certified := httptest.NewUnstartedServer(http.NotFoundHandler())
		certified.StartTLS()
		listener = tls.NewListener(listener, &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12})
		certified.Close()
		host.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // a test's own
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { _ = listener.Close(); cancel(); all.Wait() })
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer context.AfterFunc(ctx, func() { _ = c.Close() })()
				defer func() { _ = c.Close() }()
				answer(c, bufio.NewReader(c))
			})
		}
	})
	return host
}

func put(host *wire.Host, b content.Body) *wire.Request {
	head := fmt.Appendf(nil, "PUT /k HTTP/1.1\r\nHost: h\r\ncontent-length: %d\r\n\r\n", b.Len())
	return &wire.Request{Host: host, Head: head, Body: b, Keep: func(int) int64 { return 1 << 10 }, Timeout: patience}
}

func get(host *wire.Host) *wire.Request {
	head := []byte("GET /k HTTP/1.1\r\nHost: h\r\n\r\n")
	return &wire.Request{Host: host, Head: head, Keep: func(int) int64 { return 1 << 20 }, Timeout: patience}
}

func always(int) bool { return true }

const okay = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// readBody takes a request's head, and its body of a known length.
func readBody(r *bufio.Reader, into []byte) error {
	request, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(request.Body, into)
	return err
}

var ways = map[string]bool{"plain": false, "TLS": true}

// eachWay runs a test plain and by TLS, beside others: most of its time is waiting.
func eachWay(t *testing.T, test func(t *testing.T, secured bool)) {
	t.Parallel()
	for name, secured := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, secured)
		})
	}
}

func TestABodyGoesSlowlyAndWhole(t *testing.T) {
	eachWay(t, func(t *testing.T, secured bool) {
		const bytesPerSecond, length = 3000, 4000
		got := make([]byte, length)
		host := serve(t, secured, func(c net.Conn, r *bufio.Reader) {
			if readBody(r, got) == nil {
				_, _ = io.WriteString(c, okay)
			}
		})
		lane, heard := laneOf(t, Sending, bytesPerSecond)
		content := content.Generated("key", 0, length)
		began := time.Now()
		answer, times, err := lane.Exchange(t.Context(), put(host, content), always)
		took := time.Since(began)
		if err != nil || answer.Status != 200 {
			t.Fatalf("%d, %v", answer.Status, err)
		}
		want := make([]byte, length)
		content.ReadAt(want, 0)
		if !bytes.Equal(got, want) {
			t.Error("other content came")
		}
		// Four pieces of a third of a second each.
		if took < 1300*time.Millisecond || took > 2500*time.Millisecond || times.Sending < 1300*time.Millisecond {
			t.Errorf("it took %v, sending %v", took, times.Sending)
		}
		if secured != (answer.TLSVersion != 0) {
			t.Errorf("TLS %x", answer.TLSVersion)
		}
		sent, received := lane.Moved()
		if sent < length || sent > length+3000 || received < int64(len(okay)) {
			t.Errorf("%d bytes sent, %d received", sent, received)
		}
		if heard.opened.Load() != 1 || heard.closed.Load() != 0 || lane.Open() != 0 {
			t.Errorf("opened %d, closed %d, open %d", heard.opened.Load(), heard.closed.Load(), lane.Open())
		}
	})
}

// The server may have made an object of it.
func TestAnUploadThatHasGoneOutGetsItsAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		endsTest bool
		status   int
	}{
		"though the load ends": {false, 200},
		"unless the test ends": {true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, endTest := context.WithCancel(t.Context())
			defer endTest()
			load, endLoad := context.WithCancel(test)
			defer endLoad()
			host := serve(t, false, func(c net.Conn, r *bufio.Reader) {
				if readBody(r, make([]byte, 100)) != nil {
					return
				}
				time.AfterFunc(100*time.Millisecond, endLoad)
				if row.endsTest {
					time.AfterFunc(200*time.Millisecond, endTest)
				}
				time.Sleep(500 * time.Millisecond)
				_, _ = io.WriteString(c, okay)
			})
			lane, heard := laneOf(t, Sending, 2000)
			lane.test = test
			answer, _, err := lane.Exchange(load, put(host, content.Generated("key", 0, 100)), always)
			if answer.Status != row.status || (err != nil) != row.endsTest || err != nil && err.Class != wire.Aborted {
				t.Errorf("%d, %+v", answer.Status, err)
			}
			if closed := heard.closed.Load() == 1; closed != row.endsTest {
				t.Errorf("closed %v", closed)
			}
		})
	}
}

func TestAServerIsKeptWaitingByADownload(t *testing.T) {
	eachWay(t, func(t *testing.T, secured bool) {
		const length = 8 << 20
		var written atomic.Int64
		host := serve(t, secured, func(c net.Conn, r *bufio.Reader) {
			if readBody(r, nil) != nil {
				return
			}
			n, _ := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length)
			for piece := make([]byte, 16<<10); n < length; {
				more, err := c.Write(piece)
				if written.Add(int64(more)); err != nil {
					return
				}
				n += more
			}
		})
		lane, heard := laneOf(t, Receiving, 2000)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, _, err := lane.Exchange(ctx, get(host), always)
		if err == nil || err.Class != wire.Aborted {
			t.Fatalf("it ended by itself: %v", err)
		}
		if n := written.Load(); n > 1<<20 {
			t.Errorf("the server got rid of %d bytes", n)
		}
		// With TLS there is a handshake, and a record to be read whole.
		if _, received := lane.Moved(); received < 2000 || received > 12000 {
			t.Errorf("%d bytes were read", received)
		}
		if lived := time.Duration(heard.lived.Load()); heard.closed.Load() != 1 || lived < 1800*time.Millisecond {
			t.Errorf("closed %d, after %v", heard.closed.Load(), lived)
		}
	})
}

func TestADownloadEnds(t *testing.T) {
	eachWay(t, func(t *testing.T, secured bool) {
		content := bytes.Repeat([]byte("0123456789"), 300)
		host := serve(t, secured, func(c net.Conn, r *bufio.Reader) {
			if readBody(r, nil) == nil {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
				_, _ = r.ReadByte()
			}
		})
		lane, _ := laneOf(t, Receiving, 2000)
		began := time.Now()
		answer, times, err := lane.Exchange(t.Context(), get(host), always)
		if err != nil || !bytes.Equal(answer.Body, content) {
			t.Errorf("%d bytes came, %v", len(answer.Body), err)
		}
		// 3,000 bytes and a head. By TLS all of it may be in the record that the first byte was in.
		if took := time.Since(began); took > 4*time.Second || !secured && took < 1300*time.Millisecond || times.Receiving > took {
			t.Errorf("it took %v, receiving %v", took, times.Receiving)
		}
	})
}

// hangUp closes a connection in order, or by a reset.
func hangUp(c net.Conn, reset bool) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	if reset {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	_ = c.Close()
}

// It is heard at once, long before the next piece is due.
func TestAServerThatHangsUp(t *testing.T) {
	for name, reset := range map[string]bool{"in order": false, "by a reset": true} {
		for way, direction := range map[string]Direction{"upload": Sending, "download": Receiving} {
			t.Run(way+" "+name, func(t *testing.T) {
				eachWay(t, func(t *testing.T, secured bool) {
					var hungUp atomic.Int64
					host := serve(t, secured, func(c net.Conn, r *bufio.Reader) {
						if _, err := http.ReadRequest(r); err != nil {
							return
						}
						if direction == Receiving {
							_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n0123456789")
						}
						time.Sleep(1400 * time.Millisecond)
						hungUp.Store(time.Now().UnixNano())
						hangUp(c, reset)
					})
					lane, heard := laneOf(t, direction, 100)
					request := get(host)
					if direction == Sending {
						request = put(host, content.Generated("key", 0, 1<<20))
					}
					_, _, err := lane.Exchange(t.Context(), request, always)
					late := time.Since(time.Unix(0, hungUp.Load()))
					if err == nil || err.Class != wire.Reset {
						t.Fatalf("it ended as %+v", err)
					}
					if late > 400*time.Millisecond {
						t.Errorf("it was heard %v later", late)
					}
					if heard.closed.Load() != 0 || lane.Open() != 0 {
						t.Errorf("closed %d, open %d", heard.closed.Load(), lane.Open())
					}
				})
			})
		}
	}
}

func TestAnAnswerBeforeTheEndOfTheBody(t *testing.T) {
	for name, row := range map[string]struct {
		answer string
		status int
		class  wire.Class
	}{
		"a refusal":          {"HTTP/1.1 503 Slow Down\r\nContent-Length: 2\r\n\r\nno", 503, 0},
		"out of patience":    {"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 408, 0},
		"a success too soon": {okay, 200, wire.Corrupt},
		"nonsense":           {"220 smtp.example ESMTP\r\n", 0, wire.Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, secured bool) {
				host := serve(t, secured, func(c net.Conn, r *bufio.Reader) {
					if _, err := http.ReadRequest(r); err == nil {
						_, _ = io.WriteString(c, row.answer)
					}
				})
				lane, _ := laneOf(t, Sending, 100)
				began := time.Now()
				answer, _, err := lane.Exchange(t.Context(), put(host, content.Generated("key", 0, 1<<20)), always)
				if answer.Status != row.status || (err != nil) != (row.class != 0) || err != nil && err.Class != row.class {
					t.Errorf("%d, %+v", answer.Status, err)
				}
				if took := time.Since(began); took > 700*time.Millisecond {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A refusal is not read slowly: there is nothing to hold.
func TestARefusedDownload(t *testing.T) {
	text := bytes.Repeat([]byte("x"), 1000)
	host := serve(t, false, func(c net.Conn, r *bufio.Reader) {
		if readBody(r, nil) == nil {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}
	})
	lane, _ := laneOf(t, Receiving, 100)
	began := time.Now()
	answer, _, err := lane.Exchange(t.Context(), get(host), always)
	if err != nil || answer.Status != 404 || !bytes.Equal(answer.Body, text) {
		t.Errorf("%d with %d bytes, %v", answer.Status, len(answer.Body), err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNothingMoves(t *testing.T) {
	for way, direction := range map[string]Direction{"upload": Sending, "download": Receiving} {
		for name, silence := range map[string]string{"no answer": "", "half of one": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"} {
			t.Run(way+" "+name, func(t *testing.T) {
				t.Parallel()
				host := serve(t, false, func(c net.Conn, r *bufio.Reader) {
					got := make([]byte, 100)
					if direction == Receiving {
						got = nil
					}
					if readBody(r, got) == nil {
						_, _ = io.WriteString(c, silence)
						_, _ = r.ReadByte()
					}
				})
				lane, _ := laneOf(t, direction, 2000)
				request := get(host)
				if direction == Sending {
					request = put(host, content.Generated("key", 0, 100))
				}
				request.Timeout = 500 * time.Millisecond
				began := time.Now()
				_, _, err := lane.Exchange(t.Context(), request, always)
				if took := time.Since(began); err == nil || err.Class != wire.Timeout || took < 500*time.Millisecond || took > 2*time.Second {
					t.Errorf("it ended as %+v after %v", err, took)
				}
			})
		}
	}
}

func TestNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := &wire.Host{Address: listener.Addr().String()}
	_ = listener.Close()
	lane, heard := laneOf(t, Sending, 100)
	_, times, failure := lane.Exchange(t.Context(), put(host, content.Generated("key", 0, 100)), always)
	if failure == nil || failure.Class != wire.Connect {
		t.Errorf("it ended as %+v", failure)
	}
	if heard.opened.Load() != 0 || heard.closed.Load() != 0 || times.Blocked != times.Ended.Sub(times.Began) {
		t.Errorf("opened %d, closed %d, %+v", heard.opened.Load(), heard.closed.Load(), times)
	}
}

func TestPieces(t *testing.T) {
	for _, row := range []struct{ bytesPerSecond, pieces, largest int64 }{
		{1, 1, 1}, {100, 1, 100}, {1024, 1, 1024}, {1025, 2, 513}, {2000, 2, 1000}, {51_200, 50, 1024}, {1 << 20, 50, 20_972},
	} {
		pace := NewPace(row.bytesPerSecond)
		if pace.pieces != row.pieces || int64(pace.largest()) != row.largest {
			t.Errorf("%d a second: %d pieces of up to %d", row.bytesPerSecond, pace.pieces, pace.largest())
		}
		beat := pace.start()
		sum, last := 0, time.Time{}
		for range 3 * row.pieces {
			moment, bytes := beat.next()
			if bytes < 1 || bytes > pace.largest() || moment.Before(last) {
				t.Errorf("%d a second: a piece of %d, %v after the last", row.bytesPerSecond, bytes, moment.Sub(last))
			}
			sum += bytes
			last = moment
		}
		if int64(sum) != 3*row.bytesPerSecond {
			t.Errorf("%d a second: %d in three seconds", row.bytesPerSecond, sum)
		}
		if took := last.Sub(beat.begin); took < 3*time.Second-grid || took > 3*time.Second+grid {
			t.Errorf("%d a second: three seconds took %v", row.bytesPerSecond, took)
		}
	}
}

func TestWhatCouldNotGoInTimeIsNotMadeUpFor(t *testing.T) {
	beat := NewPace(100).start()
	beat.begin = beat.begin.Add(-time.Minute)
	moment, _ := beat.next()
	if ahead := time.Until(moment); ahead < 900*time.Millisecond {
		t.Errorf("the next piece goes in %v", ahead)
	}
}

// counting operations that take a while.
type counting struct {
	now, most, all atomic.Int64
	took           time.Duration
	result         bool
}

func (c *counting) operate(ctx context.Context) bool {
	c.all.Add(1)
	if now := c.now.Add(1); now > c.most.Load() {
		c.most.Store(now)
	}
	defer c.now.Add(-1)
	select {
	case <-time.After(c.took):
	case <-ctx.Done():
	}
	return c.result
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestKeepingIsOfEachOperationInTurn(t *testing.T) {
	a, b := &counting{took: time.Minute}, &counting{took: time.Minute}
	h := NewHolder(t.Context(), []Operate{a.operate, b.operate})
	h.Keep(21)
	eventually(t, "21 are open", func() bool { return a.now.Load() == 11 && b.now.Load() == 10 })
	h.Keep(4)
	eventually(t, "four are left", func() bool { return a.now.Load() == 2 && b.now.Load() == 2 })
	h.Keep(6)
	eventually(t, "two more", func() bool { return a.now.Load() == 3 && b.now.Load() == 3 })
	h.Close()
	if a.now.Load()+b.now.Load() != 0 {
		t.Error("some are left")
	}
	h.Keep(5)
	if h.Open(5, 5) != 5 || a.all.Load()+b.all.Load() != 23 {
		t.Errorf("%d and %d in all", a.all.Load(), b.all.Load())
	}
}

func TestOneThatEndsIsReplacedAtOnceAndOneThatFailsSoonIsNot(t *testing.T) {
	good, bad := &counting{took: 10 * time.Millisecond, result: true}, &counting{}
	h := NewHolder(t.Context(), []Operate{good.operate, bad.operate})
	h.Keep(2)
	time.Sleep(time.Second)
	h.Close()
	if n := good.all.Load(); n < 40 {
		t.Errorf("%d in a second", n)
	}
	// After 0.1, 0.2, 0.4 s and so on, or half of that.
	if n := bad.all.Load(); n < 3 || n > 5 {
		t.Errorf("%d tries in a second", n)
	}
}

func TestManyAreNotOpenedAtOnce(t *testing.T) {
	c := &counting{took: time.Minute}
	h := NewHolder(t.Context(), []Operate{c.operate})
	defer h.Close()
	began := time.Now()
	h.Keep(500)
	eventually(t, "500 are open", func() bool { return c.now.Load() == 500 })
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("they were open after %v", took)
	}
}

func TestOpeningIsUpToAPlaceForEach(t *testing.T) {
	c := &counting{took: 200 * time.Millisecond, result: true}
	h := NewHolder(t.Context(), []Operate{c.operate})
	defer h.Close()
	if dropped := h.Open(7, 5); dropped != 2 {
		t.Errorf("%d were dropped of seven", dropped)
	}
	eventually(t, "they are over", func() bool { return c.all.Load() == 5 && c.now.Load() == 0 })
	eventually(t, "there is room again", func() bool { return h.Open(1, 5) == 0 })
	eventually(t, "it is over, and none was replaced", func() bool { return c.all.Load() == 6 && c.now.Load() == 0 })
}

func TestTheEndLeavesNothing(t *testing.T) {
	for way, secured := range ways {
		for name, end := range map[string]func(h *Holder, cancel func()){
			"of the load": func(h *Holder, _ func()) { h.Close() },
			"of the test": func(_ *Holder, cancel func()) { cancel() },
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				var open atomic.Int32
				host := serve(t, secured, func(c net.Conn, r *bufio.Reader) {
					open.Add(1)
					defer open.Add(-1)
					request, err := http.ReadRequest(r)
					if err == nil && request.Method == "GET" {
						_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 8<<20)
						_, _ = c.Write(make([]byte, 8<<20))
						return
					}
					_, _ = io.Copy(io.Discard, r)
				})
				before := runtime.NumGoroutine()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				uploads, heardUp := laneOf(t, Sending, 100)
				downloads, heardDown := laneOf(t, Receiving, 100)
				h := NewHolder(ctx, []Operate{
					func(ctx context.Context) bool {
						_, _, err := uploads.Exchange(ctx, put(host, content.Generated("k", 0, 1<<20)), always)
						return err == nil
					},
					func(ctx context.Context) bool {
						_, _, err := downloads.Exchange(ctx, get(host), always)
						return err == nil
					},
				})
				h.Keep(100)
				eventually(t, "all are open", func() bool { return open.Load() == 100 && uploads.Open() == 50 && downloads.Open() == 50 })
				began := time.Now()
				end(h, cancel)
				eventually(t, "nothing is left", func() bool {
					return open.Load() == 0 && uploads.Open() == 0 && downloads.Open() == 0 && runtime.NumGoroutine() <= before
				})
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				if up, down := heardUp.closed.Load(), heardDown.closed.Load(); up != 50 || down != 50 {
					t.Errorf("%d and %d were told", up, down)
				}
			})
		}
	}
}

func TestAConnectionWithoutASocket(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if _, err := newConn(a, patience); err == nil {
		t.Error("it is taken")
	}
}

func TestOpenFiles(t *testing.T) {
	if n := OpenFiles(1); n < 1 {
		t.Errorf("%d", n)
	}
	now := OpenFiles(0)
	if n := OpenFiles(now); n < now {
		t.Errorf("%d, and %d before", n, now)
	}
	if n := OpenFiles(1 << 40); n >= 1<<40 {
		t.Errorf("%d files", n)
	}
}
