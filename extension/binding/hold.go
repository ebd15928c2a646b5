package binding

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib/netext"

	"s3loadtest/extension/content"
	"s3loadtest/extension/hold"
	"s3loadtest/extension/measure"
	"s3loadtest/extension/request"
)

// holdOptions are what a script wants to hold: NativeHolding of lib/s3/engines/extension.ts.
type holdOptions struct {
	BytesPerSecond int64 `js:"bytesPerSecond"`
	// Uploads are the sizes to upload in turn. Keys are made of what stands before their time and what stands after it.
	Uploads []struct {
		Size   string `js:"size"`
		Bytes  int64  `js:"bytes"`
		Before string `js:"before"`
	} `js:"uploads"`
	After     string `js:"after"`
	Downloads struct {
		Size  string `js:"size"`
		Bytes int64  `js:"bytes"`
	} `js:"downloads"`
}

// holding is a holder as JavaScript has it: HeldConnections of lib/s3/held.ts.
type holding struct {
	holdOptions
	vu     modules.VU
	holder *hold.Holder
	lanes  []lane
	// Connections so far that were to upload, and to download.
	uploads, downloads atomic.Uint64
	// keys are what is downloaded; lost tells that one of them is gone.
	keys atomic.Pointer[[]string]
	lost atomic.Bool
	// ended is closed when the last figures are told.
	ended chan struct{}
}

type lane struct {
	*hold.Lane
	figures *measure.Held
}

const figuresEvery = time.Second

// hold makes a holder for the VU that asks, which holds nothing yet.
func (i *instance) hold(call sobek.FunctionCall) sobek.Value {
	rt := i.vu.Runtime()
	options, recorder := i.clientOptions(call.Argument(0))
	options.OneRequest, options.Attempts = true, 1
	h := &holding{vu: i.vu, ended: make(chan struct{})}
	if err := rt.ExportTo(call.Argument(1), &h.holdOptions); err != nil {
		common.Throw(rt, err)
	}
	state := i.vu.State()
	dialer, ok := state.Dialer.(*netext.Dialer)
	if !ok {
		common.Throw(rt, fmt.Errorf("connections can't be slow by a dialer that is a %T", state.Dialer))
	}
	if h.BytesPerSecond < 1 || len(h.Uploads) == 0 {
		common.Throw(rt, errors.New("hold needs a byte a second, and a size to upload"))
	}
	ctx := i.vu.Context()
	by := request.Caller{Context: ctx, Iteration: state.Iteration, Tags: state.Tags.GetCurrentValues()}
	rows := call.Argument(2).ToObject(rt)
	upload, download := commandOf(rt, rows.Get("upload")), commandOf(rt, rows.Get("download"))
	pace := hold.NewPace(h.BytesPerSecond)
	var operate []hold.Operate
	for _, endpoint := range options.Endpoints {
		own := options
		own.Endpoints, own.FirstEndpoint = []string{endpoint}, 0
		for _, way := range []struct {
			command   *request.Command
			direction hold.Direction
			do        func(*request.Client, request.Caller, *request.Command) bool
		}{{upload, hold.Sending, h.upload}, {download, hold.Receiving, h.download}} {
			figures := measure.NewHeld(recorder, by, way.command.Op, request.Label(endpoint))
			l := lane{hold.NewLane(ctx, way.direction, pace, options.Timeout, dialer, figures), figures}
			client := request.New(own, l, figures)
			h.lanes = append(h.lanes, l)
			operate = append(operate, func(ctx context.Context) bool {
				return way.do(client, request.Caller{Context: ctx, Iteration: by.Iteration, Tags: by.Tags}, way.command)
			})
		}
	}
	h.holder = hold.NewHolder(ctx, operate)
	go h.tell(ctx)
	return h.object(rt)
}

func (h *holding) object(rt *sobek.Runtime) sobek.Value {
	o := rt.NewObject()
	for name, f := range map[string]any{
		"keep":  h.holder.Keep,
		"open":  h.holder.Open,
		"read":  func(keys []string) { h.keys.Store(&keys); h.lost.Store(false) },
		"lost":  h.lost.Load,
		"close": func() sobek.Value { return h.close(rt) },
	} {
		if err := o.Set(name, f); err != nil {
			common.Throw(rt, err)
		}
	}
	return o
}

func (h *holding) upload(client *request.Client, by request.Caller, command *request.Command) bool {
	n := h.uploads.Add(1) - 1
	o := &h.Uploads[n%uint64(len(h.Uploads))]
	key := o.Before + strconv.FormatInt(time.Now().UnixMicro(), 10) + h.After + strconv.FormatUint(n, 10) + content.KeyEnd
	call := request.Call{Key: key, Size: o.Size, Body: content.Generated(key, 0, o.Bytes)}
	return client.Do(by, command, &call).Failure == nil
}

func (h *holding) download(client *request.Client, by request.Caller, command *request.Command) bool {
	keys := h.keys.Load()
	if keys == nil || len(*keys) == 0 {
		return false
	}
	key := (*keys)[(h.downloads.Add(1)-1)%uint64(len(*keys))]
	failure := client.Do(by, command, &request.Call{Key: key, Size: h.Downloads.Size, Expect: h.Downloads.Bytes}).Failure
	if failure != nil && failure.Class == request.NotFound {
		h.lost.Store(true)
	}
	return failure == nil
}

// tell the figures of each second until the holder is closed, and then the last.
func (h *holding) tell(ctx context.Context) {
	ticker := time.NewTicker(figuresEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-h.ended:
			return
		case <-ctx.Done():
			return
		}
		h.tellNow()
	}
}

func (h *holding) tellNow() {
	for _, l := range h.lanes {
		sent, received := l.Moved()
		l.figures.Now(l.Open(), sent, received)
	}
}

// close resolves when every connection is closed, and told.
func (h *holding) close(rt *sobek.Runtime) sobek.Value {
	promise, resolve, _ := rt.NewPromise()
	callback := h.vu.RegisterCallback()
	go func() {
		h.holder.Close()
		close(h.ended)
		h.tellNow()
		callback(func() error { return resolve(sobek.Undefined()) })
	}()
	return rt.ToValue(promise)
}
