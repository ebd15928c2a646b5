package hold

import (
	"context"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Direction is which way the slow bytes go.
type Direction int

// Sending uploads, Receiving downloads.
const (
	Sending Direction = iota
	Receiving
)

// largestSegment is Ethernet's. A server's send buffer grows with the segments that it may send: by loopback's, of 64 KiB,
// Linux takes 3 MB of an object off its hands, by these 170 KB.
const largestSegment = 1460

// control sets a socket up before it connects, which is when the receive window is agreed upon.
func control(direction Direction, pace Pace, patience time.Duration) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) {
			if direction == Sending {
				err = limitUnacknowledged(int(fd), patience)
				return
			}
			if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, pace.window()); err == nil {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, largestSegment)
			}
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}
}
