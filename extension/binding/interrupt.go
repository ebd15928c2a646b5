package binding

import (
	"context"
	"time"

	"github.com/grafana/sobek"

	"s3loadtest/extension/request"
	"s3loadtest/extension/shared"
	"s3loadtest/extension/wire"
)

// cleanupTime is how long a call may take that is made when the test has ended.
const cleanupTime = 4 * time.Second

// cleanupCalls is how often such a call is made, and cleanupPause how long what it cleans up has to settle in between.
const (
	cleanupCalls = 3
	cleanupPause = 300 * time.Millisecond
)

// unrecorded is a recorder of calls beside the load.
type unrecorded struct{}

func (unrecorded) Attempt(request.Caller, *request.Attempt)                  {}
func (unrecorded) Composed(request.Caller, string, string, *request.Outcome) {}

// atInterrupt gives a function that takes a call and keeps it back: it is made when the test ends before the function that it
// returns was called. k6 breaks a script off wherever it is, so that no script can do that by itself.
func (e *engine) atInterrupt(call sobek.FunctionCall) sobek.Value {
	command := e.command(call)
	return e.rt.ToValue(func(call sobek.FunctionCall) sobek.Value {
		kept := e.callOf(command, call)
		shared.Cleanups.Begin()
		stop := context.AfterFunc(e.vu.Context(), func() {
			defer shared.Cleanups.End()
			e.cleanUp(command, &kept)
		})
		return e.rt.ToValue(func() {
			if stop() {
				shared.Cleanups.End()
			}
		})
	})
}

// cleanUp makes a call, in no figure and on a connection of its own. What was broken off may go on at the server, and land after
// the call was served: S3's documentation says to abort an upload several times for that.
func (e *engine) cleanUp(command *request.Command, call *request.Call) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
	defer cancel()
	options := e.client.Options
	// A server may still be busy with what was broken off, and refuse at first.
	options.Attempts, options.Timeout, options.Limit, options.Brakes = 5, cleanupTime, nil, false
	client := request.New(options, wire.NewPool(e.state.Dialer, wire.Never), unrecorded{})
	for n := 1; ; n++ {
		outcome := client.Do(request.Caller{Context: ctx}, command, call)
		// Of a server that does not answer nothing is to be expected any more.
		if n == cleanupCalls || outcome.Status == 0 {
			return
		}
		time.Sleep(cleanupPause)
	}
}
