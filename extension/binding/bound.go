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

// bound is an engine as JavaScript has it: Engine of lib/s3/engine.ts.
type bound struct {
	vu     modules.VU
	rt     *sobek.Runtime
	state  *lib.State
	client *request.Client
	// pause is EngineOptions' of lib/s3/engine.ts: takes seconds, and returns a promise.
	pause sobek.Callable
}

func (b *bound) object() sobek.Value {
	o := b.rt.NewObject()
	b.set(o, "compile", b.compile)
	b.set(o, "compileAsync", b.compileAsync)
	b.set(o, "composed", b.composed)
	b.set(o, "atInterrupt", b.atInterrupt)
	return o
}

// caller is the VU as it is now.
func (b *bound) caller() request.Caller {
	return request.Caller{Context: b.vu.Context(), Iteration: b.state.Iteration, Tags: b.state.Tags.GetCurrentValues()}
}

// command reads the row that a call of JavaScript names.
func (b *bound) command(call sobek.FunctionCall) *request.Command {
	return commandOf(b.rt, call.Argument(0))
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
func (b *bound) compile(call sobek.FunctionCall) sobek.Value {
	command := b.command(call)
	return b.rt.ToValue(func(call sobek.FunctionCall) sobek.Value {
		c := b.callOf(command, call)
		outcome := b.client.Do(b.caller(), command, &c)
		return b.reply(command, &outcome)
	})
}

// compileAsync gives a function that promises, and works beside the VU. Nothing of JavaScript is touched until it is the VU's
// turn again.
func (b *bound) compileAsync(call sobek.FunctionCall) sobek.Value {
	command := b.command(call)
	return b.rt.ToValue(func(call sobek.FunctionCall) sobek.Value {
		promise, resolve, reject := b.rt.NewPromise()
		c := b.callOf(command, call)
		by, operation := b.caller(), b.client.NewOperation(command, &c)
		var attempt func()
		attempt = func() {
			callback, makeAttempt := b.vu.RegisterCallback(), operation.Begin(by)
			go func() {
				outcome, pause, again := makeAttempt()
				callback(func() error {
					if !again {
						return resolve(b.reply(command, &outcome))
					}
					if err := b.after(pause, attempt); err != nil {
						return reject(err)
					}
					return nil
				})
			}()
		}
		attempt()
		return b.rt.ToValue(promise)
	})
}

// after calls f when the script's own pause is over, which lets the VU go on with what it has under way.
func (b *bound) after(pause time.Duration, f func()) error {
	waiting, err := b.pause(sobek.Undefined(), b.rt.ToValue(pause.Seconds()))
	if err != nil {
		return err
	}
	then, _ := sobek.AssertFunction(waiting.ToObject(b.rt).Get("then"))
	_, err = then(waiting, b.rt.ToValue(func(sobek.FunctionCall) sobek.Value {
		f()
		return sobek.Undefined()
	}))
	return err
}

// composed records an operation that several calls made.
func (b *bound) composed(call sobek.FunctionCall) sobek.Value {
	whole := call.Argument(2).ToObject(b.rt)
	outcome := request.Outcome{
		Status:   int(whole.Get("status").ToInteger()),
		Bytes:    whole.Get("bytes").ToInteger(),
		Took:     time.Duration(whole.Get("ms").ToFloat() * float64(time.Millisecond)),
		Endpoint: whole.Get("endpoint").String(),
	}
	b.client.Composed(b.caller(), text(call, 0), text(call, 1), &outcome)
	return sobek.Undefined()
}

// callOf reads the arguments of Call of lib/s3/engine.ts: key, size, load, more.
func (b *bound) callOf(command *request.Command, call sobek.FunctionCall) request.Call {
	c := request.Call{Key: text(call, 0), Size: text(call, 1), Expect: request.AnyLength}
	load := call.Argument(2)
	switch {
	case command.SendsPayload:
		c.Body = b.body(load, c.Key)
	case command.SendsText:
		c.Body = content.Given([]byte(load.String()))
	case !sobek.IsUndefined(load):
		c.Expect = load.ToInteger()
	}
	if more := call.Argument(3); !sobek.IsUndefined(more) {
		b.addMore(&c, more.ToObject(b.rt))
	}
	return c
}

func (b *bound) addMore(c *request.Call, more *sobek.Object) {
	if objects := valueOf(more, "objects"); objects != nil {
		c.Objects = int(objects.ToInteger())
	}
	b.eachText(valueOf(more, "query"), func(name, value string) {
		if c.Query == nil {
			c.Query = map[string]string{}
		}
		c.Query[name] = value
	})
	b.eachText(valueOf(more, "headers"), func(name, value string) {
		c.Headers = append(c.Headers, sigv4.Header{Name: name, Value: value})
	})
}

// eachText calls f with an object's properties; those that are undefined are left out.
func (b *bound) eachText(value sobek.Value, f func(name, value string)) {
	if value == nil {
		return
	}
	o := value.ToObject(b.rt)
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
func (b *bound) body(load sobek.Value, key string) content.Body {
	if sobek.IsUndefined(load) {
		return content.Body{}
	}
	o := load.ToObject(b.rt)
	if bytes := valueOf(o, "bytes"); bytes != nil {
		offset := int64(0)
		if from := valueOf(o, "offset"); from != nil {
			offset = from.ToInteger()
		}
		return content.Generated(key, offset, bytes.ToInteger())
	}
	buffer, ok := o.Export().(sobek.ArrayBuffer)
	if !ok {
		panic(b.rt.NewTypeError("a body is an ArrayBuffer or {bytes}"))
	}
	return content.Given(buffer.Bytes())
}

// reply is Reply of lib/s3/engine.ts.
func (b *bound) reply(command *request.Command, outcome *request.Outcome) *sobek.Object {
	o := b.rt.NewObject()
	b.set(o, "status", outcome.Status)
	b.set(o, "bytes", outcome.Bytes)
	b.set(o, "ms", metrics.D(outcome.Took))
	b.set(o, "endpoint", outcome.Endpoint)
	if outcome.Failure != nil {
		b.set(o, "failure", b.failure(outcome.Failure))
	}
	if outcome.Headers != nil {
		headers := b.rt.NewObject()
		for _, h := range outcome.Headers {
			b.set(headers, h.Name, h.Value)
		}
		b.set(o, "headers", headers)
	}
	if outcome.Failure == nil && command.KeepsContent {
		b.set(o, "content", b.rt.NewArrayBuffer(outcome.Content))
	}
	if outcome.Failure == nil && outcome.Found != nil {
		b.set(o, "found", b.found(outcome.Found))
	}
	return o
}

func (b *bound) failure(f *request.Failure) *sobek.Object {
	failure := b.rt.NewObject()
	// What the end of the test cut off is in no figure; whoever looks at it all the same sees a lost connection.
	class := f.Class
	if class == "" {
		class = request.Reset
	}
	b.set(failure, "errorClass", string(class))
	b.set(failure, "code", f.Code)
	b.set(failure, "message", f.Message)
	return failure
}

func (b *bound) found(f *request.Found) *sobek.Object {
	texts, lists, o := b.rt.NewObject(), b.rt.NewObject(), b.rt.NewObject()
	for name, value := range f.Texts {
		b.set(texts, name, value)
	}
	for name, list := range f.Lists {
		entries := make([]any, len(list))
		for i, children := range list {
			values := make([]any, len(children))
			for j, value := range children {
				values[j] = value
			}
			entries[i] = b.rt.NewArray(values...)
		}
		b.set(lists, name, b.rt.NewArray(entries...))
	}
	b.set(o, "objects", f.Objects)
	b.set(o, "texts", texts)
	b.set(o, "lists", lists)
	return o
}

func (b *bound) set(o *sobek.Object, name string, value any) {
	if err := o.Set(name, value); err != nil {
		common.Throw(b.rt, fmt.Errorf("%s can't be set: %w", name, err))
	}
}

func text(call sobek.FunctionCall, i int) string { return call.Argument(i).String() }
