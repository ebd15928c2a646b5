package output

import (
	"sync/atomic"

	"go.k6.io/k6/v2/errext/exitcodes"
)

// What k6 doesn't know of the run: it is told an output's errors at the end, and only logs them.
var crossed, unwritten atomic.Bool

// failed is any failure that has no code of its own.
const failed = 1

// ExitCode is the one that k6 is to end with, where by itself it would end with `code`: 99 when a threshold was crossed that
// was judged here, 1 when figures are not in the file.
func ExitCode(code int) int {
	passed := code == 0
	switch {
	case unwritten.Load() && (passed || code == int(exitcodes.ThresholdsHaveFailed)):
		return failed
	case crossed.Load() && passed:
		return int(exitcodes.ThresholdsHaveFailed)
	default:
		return code
	}
}
