package s3loadtest

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/body"
	"s3loadtest/extension/s3"
)

// bound is a client as JavaScript has it: the S3 interface of lib/s3/api.ts.
type bound struct {
	vu     modules.VU
	rt     *sobek.Runtime
	state  *lib.State
	client *s3.Client
	// pause is S3Options' of lib/s3/api.ts: takes seconds, and returns a promise.
	pause sobek.Callable
}

// operations are the interface's functions by name.
var operations = map[string]func(*bound, sobek.FunctionCall) sobek.Value{
	"putObject":               (*bound).putObject,
	"putObjectInParts":        (*bound).putObjectInParts,
	"getObject":               (*bound).getObject,
	"readObject":              (*bound).readObject,
	"headObject":              (*bound).headObject,
	"deleteObject":            (*bound).deleteObject,
	"deleteObjects":           (*bound).deleteObjects,
	"deleteObjectsAsync":      (*bound).deleteObjectsAsync,
	"listObjects":             (*bound).listObjects,
	"countObjects":            (*bound).countObjects,
	"createMultipartUpload":   (*bound).createMultipartUpload,
	"uploadPart":              (*bound).uploadPart,
	"completeMultipartUpload": (*bound).completeMultipartUpload,
	"abortMultipartUpload":    (*bound).abortMultipartUpload,
	"headBucket":              (*bound).headBucket,
	"createBucket":            (*bound).createBucket,
}

// object makes functions as they are asked for: each costs a VU 1 KB, and no traffic calls more than a few.
type object struct {
	bound *bound
	made  map[string]sobek.Value
}

func (b *bound) object() sobek.Value {
	return b.rt.NewDynamicObject(&object{b, map[string]sobek.Value{}})
}

func (o *object) Get(name string) sobek.Value {
	if made := o.made[name]; made != nil {
		return made
	}
	operation := operations[name]
	if operation == nil {
		return nil
	}
	made := o.bound.rt.ToValue(func(call sobek.FunctionCall) sobek.Value { return operation(o.bound, call) })
	o.made[name] = made
	return made
}

func (*object) Has(name string) bool         { return operations[name] != nil }
func (*object) Set(string, sobek.Value) bool { return false }
func (*object) Delete(string) bool           { return false }
func (*object) Keys() []string               { return slices.Sorted(maps.Keys(operations)) }

func (b *bound) putObject(call sobek.FunctionCall) sobek.Value {
	key := text(call, 0)
	return b.outcome(b.client.PutObject(b.caller(), key, b.body(call.Argument(1), key, 0), text(call, 2)))
}

func (b *bound) putObjectInParts(call sobek.FunctionCall) sobek.Value {
	key, given := text(call, 0), call.Argument(1).ToObject(b.rt)
	part, asksForParts := sobek.AssertFunction(given.Get("part"))
	parted := s3.Parted{Bytes: given.Get("bytes").ToInteger(), PartBytes: given.Get("partBytes").ToInteger()}
	parted.Part = func(index int, bytes int64) body.Body {
		if !asksForParts {
			return body.Generated(key, int64(index)*parted.PartBytes, bytes)
		}
		piece, err := part(given, b.rt.ToValue(index))
		if err != nil {
			common.Throw(b.rt, err)
		}
		return b.body(piece, key, 0)
	}
	return b.outcome(b.client.PutInParts(b.caller(), key, parted, text(call, 2)))
}

func (b *bound) getObject(call sobek.FunctionCall) sobek.Value {
	expect := int64(s3.AnyLength)
	if given := call.Argument(2); !sobek.IsUndefined(given) {
		expect = given.ToInteger()
	}
	return b.outcome(b.client.GetObject(b.caller(), text(call, 0), text(call, 1), expect))
}

func (b *bound) readObject(call sobek.FunctionCall) sobek.Value {
	var part *s3.Range
	if given := call.Argument(2); !sobek.IsUndefined(given) {
		o := given.ToObject(b.rt)
		part = &s3.Range{First: o.Get("0").ToInteger(), Last: o.Get("1").ToInteger()}
	}
	outcome, content := b.client.ReadObject(b.caller(), text(call, 0), text(call, 1), part)
	o := b.outcome(outcome)
	if outcome.Failure == nil {
		b.set(o, "content", b.rt.NewArrayBuffer([]byte(content)))
	}
	return o
}

func (b *bound) headObject(call sobek.FunctionCall) sobek.Value {
	return b.outcome(b.client.HeadObject(b.caller(), text(call, 0), text(call, 1)))
}

func (b *bound) deleteObject(call sobek.FunctionCall) sobek.Value {
	return b.outcome(b.client.DeleteObject(b.caller(), text(call, 0), text(call, 1)))
}

func (b *bound) deleteObjects(call sobek.FunctionCall) sobek.Value {
	return b.deletion(b.client.NewDeletion(b.keys(call)).Do(b.caller()))
}

// deleteObjectsAsync works beside the VU. Nothing of JavaScript is touched until it is the VU's turn again.
func (b *bound) deleteObjectsAsync(call sobek.FunctionCall) sobek.Value {
	promise, resolve, reject := b.rt.NewPromise()
	by, deletion := b.caller(), b.client.NewDeletion(b.keys(call))
	var attempt func()
	attempt = func() {
		callback, make := b.vu.RegisterCallback(), deletion.Begin(by)
		go func() {
			outcome, refused, pause, again := make()
			callback(func() error {
				if !again {
					return resolve(b.deletion(outcome, refused))
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

func (b *bound) deletion(outcome s3.Outcome, refused []s3.Refused) *sobek.Object {
	failed := make([]any, len(refused))
	for i, r := range refused {
		o := b.rt.NewObject()
		b.set(o, "key", r.Key)
		b.set(o, "code", r.Code)
		b.set(o, "message", r.Message)
		failed[i] = o
	}
	o := b.outcome(outcome)
	b.set(o, "failed", b.rt.NewArray(failed...))
	return o
}

func (b *bound) listObjects(call sobek.FunctionCall) sobek.Value {
	outcome, page := b.client.ListObjects(b.caller(), b.listOptions(call.Argument(0)))
	objects := make([]any, len(page.Objects))
	for i, object := range page.Objects {
		o := b.rt.NewObject()
		b.set(o, "key", object.Key)
		b.set(o, "bytes", object.Bytes)
		objects[i] = o
	}
	prefixes := make([]any, len(page.Prefixes))
	for i, prefix := range page.Prefixes {
		prefixes[i] = prefix
	}
	o := b.outcome(outcome)
	b.set(o, "objects", b.rt.NewArray(objects...))
	b.set(o, "prefixes", b.rt.NewArray(prefixes...))
	b.setNext(o, page)
	return o
}

func (b *bound) countObjects(call sobek.FunctionCall) sobek.Value {
	outcome, page := b.client.CountObjects(b.caller(), b.listOptions(call.Argument(0)))
	o := b.outcome(outcome)
	b.set(o, "keys", page.Keys)
	b.setNext(o, page)
	return o
}

func (b *bound) setNext(o *sobek.Object, page s3.Page) {
	if page.Next != "" {
		b.set(o, "next", page.Next)
	}
}

func (b *bound) createMultipartUpload(call sobek.FunctionCall) sobek.Value {
	outcome, id := b.client.CreateUpload(b.caller(), text(call, 0), text(call, 1))
	o := b.outcome(outcome)
	b.set(o, "uploadId", id)
	return o
}

func (b *bound) uploadPart(call sobek.FunctionCall) sobek.Value {
	key, number := text(call, 0), call.Argument(2)
	piece := b.body(call.Argument(3), key, 0)
	outcome, etag := b.client.UploadPart(b.caller(), key, text(call, 1), int(number.ToInteger()), piece, text(call, 4))
	o := b.outcome(outcome)
	b.set(o, "number", number)
	b.set(o, "etag", etag)
	return o
}

func (b *bound) completeMultipartUpload(call sobek.FunctionCall) sobek.Value {
	list := call.Argument(2).ToObject(b.rt)
	parts := make([]s3.Part, list.Get("length").ToInteger())
	for i := range parts {
		part := list.Get(strconv.Itoa(i)).ToObject(b.rt)
		parts[i] = s3.Part{Number: int(part.Get("number").ToInteger()), ETag: part.Get("etag").String()}
	}
	return b.outcome(b.client.CompleteUpload(b.caller(), text(call, 0), text(call, 1), parts, text(call, 3)))
}

func (b *bound) abortMultipartUpload(call sobek.FunctionCall) sobek.Value {
	return b.outcome(b.client.AbortUpload(b.caller(), text(call, 0), text(call, 1), text(call, 2)))
}

func (b *bound) headBucket(sobek.FunctionCall) sobek.Value {
	return b.outcome(b.client.HeadBucket(b.caller()))
}

func (b *bound) createBucket(sobek.FunctionCall) sobek.Value {
	return b.outcome(b.client.CreateBucket(b.caller()))
}

// body is an ArrayBuffer, or {bytes} for one that is made here out of the key.
func (b *bound) body(given sobek.Value, key string, offset int64) body.Body {
	o := given.ToObject(b.rt)
	if bytes := o.Get("bytes"); bytes != nil && !sobek.IsUndefined(bytes) {
		return body.Generated(key, offset, bytes.ToInteger())
	}
	buffer, ok := o.Export().(sobek.ArrayBuffer)
	if !ok {
		panic(b.rt.NewTypeError("a body is an ArrayBuffer or {bytes}"))
	}
	return body.Given(buffer.Bytes())
}

func (b *bound) keys(call sobek.FunctionCall) []string {
	var keys []string
	if err := b.rt.ExportTo(call.Argument(0), &keys); err != nil {
		common.Throw(b.rt, err)
	}
	return keys
}

func (b *bound) listOptions(given sobek.Value) s3.ListOptions {
	if sobek.IsUndefined(given) {
		return s3.ListOptions{}
	}
	o := given.ToObject(b.rt)
	option := func(name string) string {
		value := o.Get(name)
		if value == nil || sobek.IsUndefined(value) {
			return ""
		}
		return value.String()
	}
	return s3.ListOptions{
		Prefix:            option("prefix"),
		Delimiter:         option("delimiter"),
		StartAfter:        option("startAfter"),
		ContinuationToken: option("continuationToken"),
		MaxKeys:           option("maxKeys"),
	}
}

// outcome is Outcome of lib/s3/api.ts.
func (b *bound) outcome(is s3.Outcome) *sobek.Object {
	o := b.rt.NewObject()
	b.set(o, "status", is.Status)
	b.set(o, "bytes", is.Bytes)
	b.set(o, "ms", metrics.D(is.Took))
	b.set(o, "endpoint", is.Endpoint)
	if f := is.Failure; f != nil {
		failure := b.rt.NewObject()
		// What the end of the test cut off is in no figure; whoever looks at it all the same sees a lost connection.
		class := f.Class
		if class == "" {
			class = s3.Reset
		}
		b.set(failure, "errorClass", string(class))
		b.set(failure, "code", f.Code)
		b.set(failure, "message", f.Message)
		b.set(o, "failure", failure)
	}
	if is.Headers != nil {
		headers := b.rt.NewObject()
		for _, h := range is.Headers {
			b.set(headers, h.Name, h.Value)
		}
		b.set(o, "headers", headers)
	}
	return o
}

func (b *bound) set(o *sobek.Object, name string, value any) {
	if err := o.Set(name, value); err != nil {
		common.Throw(b.rt, err)
	}
}

func text(call sobek.FunctionCall, i int) string { return call.Argument(i).String() }
