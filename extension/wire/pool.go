// Package wire sends one HTTP/1.1 request and reads its answer, over connections that it keeps, and tells when what happened.
//
// fasthttp's own client would do so too, but for four things that a load test needs: the times of connecting, handshake,
// first byte and last byte; an end when the test's context ends; no request sent again unseen; bodies made while they are
// sent. So of fasthttp this takes the parser, and connections are held here.
package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"
)

// Dialer is k6's: it knows hosts, DNS settings, local IPs and what is not to be connected to, and it counts bytes.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Host is one place to connect to.
type Host struct {
	// Address is host:port.
	Address string
	// TLS is nil for plain HTTP.
	TLS *tls.Config
	// Names look the address up; nil where the dialer does.
	Names *Names
	// Proxy is nil where connections go to the host itself.
	Proxy *Proxy
}

// Reuse says how long a connection may serve.
type Reuse int

// What k6's noConnectionReuse and noVUConnectionReuse ask for.
const (
	Always Reuse = iota
	WithinIteration
	Never
)

// Pool holds one virtual user's connections. Several requests may be under way at once.
type Pool struct {
	dialer Dialer
	reuse  Reuse

	mu   sync.Mutex
	idle map[*Host][]*conn
	busy map[*conn]struct{}
	// ctx is the one whose end is waited for.
	ctx  context.Context
	stop func() bool
}

// NewPool makes an empty one.
func NewPool(dialer Dialer, reuse Reuse) *Pool {
	return &Pool{dialer: dialer, reuse: reuse, idle: map[*Host][]*conn{}, busy: map[*conn]struct{}{}}
}

// within ties a connection to a context: when that ends, so does what is under way. k6 has a context for each iteration, so
// this is done once for all requests of one, and connections outlive it.
func (p *Pool) within(ctx context.Context, c *conn) {
	c.ctx = ctx
	p.busy[c] = struct{}{}
	if ctx == p.ctx {
		return
	}
	// Of an earlier one something may be under way still.
	if p.stop != nil && len(p.busy) == 1 {
		p.stop()
	}
	p.ctx = ctx
	p.stop = context.AfterFunc(ctx, func() { p.end(ctx) })
}

func (p *Pool) end(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.busy {
		if c.ctx == ctx {
			c.abort()
		}
	}
}

// take gives a connection that stood a moment ago, or nil.
func (p *Pool) take(ctx context.Context, host *Host, iteration int64) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		all := p.idle[host]
		if len(all) == 0 {
			return nil
		}
		c := all[len(all)-1]
		p.idle[host] = all[:len(all)-1]
		if p.reuse == WithinIteration && c.iteration != iteration || c.spoken() {
			_ = c.Close()
			continue
		}
		c.iteration = iteration
		p.within(ctx, c)
		return c
	}
}

// dial makes a connection.
func (p *Pool) dial(ctx context.Context, host *Host, iteration int64, deadline time.Time, times *Times) (*conn, *Error) {
	made, err := Dial(ctx, p.dialer, host, deadline, times)
	if err != nil {
		return nil, err
	}
	c := newConn(made, readBuffer)
	c.iteration = iteration
	return c, nil
}

// Dial connects, and shakes hands where the host wants TLS. Tells how long each took.
func Dial(ctx context.Context, dialer Dialer, host *Host, deadline time.Time, times *Times) (net.Conn, *Error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	began := time.Now()
	plain, err := host.dial(ctx, dialer)
	connected := time.Now()
	times.Connecting = connected.Sub(began)
	if err != nil {
		return nil, dialError(err)
	}
	if host.TLS == nil {
		return plain, nil
	}
	secured := tls.Client(plain, host.TLS)
	err = secured.HandshakeContext(ctx)
	times.TLSHandshaking = time.Since(connected)
	if err != nil {
		_ = plain.Close()
		return nil, handshakeError(err)
	}
	return secured, nil
}

func (h *Host) dial(ctx context.Context, dialer Dialer) (net.Conn, error) {
	if h.Proxy == nil {
		return h.dialAt(ctx, dialer, h.Address)
	}
	c, err := h.dialAt(ctx, dialer, h.Proxy.Address)
	if err != nil {
		return nil, fmt.Errorf("proxyconnect %w", err)
	}
	if h.TLS == nil {
		return c, nil
	}
	if err := h.Proxy.tunnel(ctx, c, h.Address); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (h *Host) dialAt(ctx context.Context, dialer Dialer, address string) (net.Conn, error) {
	if h.Names != nil {
		return h.Names.dial(ctx, dialer, address)
	}
	return dialer.DialContext(ctx, "tcp", address)
}

// hold counts a new connection among those that end with their context.
func (p *Pool) hold(ctx context.Context, c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.within(ctx, c)
}

// give takes a connection back: to be used again, or to be closed.
func (p *Pool) give(host *Host, c *conn, reusable bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, c)
	if !reusable || p.reuse == Never || c.ctx.Err() != nil {
		_ = c.Close()
		return
	}
	p.idle[host] = append(p.idle[host], c)
}
