package binding

import (
	"fmt"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/content"
	"s3loadtest/extension/request"
	"s3loadtest/extension/sigv4"
)

// engine is what JavaScript calls: Engine of lib/s3/engine.ts.
type engine struct {
	vu     modules.VU
	rt     *sobek.Runtime
	state  *lib.State
	client *request.Client
	// pause is EngineOptions' of lib/s3/engine.ts: takes seconds, and returns a promise.
	pause sobek.Callable
}

func (e *engine) object() sobek.Value {
	o := e.rt.NewObject()
	e.set(o, "compile", e.compile)
	e.set(o, "compileAsync", e.compileAsync)
	e.set(o, "composed", e.composed)
	e.set(o, "atInterrupt", e.atInterrupt)
	return o
}

// caller is the VU as it is now.
func (e *engine) caller() request.Caller {
	return request.Caller{Context: e.vu.Context(), Iteration: e.state.Iteration, Tags: e.state.Tags.GetCurrentValues()}
}

// command reads the row that a call of JavaScript names.
func (e *engine) command(call sobek.FunctionCall) *request.Command {
	return commandOf(e.rt, call.Argument(0))
}

func commandOf(rt *sobek.Runtime, value sobek.Value) *request.Command {
	var row request.Row
	if err := rt.ExportTo(value, &row); err != nil {
		common.Throw(rt, err)
	}
	if row.Op == "" || row.Method == "" {
		panic(rt.NewTypeError("a command has an op and a method"))
	}
	return request.NewCommand(row)
}

// compile gives a function for a command's calls.
func (e *engine) compile(call sobek.FunctionCall) sobek.Value {
	command := e.command(call)
	return e.rt.ToValue(func(call sobek.FunctionCall) sobek.Value {
		c := e.callOf(command, call)
		outcome := e.client.Do(e.caller(), command, &c)
		return e.reply(command, &outcome)
	})
}

// compileAsync gives a function that promises, and works beside the VU. Nothing of JavaScript is touched until it is the VU's
// turn again.
func (e *engine) compileAsync(call sobek.FunctionCall) sobek.Value {
	command := e.command(call)
	return e.rt.ToValue(func(call sobek.FunctionCall) sobek.Value {
		promise, resolve, reject := e.rt.NewPromise()
		c := e.callOf(command, call)
		by, operation := e.caller(), e.client.NewOperation(command, &c)
		var attempt func()
		attempt = func() {
			callback, makeAttempt := e.vu.RegisterCallback(), operation.Begin(by)
			go func() {
				outcome, pause, again := makeAttempt()
				callback(func() error {
					next := attempt
					if !again {
						if pause == 0 {
							return resolve(e.reply(command, &outcome))
						}
						next = func() { _ = resolve(e.reply(command, &outcome)) }
					}
					if err := e.after(pause, next); err != nil {
						return reject(err)
					}
					return nil
				})
			}()
		}
		attempt()
		return e.rt.ToValue(promise)
	})
}

// after calls f when the script's own pause is over, which lets the VU go on with what it has under way.
func (e *engine) after(pause time.Duration, f func()) error {
	waiting, err := e.pause(sobek.Undefined(), e.rt.ToValue(pause.Seconds()))
	if err != nil {
		return err
	}
	then, _ := sobek.AssertFunction(waiting.ToObject(e.rt).Get("then"))
	_, err = then(waiting, e.rt.ToValue(func(sobek.FunctionCall) sobek.Value {
		f()
		return sobek.Undefined()
	}))
	return err
}

// composed records an operation that several calls made.
func (e *engine) composed(call sobek.FunctionCall) sobek.Value {
	whole := call.Argument(2).ToObject(e.rt)
	outcome := request.Outcome{
		Status:   int(whole.Get("status").ToInteger()),
		Bytes:    whole.Get("bytes").ToInteger(),
		Took:     time.Duration(whole.Get("ms").ToFloat() * float64(time.Millisecond)),
		Endpoint: whole.Get("endpoint").String(),
	}
	e.client.Composed(e.caller(), text(call, 0), text(call, 1), &outcome)
	return sobek.Undefined()
}

// callOf reads the arguments of Call of lib/s3/engine.ts: key, size, load, more.
func (e *engine) callOf(command *request.Command, call sobek.FunctionCall) request.Call {
	c := request.Call{Key: text(call, 0), Size: text(call, 1), Expect: request.AnyLength}
	load := call.Argument(2)
	switch {
	case command.SendsPayload:
		c.Body = e.body(load, c.Key)
	case command.SendsText:
		c.Body = content.Given([]byte(load.String()))
	case !sobek.IsUndefined(load):
		c.Expect = load.ToInteger()
	}
	if more := call.Argument(3); !sobek.IsUndefined(more) {
		e.addMore(&c, more.ToObject(e.rt))
	}
	return c
}

func (e *engine) addMore(c *request.Call, more *sobek.Object) {
	if objects := valueOf(more, "objects"); objects != nil {
		c.Objects = int(objects.ToInteger())
	}
	e.eachText(valueOf(more, "query"), func(name, value string) {
		if c.Query == nil {
			c.Query = map[string]string{}
		}
		c.Query[name] = value
	})
	e.eachText(valueOf(more, "headers"), func(name, value string) {
		c.Headers = append(c.Headers, sigv4.Header{Name: name, Value: value})
	})
}

// eachText calls f with an object's properties; those that are undefined are left out.
func (e *engine) eachText(value sobek.Value, f func(name, value string)) {
	if value == nil {
		return
	}
	o := value.ToObject(e.rt)
	for _, name := range o.Keys() {
		if property := valueOf(o, name); property != nil {
			f(name, property.String())
		}
	}
}

// valueOf gives a property, nil for one that is not there or undefined.
func valueOf(o *sobek.Object, name string) sobek.Value {
	value := o.Get(name)
	if value == nil || sobek.IsUndefined(value) {
		return nil
	}
	return value
}

// body is an ArrayBuffer, or {bytes, offset} for one that is made here out of the key.
func (e *engine) body(load sobek.Value, key string) content.Body {
	if sobek.IsUndefined(load) {
		return content.Body{}
	}
	o := load.ToObject(e.rt)
	if bytes := valueOf(o, "bytes"); bytes != nil {
		offset := int64(0)
		if from := valueOf(o, "offset"); from != nil {
			offset = from.ToInteger()
		}
		return content.Generated(key, offset, bytes.ToInteger())
	}
	buffer, ok := o.Export().(sobek.ArrayBuffer)
	if !ok {
		panic(e.rt.NewTypeError("a body is an ArrayBuffer or {bytes}"))
	}
	return content.Given(buffer.Bytes())
}

// reply is Reply of lib/s3/engine.ts.
func (e *engine) reply(command *request.Command, outcome *request.Outcome) *sobek.Object {
	o := e.rt.NewObject()
	e.set(o, "status", outcome.Status)
	e.set(o, "bytes", outcome.Bytes)
	e.set(o, "ms", metrics.D(outcome.Took))
	e.set(o, "endpoint", outcome.Endpoint)
	if outcome.Failure != nil {
		e.set(o, "failure", e.failure(outcome.Failure))
	}
	if outcome.DoneBefore {
		e.set(o, "doneBefore", true)
	}
	if outcome.Headers != nil {
		headers := e.rt.NewObject()
		for _, h := range outcome.Headers {
			e.set(headers, h.Name, h.Value)
		}
		e.set(o, "headers", headers)
	}
	if outcome.Failure == nil && command.KeepsContent {
		e.set(o, "content", e.rt.NewArrayBuffer(outcome.Content))
	}
	if outcome.Failure == nil && outcome.Found != nil {
		e.set(o, "found", e.found(outcome.Found))
	}
	return o
}

func (e *engine) failure(f *request.Failure) *sobek.Object {
	failure := e.rt.NewObject()
	// What the end of the test cut off is in no figure; whoever looks at it all the same sees a lost connection.
	class := f.Class
	if class == "" {
		class = request.Reset
	}
	e.set(failure, "errorClass", string(class))
	e.set(failure, "code", f.Code)
	e.set(failure, "message", f.Message)
	return failure
}

func (e *engine) found(f *request.Found) *sobek.Object {
	texts, lists, o := e.rt.NewObject(), e.rt.NewObject(), e.rt.NewObject()
	for name, value := range f.Texts {
		e.set(texts, name, value)
	}
	for name, list := range f.Lists {
		entries := make([]any, len(list))
		for i, children := range list {
			values := make([]any, len(children))
			for j, value := range children {
				values[j] = value
			}
			entries[i] = e.rt.NewArray(values...)
		}
		e.set(lists, name, e.rt.NewArray(entries...))
	}
	e.set(o, "objects", f.Objects)
	e.set(o, "texts", texts)
	e.set(o, "lists", lists)
	return o
}

func (e *engine) set(o *sobek.Object, name string, value any) {
	if err := o.Set(name, value); err != nil {
		common.Throw(e.rt, fmt.Errorf("%s can't be set: %w", name, err))
	}
}

func text(call sobek.FunctionCall, i int) string { return call.Argument(i).String() }
