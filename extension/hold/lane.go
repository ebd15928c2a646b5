package hold

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/lib/netext"

	"s3loadtest/extension/wire"
)

// Watch hears of connections. What became of their requests is for the s3 client's recorder.
type Watch interface {
	// Opened: it stands, TLS included.
	Opened()
	// Closed by us before its request was answered.
	Closed(lived time.Duration)
}

// Lane is the connections of one direction to one endpoint. It exchanges requests for an request.Client, each slowly and on a
// connection of its own.
type Lane struct {
	// test ends with the test, which ends everything. The load ends before.
	test      context.Context
	direction Direction
	pace      Pace
	dialer    netext.Dialer
	watch     Watch
	pieces    sync.Pool
	open      atomic.Int64
}

// NewLane connects as a dialer of k6's does. patience is how long nothing may move on a connection.
func NewLane(test context.Context, direction Direction, pace Pace, patience time.Duration, dialer *netext.Dialer, watch Watch) *Lane {
	l := &Lane{test: test, direction: direction, pace: pace, dialer: *dialer, watch: watch}
	l.dialer.BytesRead, l.dialer.BytesWritten = 0, 0
	l.dialer.ControlContext = control(direction, pace, patience)
	l.pieces.New = func() any { piece := make([]byte, pace.largest()); return &piece }
	return l
}

// Open is how many connections stand now.
func (l *Lane) Open() int64 { return l.open.Load() }

// Moved gives the bytes that went each way since it was asked last, headers and TLS included.
func (l *Lane) Moved() (sent, received int64) {
	return atomic.SwapInt64(&l.dialer.BytesWritten, 0), atomic.SwapInt64(&l.dialer.BytesRead, 0)
}

// dialing is one dial: k6's connection, which TLS may come on top of, as one of ours.
type dialing struct {
	lane     *Lane
	patience time.Duration
	made     *conn
}

// DialContext is what wire.Dial asks for.
func (d *dialing) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.lane.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if d.made, err = newConn(c, d.patience); err != nil {
		_ = c.Close()
		return nil, err
	}
	return d.made, nil
}

// farewell is how long a server may take to close a connection that it has answered on, before we do.
const farewell = 100 * time.Millisecond

// Exchange sends a request and reads its answer, one of them slowly. The request's timeout is for connecting, and for each
// time in which nothing moves. The context ends with the load; an upload that has gone out by then still gets its answer,
// for the server may have made an object of it.
func (l *Lane) Exchange(ctx context.Context, r *wire.Request, wantHeaders func(status int) bool) (answer wire.Answer, times wire.Times, failure *wire.Error) {
	times.Began = time.Now()
	by := dialing{lane: l, patience: r.Timeout}
	c, failure := wire.Dial(ctx, &by, r.Host, times.Began.Add(r.Timeout), &times)
	opened := time.Now()
	times.Ended = opened
	times.Blocked = opened.Sub(times.Began)
	if failure != nil {
		return answer, times, wire.Failed(ctx, failure)
	}
	l.open.Add(1)
	l.watch.Opened()
	defer l.open.Add(-1)
	defer by.made.end()
	x := exchange{lane: l, conn: c, socket: by.made, request: r, wantHeaders: wantHeaders, times: &times}
	x.endWith(ctx)
	defer func() { x.stay() }()
	answer, err := x.make()
	times.Ended = time.Now()
	if secured, ok := c.(*tls.Conn); ok {
		answer.TLSVersion = secured.ConnectionState().Version
	}
	if err != nil {
		failure = wire.Failed(x.ctx, err)
		if failure.Class == wire.Aborted {
			l.watch.Closed(times.Ended.Sub(opened))
		}
		return answer, times, failure
	}
	by.made.slow = false
	if c.SetReadDeadline(times.Ended.Add(farewell)) == nil {
		_, _ = c.Read(x.first[:])
	}
	return answer, times, nil
}
