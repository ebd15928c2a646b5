package hold

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"s3loadtest/extension/wire"
)

// exchange is one that is under way.
type exchange struct {
	lane *Lane
	// conn is for the request's bytes, socket what is below TLS.
	conn        net.Conn
	socket      *conn
	request     *wire.Request
	wantHeaders func(status int) bool
	times       *wire.Times
	// ctx is what it ends with, unless stay is called.
	ctx  context.Context
	stay func() bool
	// first is the answer's first byte, once it has come.
	first [1]byte
	begun bool
}

// endWith closes the connection when a context ends.
func (x *exchange) endWith(ctx context.Context) {
	x.ctx, x.stay = ctx, context.AfterFunc(ctx, x.socket.end)
}

// outliveLoad lets it end with the test only, if it has not ended yet.
func (x *exchange) outliveLoad() bool {
	if !x.stay() {
		return false
	}
	x.endWith(x.lane.test)
	return true
}

func (x *exchange) make() (wire.Answer, error) {
	if x.lane.direction == Receiving {
		return x.download()
	}
	return x.upload()
}

// upload sends the body slowly. A server may answer, or hang up, before it has everything: that is heard at once.
func (x *exchange) upload() (wire.Answer, error) {
	began := time.Now()
	sent, sendErr := x.send()
	x.times.Sending = time.Since(began)
	if sendErr != nil && isTimeout(sendErr) {
		return wire.Answer{}, sendErr
	}
	// One that refused what came may have said so before it hung up.
	if err := x.awaitAnswer(); err != nil {
		if sendErr != nil {
			err = sendErr
		}
		return wire.Answer{}, err
	}
	answer, err := x.receive(x.request.Keep)
	if err == nil && answer.Status < 300 && sent < x.request.Len() {
		err = wire.Malformed("a success before the end of the body")
	}
	return answer, err
}

// send returns how much of the body went out: not all of it when an answer has begun meanwhile.
func (x *exchange) send() (sent int64, err error) {
	r := x.request
	if err := x.write(r.Head); err != nil {
		return 0, err
	}
	for beat := x.lane.pace.start(); sent < r.Len(); {
		moment, bytes := beat.next()
		if err := x.listenUntil(moment); err != nil || x.begun {
			return sent, err
		}
		n, err := x.sendPiece(sent, bytes)
		if err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

func (x *exchange) sendPiece(at int64, bytes int) (int64, error) {
	piece := x.lane.pieces.Get().(*[]byte)
	defer x.lane.pieces.Put(piece)
	n := x.request.Read((*piece)[:bytes], at)
	// By the last one the server can make an object of it, and is to be heard out.
	if at+int64(n) == x.request.Len() && !x.outliveLoad() {
		return 0, net.ErrClosed
	}
	return int64(n), x.write((*piece)[:n])
}

func (x *exchange) write(p []byte) error {
	if err := x.conn.SetWriteDeadline(time.Now().Add(x.request.Timeout)); err != nil {
		return err
	}
	_, err := x.conn.Write(p)
	return err
}

// listenUntil waits, and returns sooner when an answer begins.
func (x *exchange) listenUntil(moment time.Time) error {
	if err := x.conn.SetReadDeadline(moment); err != nil {
		return err
	}
	n, err := x.conn.Read(x.first[:])
	x.begun = n > 0
	if x.begun || isTimeout(err) {
		return nil
	}
	return err
}

// awaitAnswer waits for its first byte.
func (x *exchange) awaitAnswer() error {
	if x.begun {
		return nil
	}
	began := time.Now()
	if err := x.conn.SetReadDeadline(began.Add(x.request.Timeout)); err != nil {
		return err
	}
	_, err := io.ReadFull(x.conn, x.first[:])
	x.times.Waiting = time.Since(began)
	x.begun = err == nil
	return err
}

// download reads the answer slowly, from its second byte on.
func (x *exchange) download() (wire.Answer, error) {
	if err := x.write(x.request.Head); err != nil {
		return wire.Answer{}, err
	}
	if err := x.awaitAnswer(); err != nil {
		return wire.Answer{}, err
	}
	x.socket.slowDown(x.lane.pace)
	return x.receive(func(status int) int64 {
		if status >= 300 {
			// Nothing to hold: it is only to be known why. A failure to set the deadline is the next read's.
			_ = x.socket.hurry()
		}
		return x.request.Keep(status)
	})
}

func (x *exchange) receive(keep func(status int) int64) (wire.Answer, error) {
	began := time.Now()
	if err := x.conn.SetReadDeadline(began.Add(x.request.Timeout)); err != nil {
		return wire.Answer{}, err
	}
	request := *x.request
	request.Keep = keep
	answer, failure := wire.Receive(resumed{x.conn, x}, &request, x.wantHeaders, make([]byte, usualPiece))
	x.times.Receiving = time.Since(began)
	if failure != nil {
		return answer, failure
	}
	return answer, nil
}

// resumed is a connection of which the answer's first byte was read.
type resumed struct {
	net.Conn
	x *exchange
}

func (r resumed) Read(p []byte) (int, error) {
	if !r.x.begun || len(p) == 0 {
		return r.Conn.Read(p)
	}
	r.x.begun = false
	return copy(p, r.x.first[:]), nil
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
