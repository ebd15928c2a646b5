// Package binding is the k6 extension k6/x/s3loadtest as scripts see it: what the load tester needs of k6 and JavaScript can't do.
package binding

import (
	"runtime/debug"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/modules"

	"s3loadtest/extension/barrier"
	"s3loadtest/extension/hold"
	"s3loadtest/extension/measure"
	"s3loadtest/extension/output"
	"s3loadtest/extension/shared"
)

func init() {
	modules.Register("k6/x/s3loadtest", root{})
}

type root struct{}

// NewModuleInstance is called once in each VU, in its init context.
func (root) NewModuleInstance(vu modules.VU) modules.Instance {
	registry := vu.InitEnv().Registry
	output.KnowMetrics(registry)
	return &instance{vu: vu, own: measure.Register(registry)}
}

type instance struct {
	vu  modules.VU
	own *measure.Own
}

// Exports is what scripts see: lib/s3/engines/extension.ts has its types.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{
		"connect": i.connect, "hold": i.hold, "openFiles": hold.OpenFiles, "awaitStart": i.awaitStart,
		"setGCPercent": setGCPercent,
		"board":        i.board, "credentials": i.credentials,
	}}
}

// awaitStart returns when the load is to begin, which a file tells, or throws. limitMs is how long to wait for that file.
func (i *instance) awaitStart(path string, limitMs float64) error {
	return barrier.Wait(i.vu.Context(), path, time.Duration(limitMs*float64(time.Millisecond)))
}

// board is that of all VUs of this process.
var board = shared.NewBoard()

// board gives it as JavaScript has it: Board of lib/s3/engines/extension.ts. A VU that never asks has no function of it.
func (i *instance) board() map[string]any {
	return map[string]any{
		"claim": func(name string, everyMs float64) bool {
			return board.Claim(name, time.Duration(everyMs*float64(time.Millisecond)))
		},
		"post": board.Post,
		// undefined where nothing newer was posted.
		"newer": func(name string, version int) sobek.Value {
			post := board.Newer(name, version)
			if post == nil {
				return sobek.Undefined()
			}
			return i.vu.Runtime().ToValue(post)
		},
	}
}

// setGCPercent sets Go's GOGC, which is the whole process's.
func setGCPercent(percent int) { debug.SetGCPercent(percent) }
