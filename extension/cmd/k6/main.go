// The k6 that the project builds for itself: k6 as released, with the extension k6/x/s3loadtest.
package main

import (
	"context"
	"os"
	_ "unsafe" // for go:linkname

	_ "go.k6.io/k6/v2/cmd" // has what is linked below
	"go.k6.io/k6/v2/cmd/state"

	_ "s3loadtest/extension/binding"
	"s3loadtest/extension/output"
)

// execute is what k6's cmd.Execute calls, with a state that exits as it likes: k6 has no exported way for an output to make
// the exit code anything but 0. The build fails where a later k6 has no such function.
//
//go:linkname execute go.k6.io/k6/v2/internal/cmd.ExecuteWithGlobalState
func execute(*state.GlobalState)

func main() {
	k6 := state.NewGlobalState(context.Background())
	k6.OSExit = func(code int) { os.Exit(output.ExitCode(code)) }
	execute(k6)
}
