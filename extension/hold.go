package s3loadtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib/netext"

	"s3loadtest/extension/body"
	"s3loadtest/extension/measure"
	"s3loadtest/extension/s3"
	"s3loadtest/extension/slow"
)

// held is what a script wants to hold: Holding of lib/s3/api.ts.
type held struct {
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

// holding is a holder as JavaScript has it: SlowConnections of lib/s3/api.ts.
type holding struct {
	held
	vu     modules.VU
	holder *slow.Holder
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
	*slow.Lane
	figures *measure.Held
}

const figuresEvery = time.Second

// hold makes a holder for the VU that asks, which holds nothing yet.
func (i *instance) hold(call sobek.FunctionCall) sobek.Value {
	rt := i.vu.Runtime()
	options, recorder := i.clientOptions(call.Argument(0))
	options.OneRequest, options.Attempts = true, 1
	h := &holding{vu: i.vu, ended: make(chan struct{})}
	if err := rt.ExportTo(call.Argument(1), &h.held); err != nil {
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
	by := s3.Caller{Context: ctx, Iteration: state.Iteration, Tags: state.Tags.GetCurrentValues()}
	pace := slow.NewPace(h.BytesPerSecond)
	var operate []slow.Operate
	for _, endpoint := range options.Endpoints {
		own := options
		own.Endpoints, own.FirstEndpoint = []string{endpoint}, 0
		for _, way := range []struct {
			op        string
			direction slow.Direction
			do        func(*s3.Client, s3.Caller) bool
		}{{"PUT", slow.Sending, h.upload}, {"GET", slow.Receiving, h.download}} {
			_, name, _ := strings.Cut(endpoint, "://")
			figures := measure.NewHeld(recorder, by, way.op, name)
			l := lane{slow.NewLane(ctx, way.direction, pace, options.Timeout, dialer, figures), figures}
			client := s3.New(own, l, figures)
			h.lanes = append(h.lanes, l)
			operate = append(operate, func(ctx context.Context) bool {
				return way.do(client, s3.Caller{Context: ctx, Iteration: by.Iteration, Tags: by.Tags})
			})
		}
	}
	h.holder = slow.NewHolder(ctx, operate)
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

func (h *holding) upload(client *s3.Client, by s3.Caller) bool {
	n := h.uploads.Add(1) - 1
	o := &h.Uploads[n%uint64(len(h.Uploads))]
	key := o.Before + strconv.FormatInt(time.Now().UnixMicro(), 10) + h.After + strconv.FormatUint(n, 10) + body.KeyEnd
	return client.PutObject(by, key, body.Generated(key, 0, o.Bytes), o.Size).Failure == nil
}

func (h *holding) download(client *s3.Client, by s3.Caller) bool {
	keys := h.keys.Load()
	if keys == nil || len(*keys) == 0 {
		return false
	}
	key := (*keys)[(h.downloads.Add(1)-1)%uint64(len(*keys))]
	failure := client.GetObject(by, key, h.Downloads.Size, h.Downloads.Bytes).Failure
	if failure != nil && failure.Class == s3.NotFound {
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
