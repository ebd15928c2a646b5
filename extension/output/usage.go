package output

import (
	"syscall"
	"time"
)

// usage is what this process has used.
type usage struct {
	// cpu is user's and system's time since the start.
	cpu time.Duration
	// memory is resident now, and at its most, in bytes.
	memory, peakMemory int64
}

func currentUsage() usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}
	}
	memory, peak := memoryOf(&r)
	return usage{cpu: time.Duration(r.Utime.Nano() + r.Stime.Nano()), memory: memory, peakMemory: peak}
}
