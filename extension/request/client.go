// Package request is the native engine: it makes requests of commands, whatever they are, and passes the same conformance suite
// as the other engines.
package request

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/chunked"
	"s3loadtest/extension/content"
	"s3loadtest/extension/sigv4"
	"s3loadtest/extension/wire"
)

// Options are EngineOptions of lib/s3/engine.ts.
type Options struct {
	// Endpoints are http://host:port, rotated per request; with a path where S3 stands below one, the same for all. What
	// follows a # is the address to connect to.
	Endpoints   []string
	Bucket      string
	Virtual     bool
	Region      string
	Credentials sigv4.Credentials
	// Latest, which may be nil, gives credentials that have taken the place of those; nil for none.
	Latest func() *sigv4.Credentials
	// Timeout is how long a request may move nothing, and Whole how long it may take, body included; 0 for no limit.
	Timeout, Whole time.Duration
	// Attempts in all; 1 for none but the first.
	Attempts int
	// RetryDelay comes before each repeat, of what is answered with 503: nothing else is repeated then. 0 for none.
	RetryDelay time.Duration
	// Brakes: who gets no answer waits before the next operation.
	Brakes bool
	// FirstEndpoint is where rotation begins.
	FirstEndpoint int
	UserAgent     string
	// Verify: what is read of objects with generated content is compared with it.
	Verify bool
	// TLS is what connections by TLS go by.
	TLS *tls.Config
	// Names, which may be nil, look the names of endpoints up.
	Names *wire.Names
	// Proxy, which may be nil, gives the proxy for a URL, nil for none.
	Proxy func(*url.URL) *url.URL
	// OneRequest a connection: the server is asked to close it when it has answered.
	OneRequest bool
	// Outages are what all clients of the process know of their endpoints; nil where each is to find out for itself.
	Outages *Outages
	// Tell, which may be nil, says a line to the user.
	Tell func(line string)
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
	// DoneBefore: a repeat is refused as one whose attempt before was done, and the answer to that was lost. The failure is that one's.
	DoneBefore bool
	// Status is HTTP's, 0 when there was no answer.
	Status int
	// Bytes are payload sent or received by a success.
	Bytes int64
	// Took is from the call to the last byte.
	Took     time.Duration
	Endpoint string
	// Headers are of failures, and of commands that ask for them.
	Headers []wire.Header
	// Content is a success's body, of commands that keep it.
	Content []byte
	// Found is nil where the command reads nothing.
	Found *Found
}

// Attempt is one request, as a recorder needs it.
type Attempt struct {
	Command        *Command
	Size, Endpoint string
	Times          wire.Times
	// Error is nil when there was a whole answer.
	Error      *wire.Error
	TLSVersion uint16
	Outcome    *Outcome
	// Verified: content was read, and is what was written.
	Verified bool
	// Refused are objects that a success nevertheless failed for.
	Refused []Refusal
	// FailedAt is the endpoint of the attempt before, which this one repeats; "" of a first one.
	FailedAt string
	// PassedOver is the endpoint whose turn it was, and that is left out; "" where this one's turn it was.
	PassedOver string
}

// Recorder records every attempt, and operations that several calls made.
type Recorder interface {
	Attempt(by Caller, a *Attempt)
	Composed(by Caller, op, size string, whole *Outcome)
}

// Exchanger sends a request and reads its answer to the end: a wire.Pool, or what does so slowly.
type Exchanger interface {
	Exchange(ctx context.Context, r *wire.Request, wantHeaders func(status int) bool) (wire.Answer, wire.Times, *wire.Error)
}

type host struct {
	wire.Host
	// endpoint is as the tag has it.
	endpoint string
	// line is the Host header's, with what else is in every request.
	line string
	// before stands before the path of a request: all of the URL for a proxy, "" for the host itself.
	before string
	signer *sigv4.Signer
	health *health
}

// Client is one virtual user's. Calls may be under way at the same time.
type Client struct {
	Options
	hosts []*host
	next  turn
	// instead says who takes the turn of one that is left out.
	instead  turn
	wire     Exchanger
	recorder Recorder
	brake    brake
	// root is what stands before a key.
	root, bucketPath []byte
}

// New makes a client that sends by an exchanger.
func New(options Options, exchanger Exchanger, recorder Recorder) *Client {
	c := &Client{Options: options, wire: exchanger, recorder: recorder}
	base := partsOf(options.Endpoints[0]).path + "/"
	c.bucketPath = []byte(base)
	c.root = c.bucketPath
	if !options.Virtual {
		c.bucketPath = sigv4.AppendKey(c.bucketPath, options.Bucket)
		c.root = append(slices.Clone(c.bucketPath), '/')
	}
	if c.Outages == nil {
		c.Outages = NewOutages()
	}
	for _, endpoint := range options.Endpoints {
		c.hosts = append(c.hosts, c.newHost(endpoint))
	}
	c.next.Store(uint32(options.FirstEndpoint % len(c.hosts)))
	c.instead.Store(c.next.Load())
	return c
}

func (c *Client) newHost(own string) *host {
	parts, endpoint := partsOf(own), Label(own)
	name := parts.host
	if c.Virtual {
		name = c.Bucket + "." + name
	}
	port := map[string]string{"http": "80", "https": "443"}[parts.scheme]
	made := &host{endpoint: endpoint, health: c.Outages.of(endpoint)}
	made.Names = c.Names
	made.Address = withPort(name, port)
	serverName, _, _ := net.SplitHostPort(made.Address)
	if parts.address != "" {
		made.Address = withPort(parts.at(), port)
	}
	// A default port is not sent in Host, so it must not be signed either.
	signed := strings.TrimSuffix(name, ":"+port)
	made.line = " HTTP/1.1\r\nHost: " + signed + "\r\nUser-Agent: " + c.UserAgent + "\r\n"
	if c.Proxy != nil {
		if proxy := c.Proxy(&url.URL{Scheme: parts.scheme, Host: name}); proxy != nil {
			made.Proxy = wire.ProxyOf(proxy)
		}
	}
	if made.Proxy != nil && parts.scheme == "http" {
		made.before = "http://" + signed
		made.line += made.Proxy.HeaderLine()
	}
	if c.OneRequest {
		made.line += "Connection: close\r\n"
	}
	made.signer = sigv4.NewSigner(c.Credentials, c.Region, signed, time.Now)
	made.signer.Renewed(c.Latest)
	if parts.scheme == "https" {
		made.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if c.TLS != nil {
			made.TLS = c.TLS.Clone()
		}
		made.TLS.ServerName = serverName
		made.TLS.NextProtos = []string{"http/1.1"}
	}
	return made
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		return host + ":" + port
	}
	return host
}

// nextHost gives the one whose turn it is. Where that is left out the others take its turns by turns of their own, so that each
// gets as many; where all are left out, it is the one.
func (c *Client) nextHost() (h *host, passedOver string) {
	meant := c.next.take(c.hosts)
	if len(c.hosts) == 1 || meant.health.mayTry() {
		return meant, ""
	}
	for range c.hosts {
		if other := c.instead.take(c.hosts); other != meant && other.health.mayTry() {
			return other, meant.endpoint
		}
	}
	return meant, ""
}

// turn is the number of the one who is next.
type turn struct{ atomic.Uint32 }

func (t *turn) take(of []*host) *host {
	for {
		now := t.Load()
		after := now + 1
		if int(after) == len(of) {
			after = 0
		}
		if t.CompareAndSwap(now, after) {
			return of[now]
		}
	}
}

func (c *Client) pathOf(key string) []byte {
	path := make([]byte, 0, len(c.root)+len(key)+32)
	return sigv4.AppendKey(append(path, c.root...), key)
}

// Call is one operation of a command, beside the command itself.
type Call struct {
	// Key is "" on a bucket.
	Key, Size string
	Body      content.Body
	// Expect is the length that an object must have, AnyLength where that is not known.
	Expect int64
	// Query is added to the command's own.
	Query map[string]string
	// Headers are signed besides the usual, by lower-case name.
	Headers []sigv4.Header
	// Objects are how many it names in its body.
	Objects int
}

// AnyLength is what a call may expect.
const AnyLength = -1

// isOfWhole tells whether it is about an object as it stands: of a part it is not known which.
func (c *Call) isOfWhole() bool {
	return len(c.Query) == 0 && !isRanged(c.Headers)
}

func isRanged(headers []sigv4.Header) bool {
	return slices.ContainsFunc(headers, func(h sigv4.Header) bool { return h.Name == "range" })
}

// prepared is a call as all its attempts need it.
type prepared struct {
	*Command
	path    []byte
	size    string
	body    content.Body
	expect  int64
	objects int
	query   string
	headers []sigv4.Header
	// hash of the body; "" for one that is not hashed.
	hash string
	// trailer is what follows the body, which then goes in chunks; its New is nil of others.
	trailer chunked.Trailer
	// began is when its first attempt did.
	began time.Time
	// lost: an attempt had no answer, so it may have been done.
	lost bool
	// form is nil where the payload is the body itself.
	form *form
	// wanted is what must be in the answer; nil when that is not known, or not compared.
	wanted *wanted
}

func (c *Client) prepare(command *Command, call *Call) prepared {
	p := prepared{
		Command: command, size: call.Size, body: call.Body, expect: call.Expect, objects: call.Objects,
		headers: slices.Concat(command.headers, call.Headers), query: command.queryWith(call.Query), path: c.bucketPath,
	}
	switch {
	case command.isForm:
		p.form = &form{c.Bucket, call.Key, command.fields}
	case !command.onBucket:
		p.path = c.pathOf(call.Key)
	}
	if command.SendsText {
		p.hash = sigv4.HashHex(call.Body.Bytes())
		p.headers = append(slices.Clip(p.headers), sigv4.Header{Name: "content-type", Value: "application/xml"})
	}
	if command.needsMD5 {
		p.headers = append(p.headers, checksumHeader("md5", call.Body))
	}
	switch {
	case command.trailing:
		p.trailer = trailerOf(command.checksum)
		p.headers = announcing(p.headers, p.trailer, call.Body)
		p.hash = sigv4.UnsignedTrailer
	case command.checksum != "":
		p.headers = append(p.headers, checksumHeader(command.checksum, call.Body))
	}
	if command.hashed && !command.trailing {
		p.hash = hex.EncodeToString(sumOf(sha256.New(), call.Body))
	}
	if c.Verify && command.receives && !command.KeepsContent && call.isOfWhole() {
		p.wanted = wantedOf(call.Key, call.Expect)
	}
	return p
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

// Do makes attempts until one succeeds, can't be mended by another, or was the last. Each is recorded.
func (c *Client) Do(by Caller, command *Command, call *Call) Outcome {
	p := c.prepare(command, call)
	failedAt := ""
	for n := 1; ; n++ {
		h, passedOver := c.nextHost()
		outcome := c.attempt(by, &p, h, origin{failedAt, passedOver})
		failedAt = outcome.Endpoint
		pause, again := c.pauseAfter(n, &outcome, &p)
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-by.Context.Done():
				return outcome
			}
		}
		if !again {
			return outcome
		}
	}
}

// Operation is one whose attempts are made one by one, beside the virtual user.
type Operation struct {
	client   *Client
	prepared prepared
	// attempts is how many were made, and failedAt where the last of them was.
	attempts int
	failedAt string
}

// NewOperation prepares one.
func (c *Client) NewOperation(command *Command, call *Call) *Operation {
	return &Operation{client: c, prepared: c.prepare(command, call)}
}

// Begin takes the next endpoint, and gives what makes one attempt there and tells how long to wait: for another, if there is
// to be one, or before the outcome is told. That may be called beside the virtual user.
func (o *Operation) Begin(by Caller) func() (outcome Outcome, pause time.Duration, again bool) {
	h, passedOver := o.client.nextHost()
	o.attempts++
	return func() (Outcome, time.Duration, bool) {
		outcome := o.client.attempt(by, &o.prepared, h, origin{o.failedAt, passedOver})
		o.failedAt = outcome.Endpoint
		pause, again := o.client.pauseAfter(o.attempts, &outcome, &o.prepared)
		return outcome, pause, again
	}
}

// pauseAfter attempt n says how long to wait for another, if there is to be one; else before the next operation.
func (c *Client) pauseAfter(n int, outcome *Outcome, p *prepared) (pause time.Duration, again bool) {
	if pause, again = c.repeatAfter(n, outcome); again || !c.Brakes {
		return pause, again
	}
	return c.brake.pauseAfter(outcome, p.began, len(c.hosts), rand.Float64()), false
}

func (c *Client) repeatAfter(n int, outcome *Outcome) (pause time.Duration, again bool) {
	failure := outcome.Failure
	if failure == nil || n >= c.Attempts || !failure.Class.retryable() {
		return 0, false
	}
	if c.RetryDelay > 0 {
		return c.RetryDelay, outcome.Status == http.StatusServiceUnavailable
	}
	if outcome.Status == 0 && n < len(c.hosts) {
		// Another endpoint need not wait for one that does not answer.
		return 0, true
	}
	return PauseBefore(n+1, rand.Float64()), true
}

// Composed records the success of an operation that several calls made.
func (c *Client) Composed(by Caller, op, size string, whole *Outcome) {
	c.recorder.Composed(by, op, size, whole)
}

// origin says how an attempt came to its endpoint: Attempt's fields.
type origin struct{ failedAt, passedOver string }

func (c *Client) attempt(by Caller, p *prepared, h *host, from origin) Outcome {
	if c.Limit != nil {
		// Its only error is the end of the test, which the exchange tells as well.
		_ = c.Limit.Wait(by.Context)
	}
	body := p.body
	if p.form != nil {
		body = p.form.enclose(h.signer, body)
	}
	head := heads.Get().(*[]byte)
	request := wire.Request{
		Host: &h.Host, Body: body, IsHead: p.Method == "HEAD",
		Keep: p.keep, Timeout: c.Timeout, Whole: c.Whole, Iteration: by.Iteration,
	}
	*head, request.Framed = c.appendHead((*head)[:0], h, p, body)
	request.Head = *head
	var compared *comparison
	if p.wanted != nil {
		compared = &comparison{wanted: p.wanted}
		request.Look = compared.look
	}
	answer, times, err := c.wire.Exchange(by.Context, &request, p.keepsHeaders)
	heads.Put(head)
	if request.Framed != nil {
		request.Framed.Release()
	}
	if len(c.hosts) > 1 {
		c.learn(h.health, times.Began, err)
	}
	if from.failedAt == "" {
		p.began = times.Began
	}

	outcome := Outcome{Status: answer.Status, Took: times.Ended.Sub(times.Began), Endpoint: h.endpoint}
	a := Attempt{
		Command: p.Command, Size: p.size, Endpoint: h.endpoint, Times: times,
		Error: err, TLSVersion: answer.TLSVersion, Outcome: &outcome,
		FailedAt: from.failedAt, PassedOver: from.passedOver,
	}
	switch {
	case err != nil:
		outcome.Status = 0
		outcome.Failure = &Failure{classOfWire[err.Class], "", err.Whole()}
		if err.Class == wire.Aborted {
			return outcome
		}
		p.lost = true
	case !isSuccess(answer.Status):
		outcome.Failure = p.failureOf(answer.Status, string(answer.Body))
		outcome.Headers = answer.Headers()
		outcome.DoneBefore = p.lost && p.DoneBefore != "" && outcome.Failure != nil && outcome.Failure.Code == p.DoneBefore
	default:
		p.readSuccess(&answer, compared, &a)
	}
	c.recorder.Attempt(by, &a)
	return outcome
}

// learn takes note of whether an endpoint answered a request that began then.
func (c *Client) learn(h *health, began time.Time, err *wire.Error) {
	line := ""
	switch {
	case err == nil:
		line = h.answered()
	case err.Class != wire.Aborted && !err.IsOwn():
		line = h.notAnswered(began, err.Message)
	}
	if line != "" && c.Tell != nil {
		c.Tell(line)
	}
}

// readSuccess reads what came with a status of success, which may be none for all that.
func (p *prepared) readSuccess(answer *wire.Answer, compared *comparison, a *Attempt) {
	outcome := a.Outcome
	if compared != nil && compared.failure != nil {
		outcome.Failure = compared.failure
		return
	}
	if p.receives {
		if p.expect >= 0 && p.expect != answer.Bytes {
			outcome.Failure = otherLength(answer.Bytes, p.expect)
			if answer.Status == 200 && isRanged(p.headers) {
				outcome.Failure.Message = "the whole object came, and not the range that was asked for: leave --range out"
			}
			return
		}
		outcome.Bytes = answer.Bytes
		a.Verified = compared.passed()
		if p.KeepsContent {
			outcome.Content = answer.Body
		}
	}
	if p.SendsPayload {
		outcome.Bytes = p.body.Len()
	}
	if p.wantsHeaders {
		outcome.Headers = answer.Headers()
	}
	if p.answer != nil {
		outcome.Found, a.Refused, outcome.Failure = p.answer.read(string(answer.Body), p.objects)
	}
}

var heads = sync.Pool{New: func() any { return new([]byte) }}

// appendHead appends everything before the body, and makes a body in chunks, which takes the head's signature.
func (c *Client) appendHead(dst []byte, h *host, p *prepared, body content.Body) ([]byte, *chunked.Body) {
	dst = append(append(append(append(dst, p.Method...), ' '), h.before...), p.path...)
	if p.query != "" {
		dst = append(append(dst, '?'), p.query...)
	}
	dst = append(dst, h.line...)
	var framed *chunked.Body
	switch {
	case p.form != nil:
		for _, of := range append(p.headers, sigv4.Header{Name: "content-type", Value: formType + boundary}) {
			dst = append(append(append(append(dst, of.Name...), ": "...), of.Value...), "\r\n"...)
		}
	case p.trailing && p.hashed:
		var chain *sigv4.Chain
		dst, chain = h.signer.AppendChained(dst, p.Method, p.path, p.query, p.headers)
		framed = chunked.New(body, p.trailer, chain)
	case p.hash == "" && len(p.headers) == 0:
		dst = h.signer.AppendPlain(dst, p.Method, p.path, p.query)
	default:
		hash := p.hash
		if hash == "" {
			hash = sigv4.UnsignedPayload
		}
		dst = h.signer.Append(dst, p.Method, p.path, p.query, p.headers, hash)
		if p.trailing {
			framed = chunked.New(body, p.trailer, nil)
		}
	}
	// S3 wants to know of nothing, too.
	if p.Method == "PUT" || p.Method == "POST" {
		length := body.Len()
		if framed != nil {
			length = framed.Len()
		}
		dst = append(strconv.AppendInt(append(dst, "content-length: "...), length, 10), "\r\n"...)
	}
	return append(dst, "\r\n"...), framed
}

func otherLength(bytes, expected int64) *Failure {
	b, e := strconv.FormatInt(bytes, 10), strconv.FormatInt(expected, 10)
	return &Failure{Corrupt, "", b + " bytes came, not the " + e + " that were asked for"}
}
