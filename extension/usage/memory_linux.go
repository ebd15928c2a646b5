package usage

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// memoryOf this process. Not getrusage's, which for the peak has that of the process it was forked from, if that was more.
func memoryOf(*syscall.Rusage) (now, peak int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	return kibibytes(status, "VmRSS:"), kibibytes(status, "VmHWM:")
}

// kibibytes reads a line such as `VmHWM:     52096 kB`, in bytes.
func kibibytes(status []byte, name string) int64 {
	_, after, _ := bytes.Cut(status, []byte("\n"+name))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return n << 10
}
