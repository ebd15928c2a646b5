package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// namesLast is how long the addresses of a name are taken for its addresses.
	namesLast = 30 * time.Second
	// leastTry is what the attempt at one of several addresses gets, if there is so much time at all.
	leastTry = 2 * time.Second
)

// Names connects to all addresses of a name in turn, and to another where one does not answer. What it knows is for all
// virtual users of a process.
type Names struct {
	mu    sync.Mutex
	known map[string]*addresses
	// lookup is the system's.
	lookup func(ctx context.Context, host string) ([]string, error)
}

type addresses struct {
	// live are those that are taken in turn; failed have not let us in since the lookup, and are tried when no other does.
	live, failed []string
	turn         int
	asked        time.Time
}

// NewNames knows none.
func NewNames() *Names {
	return &Names{known: map[string]*addresses{}, lookup: net.DefaultResolver.LookupHost}
}

// dial connects to one of the addresses of host:port. A name that is not found is the dialer's to tell.
func (n *Names) dial(ctx context.Context, dialer Dialer, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) != nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	all := n.of(ctx, host)
	if len(all) == 0 {
		return dialer.DialContext(ctx, "tcp", address)
	}
	for i, one := range all {
		var conn net.Conn
		conn, err = dialFor(ctx, dialer, net.JoinHostPort(one, port), len(all)-i)
		if err == nil {
			return conn, nil
		}
		if failure := dialError(err); failure.IsOwn() || errors.Is(ctx.Err(), context.Canceled) {
			return nil, err
		}
		n.fail(host, one)
	}
	return nil, err
}

// dialFor takes its part of the time that so many attempts have.
func dialFor(ctx context.Context, dialer Dialer, address string, attempts int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && attempts > 1 {
		limited, cancel := context.WithTimeout(ctx, max(leastTry, time.Until(end)/time.Duration(attempts)))
		defer cancel()
		ctx = limited
	}
	return dialer.DialContext(ctx, "tcp", address)
}

// of gives the addresses of a name in the order to try them, none where it has none. Known ones stay where a lookup fails.
func (n *Names) of(ctx context.Context, host string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.known[host]
	if a == nil || time.Since(a.asked) > namesLast {
		found, err := n.lookup(ctx, host)
		switch {
		case err == nil:
			a = &addresses{live: found, asked: time.Now()}
			n.known[host] = a
		case a == nil:
			return nil
		default:
			a.asked = time.Now()
		}
	}
	order := make([]string, 0, len(a.live)+len(a.failed))
	if len(a.live) > 0 {
		a.turn = (a.turn + 1) % len(a.live)
		order = append(append(order, a.live[a.turn:]...), a.live[:a.turn]...)
	}
	return append(order, a.failed...)
}

// fail puts an address behind the others until the next lookup.
func (n *Names) fail(host, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.known[host]
	for i, one := range a.live {
		if one == address {
			a.live = append(append([]string{}, a.live[:i]...), a.live[i+1:]...)
			a.failed = append(a.failed, address)
			return
		}
	}
}
