//go:build unix && !linux

package hold

import (
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged does nothing here: the system's own limits hold.
func limitUnacknowledged(int, time.Duration) error { return nil }

// hungUp tells whether the other side has closed the connection, as far as the system tells it before all is read.
func hungUp(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
