// Package usage tells what this process has used of its machine.
package usage

import (
	"syscall"
	"time"
)

// Usage of the process since its start.
type Usage struct {
	// CPU is user's and system's time.
	CPU time.Duration
	// Memory is resident now, PeakMemory was at most, in bytes; 0 where the system doesn't say.
	Memory, PeakMemory int64
}

// Now is the usage so far.
func Now() Usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}
	}
	memory, peak := memoryOf(&r)
	return Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Memory: memory, PeakMemory: peak}
}
