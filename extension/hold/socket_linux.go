package hold

import (
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged ends a connection on which nothing that was sent gets through for so long: without it the system goes
// on trying for 15 minutes.
func limitUnacknowledged(fd int, patience time.Duration) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
}

// hungUp tells whether the other side has closed the connection, though there may be something left to read.
func hungUp(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
