// Package s3 is the native S3 client: what lib/s3/api.ts asks for, held to it by the same conformance suite as the others.
package s3

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/body"
	"s3loadtest/extension/sigv4"
	"s3loadtest/extension/wire"
)

// Options are those of lib/s3/api.ts.
type Options struct {
	// Endpoints are http://host:port, rotated per request.
	Endpoints   []string
	Bucket      string
	Virtual     bool
	Region      string
	Credentials sigv4.Credentials
	// Timeout is for one request, body included.
	Timeout time.Duration
	// Attempts in all; 1 for none but the first.
	Attempts int
	// FirstEndpoint is where rotation begins.
	FirstEndpoint int
	UserAgent     string
	// Verify: what is read of objects with generated content is compared with it.
	Verify bool
	// TLS is what connections by TLS go by.
	TLS *tls.Config
	// OneRequest a connection: the server is asked to close it when it has answered.
	OneRequest bool
	// Limit, which may be nil, says when the next request may go: k6's rps.
	Limit interface{ Wait(context.Context) error }
}

// Caller is on whose behalf a call is made.
type Caller struct {
	// Context ends with the test, and ends the call.
	Context context.Context
	// Iteration is k6's number of it.
	Iteration int64
	Tags      metrics.TagsAndMeta
}

// Failure is why an operation failed.
type Failure struct {
	Class Class
	// Code is S3's, "" when it gave none.
	Code, Message string
}

// Outcome of an operation, its last attempt if it was tried again.
type Outcome struct {
	// Failure is nil for a success.
	Failure *Failure
	// Status is HTTP's, 0 when there was no answer.
	Status int
	// Bytes are payload sent or received by a success.
	Bytes int64
	// Took is from the call to the last byte.
	Took     time.Duration
	Endpoint string
	// Headers are of failures, and of operations that need them.
	Headers []wire.Header
}

// Attempt is what a recorder hears of each request.
type Attempt struct {
	Op, Size, Endpoint, Method string
	Times                      wire.Times
	// Error is nil when there was a whole answer.
	Error      *wire.Error
	TLSVersion uint16
	Outcome    *Outcome
	// Counted: its success is an operation's.
	Counted bool
	// Verified: content was read, and is what was written.
	Verified bool
	// Objects are keys listed or deleted, by a success.
	Objects int
	// Refused are objects that a success nevertheless failed for.
	Refused []Refusal
	// FailedAt is the endpoint of the attempt before, which this one repeats; "" of a first one.
	FailedAt string
}

// Refusal is a failure of some objects out of many.
type Refusal struct {
	Failure Failure
	Objects int
}

// Recorder hears of every attempt, and of uploads in parts that became an object.
type Recorder interface {
	Attempt(by Caller, a *Attempt)
	Uploaded(by Caller, size string, whole *Outcome)
}

// Exchanger sends a request and reads its answer to the end: a wire.Pool, or what does so slowly.
type Exchanger interface {
	Exchange(ctx context.Context, r *wire.Request, wantHeaders func(status int) bool) (wire.Answer, wire.Times, *wire.Error)
}

type host struct {
	wire.Host
	// endpoint is host:port without the bucket, as the tag has it.
	endpoint string
	// line is the Host header's, with what else is in every request.
	line   string
	signer *sigv4.Signer
}

// Client is one virtual user's. Calls may be under way at the same time.
type Client struct {
	Options
	hosts    []*host
	next     atomic.Uint32
	wire     Exchanger
	recorder Recorder
	// root is what stands before a key.
	root, bucketPath []byte
}

// New makes a client that sends by an exchanger.
func New(options Options, exchanger Exchanger, recorder Recorder) *Client {
	c := &Client{Options: options, wire: exchanger, recorder: recorder}
	c.bucketPath = []byte("/" + options.Bucket)
	c.root = []byte("/" + options.Bucket + "/")
	if options.Virtual {
		c.bucketPath, c.root = []byte("/"), []byte("/")
	}
	for _, url := range options.Endpoints {
		c.hosts = append(c.hosts, c.newHost(url))
	}
	c.next.Store(uint32(options.FirstEndpoint % len(c.hosts)))
	return c
}

func (c *Client) newHost(url string) *host {
	scheme, endpoint, _ := strings.Cut(url, "://")
	name := endpoint
	if c.Virtual {
		name = c.Bucket + "." + endpoint
	}
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	made := &host{endpoint: endpoint}
	made.Address = name
	if _, _, err := net.SplitHostPort(name); err != nil {
		made.Address = name + ":" + port
	}
	// A default port is not sent in Host, so it must not be signed either.
	signed := strings.TrimSuffix(name, ":"+port)
	made.line = " HTTP/1.1\r\nHost: " + signed + "\r\nUser-Agent: " + c.UserAgent + "\r\n"
	if c.OneRequest {
		made.line += "Connection: close\r\n"
	}
	made.signer = sigv4.NewSigner(c.Credentials, c.Region, signed, time.Now)
	if scheme == "https" {
		made.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if c.TLS != nil {
			made.TLS = c.TLS.Clone()
		}
		made.TLS.ServerName, _, _ = net.SplitHostPort(made.Address)
		made.TLS.NextProtos = []string{"http/1.1"}
	}
	return made
}

func (c *Client) nextHost() *host {
	for {
		now := c.next.Load()
		after := now + 1
		if int(after) == len(c.hosts) {
			after = 0
		}
		if c.next.CompareAndSwap(now, after) {
			return c.hosts[now]
		}
	}
}

func (c *Client) pathOf(key string) []byte {
	path := make([]byte, 0, len(c.root)+len(key)+32)
	return sigv4.AppendKey(append(path, c.root...), key)
}

// call is what one operation needs beside its kind.
type call struct {
	path []byte
	size string
	body body.Body
	// expect is the length that an object must have, -1 for any.
	expect int64
	// content is what must be in it; nil when that is not known, or not asked for.
	content *content
	// query is encoded and in order.
	query string
	// headers are signed besides the usual, by lower-case name.
	headers []sigv4.Header
	// hash of the body; "" for one that is not hashed.
	hash string
	// examine looks at a success's body: it may still be refused, or be about many objects.
	examine func(body string, a *Attempt) *Failure
}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
)

// PauseBefore attempt n, 2 being the first repeat: 0.1 s doubling to 30 s, then half of it at random.
func PauseBefore(n int, random float64) time.Duration {
	whole := longestPause
	if n-2 < 10 {
		whole = min(whole, firstPause<<(n-2))
	}
	return whole/2 + time.Duration(random*float64(whole/2))
}

// do makes attempts until one succeeds, can't be mended by another, or was the last. Each is recorded.
func (c *Client) do(by Caller, k *kind, o *call) (Outcome, string) {
	failedAt := ""
	for n := 1; ; n++ {
		outcome, body := c.attempt(by, k, o, c.nextHost(), failedAt)
		failedAt = outcome.Endpoint
		pause, again := c.pauseAfter(n, outcome.Failure)
		if !again {
			return outcome, body
		}
		select {
		case <-time.After(pause):
		case <-by.Context.Done():
			return outcome, ""
		}
	}
}

// pauseAfter attempt n says how long to wait for another, if there is to be one.
func (c *Client) pauseAfter(n int, failure *Failure) (pause time.Duration, again bool) {
	if failure == nil || n >= c.Attempts || !failure.Class.retryable() {
		return 0, false
	}
	return PauseBefore(n+1, rand.Float64()), true
}

func (c *Client) attempt(by Caller, k *kind, o *call, h *host, failedAt string) (Outcome, string) {
	if c.Limit != nil {
		// Its only error is the end of the test, which the exchange tells as well.
		_ = c.Limit.Wait(by.Context)
	}
	head := heads.Get().(*[]byte)
	*head = c.appendHead((*head)[:0], h, k, o)
	request := wire.Request{
		Host: &h.Host, Head: *head, Body: o.body, IsHead: k.method == "HEAD",
		Keep: k.keep, Timeout: c.Timeout, Iteration: by.Iteration,
	}
	var compared *comparison
	if o.content != nil {
		compared = &comparison{want: o.content}
		request.Look = compared.look
	}
	answer, times, err := c.wire.Exchange(by.Context, &request, k.wantsHeaders)
	heads.Put(head)

	outcome := Outcome{Status: answer.Status, Took: times.Ended.Sub(times.Began), Endpoint: h.endpoint}
	a := Attempt{
		Op: k.op, Size: o.size, Endpoint: h.endpoint, Method: k.method, Times: times,
		Error: err, TLSVersion: answer.TLSVersion, Outcome: &outcome, Counted: k.counted, FailedAt: failedAt,
	}
	body := ""
	switch {
	case err != nil:
		outcome.Status = 0
		outcome.Failure = &Failure{classOfWire[err.Class], "", err.Message}
		if err.Class == wire.Aborted {
			return outcome, ""
		}
	case !isSuccess(answer.Status):
		outcome.Failure = failureOf(answer.Status, string(answer.Body))
		outcome.Headers = answer.Headers()
	default:
		if k.sent {
			outcome.Bytes = o.body.Len()
		} else if k.received {
			outcome.Bytes = answer.Bytes
		}
		if compared != nil && compared.failure != nil {
			outcome.Failure = compared.failure
			outcome.Bytes = 0
			break
		}
		if k.received && o.expect >= 0 && o.expect != outcome.Bytes {
			outcome.Failure = otherLength(outcome.Bytes, o.expect)
			outcome.Bytes = 0
			break
		}
		a.Verified = compared.passed()
		if k.body {
			body = string(answer.Body)
		}
		if o.examine != nil {
			outcome.Failure = o.examine(body, &a)
		}
		if k.headers {
			outcome.Headers = answer.Headers()
		}
	}
	c.recorder.Attempt(by, &a)
	return outcome, body
}

var heads = sync.Pool{New: func() any { return new([]byte) }}

func (c *Client) appendHead(dst []byte, h *host, k *kind, o *call) []byte {
	dst = append(append(append(dst, k.method...), ' '), o.path...)
	if o.query != "" {
		dst = append(append(dst, '?'), o.query...)
	}
	dst = append(dst, h.line...)
	if o.hash == "" && o.headers == nil {
		dst = h.signer.AppendPlain(dst, k.method, o.path, o.query)
	} else {
		hash := o.hash
		if hash == "" {
			hash = sigv4.UnsignedPayload
		}
		dst = h.signer.Append(dst, k.method, o.path, o.query, o.headers, hash)
	}
	// S3 wants to know of nothing, too.
	if k.method == "PUT" || k.method == "POST" {
		dst = append(strconv.AppendInt(append(dst, "content-length: "...), o.body.Len(), 10), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

func otherLength(bytes, expected int64) *Failure {
	b, e := strconv.FormatInt(bytes, 10), strconv.FormatInt(expected, 10)
	return &Failure{Corrupt, "", b + " bytes came, not the " + e + " that were asked for"}
}
