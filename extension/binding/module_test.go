package binding

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/js/modulestest"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"
	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/shared"
)

// running is a VU that has an engine for a server in its JavaScript, and functions of some commands.
func running(t *testing.T, url string) (*modulestest.Runtime, chan metrics.SampleContainer) {
	t.Helper()
	vu := modulestest.NewRuntime(t)
	exports := root{}.NewModuleInstance(vu.VU).Exports().Named
	samples := make(chan metrics.SampleContainer, 10_000)
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	registry := vu.VU.InitEnvField.Registry
	vu.MoveToVUContext(&lib.State{
		Options:        lib.Options{SystemTags: metrics.NewSystemTagSet(metrics.TagStatus, metrics.TagErrorCode, metrics.TagExpectedResponse)},
		BuiltinMetrics: vu.BuiltinMetrics,
		Dialer:         netext.NewDialer(net.Dialer{}, nil),
		Logger:         logger,
		Samples:        samples,
		Tags:           lib.NewVUStateTags(registry.RootTagSet().With("test", "t")),
	})
	for name, export := range exports {
		if err := vu.VU.Runtime().Set(name, export); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := os.ReadFile("../generated/testdata/commands.json")
	if err != nil {
		t.Fatal(err)
	}
	_, err = vu.VU.Runtime().RunString(fmt.Sprintf(`const options = {
		endpoints: [%q], bucket: 'b', addressing: 'path', region: 'us-east-1', accessKeyId: 'a', secretAccessKey: 's',
		timeout: 60000, attempts: 5, firstEndpoint: 0, silent: false, missesExpected: false, sampleMark: 'sample ',
		pause: (seconds) => new Promise((done) => setTimeout(done, seconds * 1000)) };
		const engine = connect(options), rows = %s;
		const [put, get, head] = [rows.PUT, rows.GET, rows.HEAD].map((row) => engine.compile(row));
		const deleteObjects = engine.compileAsync(rows.DELETE_OBJECTS)`, url, rows))
	if err != nil {
		t.Fatal(err)
	}
	return vu, samples
}

// sums gives metrics' sums by name and tags.
func sums(samples chan metrics.SampleContainer) map[string]float64 {
	all := map[string]float64{}
	for {
		select {
		case c := <-samples:
			for _, s := range c.GetSamples() {
				tags, _ := s.Tags.MarshalJSON()
				all[s.Metric.Name+string(tags)] += s.Value
			}
		default:
			return all
		}
	}
}

func TestWhatJavaScriptSees(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b/missing" {
			http.Error(w, "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", http.StatusNotFound)
			return
		}
		if r.URL.Path == "/b/read" {
			_, _ = io.WriteString(w, "text")
			return
		}
		if r.URL.Path == "/b" {
			_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>3</Size></Contents></ListBucketResult>")
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Got", fmt.Sprint(n))
	}))
	defer server.Close()
	vu, samples := running(t, server.URL)
	endpoint := server.Listener.Addr().String()
	for code, want := range map[string]string{
		`put('k', '100KB', { bytes: 100000 })`:                     `{"status":200,"bytes":100000,"endpoint":"` + endpoint + `"}`,
		`put('k', '100KB', { bytes: 7, offset: 93 }).bytes`:        `7`,
		`put('k', '', new ArrayBuffer(3))`:                         `{"status":200,"bytes":3,"endpoint":"` + endpoint + `"}`,
		`get('k', '1KB')`:                                          `{"status":200,"bytes":0,"endpoint":"` + endpoint + `"}`,
		`get('k', '1KB', 5).failure`:                               `{"errorClass":"corrupt","code":"","message":"0 bytes came, not the 5 that were asked for"}`,
		`get('missing', '1KB').failure`:                            `{"errorClass":"notFound","code":"NoSuchKey","message":"gone"}`,
		`head('k', '1KB').headers['x-got']`:                        `"0"`,
		`get('k', '1KB').failure === undefined`:                    `true`,
		`engine.compile(rows.READ)('read', '').content.byteLength`: `4`,
		`engine.compile(rows.LIST)('', '', undefined, { query: { prefix: 'p', x: undefined } }).found`: `{"objects":1,"texts":{"IsTruncated":"false"},"lists":{}}`,
		`engine.compile(rows.LIST_KEYS)('', '').found.lists.Contents`:                                  `[["k","3"]]`,
		`(() => { try { put('k', '', 5) } catch (e) { return e.message } })()`:                         `"a body is an ArrayBuffer or {bytes}"`,
		`(() => { try { engine.compile({}) } catch (e) { return e.message } })()`:                      `"a command has an op and a method"`,
		`engine.composed('PUT', '20MB', { status: 200, bytes: 20e6, ms: 1500, endpoint: 'e' })`:        `undefined`,
	} {
		got, err := vu.VU.Runtime().RunString(`JSON.stringify(` + code + `, (k, v) => k === 'ms' ? undefined : v)`)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v (%v), not %s", code, got, err, want)
		}
	}
	got := sums(samples)
	own := fmt.Sprintf(`{"endpoint":"%s","name":"GET","op":"GET","size":"1KB","test":"t"}`, endpoint)
	missing := fmt.Sprintf(`{"endpoint":"%s","error_code":"1404","expected_response":"false","name":"GET","op":"GET","size":"1KB","status":"404","test":"t"}`, endpoint)
	class := fmt.Sprintf(`{"class":"notFound","endpoint":"%s","name":"GET","op":"GET","size":"1KB","test":"t"}`, endpoint)
	put := fmt.Sprintf(`{"endpoint":"%s","name":"PUT","op":"PUT","size":"100KB","test":"t"}`, endpoint)
	for name, want := range map[string]float64{
		"http_reqs" + missing: 1, "http_req_failed" + missing: 1, "s3_errors" + class: 1, "s3_bytes" + put: 100_007,
		`s3_op_duration{"endpoint":"e","name":"PUT","op":"PUT","size":"20MB","test":"t"}`: 1500,
		`s3_bytes{"endpoint":"e","name":"PUT","op":"PUT","size":"20MB","test":"t"}`:       20e6,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, not %v", name, got[name], want)
		}
	}
	if got["s3_op_duration"+own] <= 0 {
		t.Errorf("no duration in %v", got)
	}
}

func TestManyDeletionsAtOnce(t *testing.T) {
	var most, now atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(50 * time.Millisecond)
		now.Add(-1)
		_, _ = io.WriteString(w, "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>")
	}))
	defer server.Close()
	vu, samples := running(t, server.URL)
	_, err := vu.RunOnEventLoop(`
		let failed = 0;
		for (let i = 0; i < 10; i++) deleteObjects('', '', '<Delete/>', { objects: 3 }).then((o) => { failed += o.found.lists.Error.length });`)
	if err != nil {
		t.Fatal(err)
	}
	if failed, err := vu.VU.Runtime().RunString("failed"); err != nil || failed.ToInteger() != 10 {
		t.Errorf("%v keys failed (%v)", failed, err)
	}
	if most.Load() < 5 {
		t.Errorf("%d at once", most.Load())
	}
	objects := 0.0
	for name, value := range sums(samples) {
		if name[:10] == "s3_objects" {
			objects += value
		}
	}
	if objects != 20 {
		t.Errorf("%v objects", objects)
	}
}

func TestTheEndOfATestEndsWhatIsUnderWay(t *testing.T) {
	open := atomic.Int32{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	defer server.Close()
	before := runtime.NumGoroutine()
	for _, code := range []string{
		`put('k', '', { bytes: 1000 })`,
		`const held = ` + toHold + `; held.read(['k']); held.keep(20); setTimeout(() => held.close(), 5000)`,
		`engine.compile(rows.UPLOAD_PART)('k', '', { bytes: 5e6 }, { query: { uploadId: 'u', partNumber: 1 } })`,
		`for (let i = 0; i < 20; i++) deleteObjects('', '', '<Delete/>', { objects: 1 }); get('k', '')`,
	} {
		vu, samples := running(t, server.URL)
		ctx, cancel := context.WithCancel(context.Background())
		vu.VU.CtxField = ctx
		time.AfterFunc(100*time.Millisecond, cancel)
		ended := time.Now()
		if _, err := vu.RunOnEventLoop(code); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if took := time.Since(ended); took > 2*time.Second {
			t.Errorf("%s ended %v later", code, took)
		}
		for name := range sums(samples) {
			// That they were opened is true whatever becomes of them.
			if !strings.Contains(name, `"outcome":"opened"`) {
				t.Errorf("%s: %s is in the figures", code, name)
			}
		}
		vu.CancelContext()
	}
	for wait := 0; open.Load() > 0 || runtime.NumGoroutine() > before+2; wait++ {
		if wait > 300 {
			t.Fatalf("%d sockets and %d goroutines are left", open.Load(), runtime.NumGoroutine()-before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

const toHold = `hold(options, {
	bytesPerSecond: 2000, uploads: [{ size: '1KB', bytes: 1024, before: 'up/1KB/' }, { size: '2KB', bytes: 2048, before: 'up/2KB/' }],
	after: '/x-', downloads: { size: '8MB', bytes: 8388608 } }, { upload: rows.PUT, download: rows.GET })`

func TestHeldConnections(t *testing.T) {
	var mu sync.Mutex
	uploaded := map[string]int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			http.Error(w, "unsigned", http.StatusForbidden)
			return
		}
		switch {
		case r.URL.Path == "/b/gone":
			http.Error(w, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
		case r.Method == "GET":
			w.Header().Set("Content-Length", "8388608")
			_, _ = w.Write(make([]byte, 8<<20))
		case strings.HasPrefix(r.URL.Path, "/b/up/2KB/"):
			http.Error(w, "<Error><Code>SlowDown</Code></Error>", http.StatusServiceUnavailable)
		default:
			n, err := io.Copy(io.Discard, r.Body)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				uploaded[r.URL.Path] = n
			}
		}
	}))
	defer server.Close()
	vu, samples := running(t, server.URL)
	_, err := vu.RunOnEventLoop(`
		const held = ` + toHold + `;
		let lost = [];
		const look = () => lost.push(held.lost());
		look();
		held.read(['gone']);
		const dropped = held.open(10, 4);
		setTimeout(() => { look(); held.read(['there']); look(); held.keep(4); }, 700);
		setTimeout(() => held.close().then(() => look()), 2000);`)
	if err != nil {
		t.Fatal(err)
	}
	said, err := vu.VU.Runtime().RunString(`JSON.stringify([lost, dropped])`)
	if err != nil || said.String() != `[[false,true,false,false],6]` {
		t.Errorf("%v (%v)", said, err)
	}
	mu.Lock()
	defer mu.Unlock()
	for path, n := range uploaded {
		if n != 1024 || !regexp.MustCompile(`^/b/up/1KB/\d{16}/x-\d+-g1$`).MatchString(path) {
			t.Errorf("%s has %d bytes", path, n)
		}
	}
	endpoint := server.Listener.Addr().String()
	got := sums(samples)
	count := func(op, outcome string) float64 {
		return got[fmt.Sprintf(`s3_connections{"endpoint":"%s","name":"%s","op":"%s","outcome":"%s","test":"t"}`, endpoint, op, op, outcome)]
	}
	for _, op := range []string{"PUT", "GET"} {
		ended := 0.0
		for _, outcome := range []string{"completed", "rejected", "closed"} {
			ended += count(op, outcome)
		}
		if count(op, "opened") < 4 || count(op, "opened") != ended {
			t.Errorf("%s: %v opened, %v ended", op, count(op, "opened"), ended)
		}
	}
	if done := count("PUT", "completed"); done != float64(len(uploaded)) || done < 2 {
		t.Errorf("%v completed, %d came", done, len(uploaded))
	}
	if count("PUT", "rejected") < 1 || count("GET", "rejected") != 2 || count("GET", "closed") != 2 {
		t.Errorf("PUT %v rejected, GET %v and %v closed", count("PUT", "rejected"), count("GET", "rejected"), count("GET", "closed"))
	}
	tags := func(op, more string) string {
		return fmt.Sprintf(`{%s"endpoint":"%s","name":"%s","op":"%s","test":"t"}`, more, endpoint, op, op)
	}
	for name, least := range map[string]float64{
		"s3_connections_open" + tags("PUT", ""):                                                                        2,
		"s3_connection_lifetime" + tags("PUT", ""):                                                                     1000,
		"s3_connection_bytes" + tags("PUT", `"direction":"sent",`):                                                     2048,
		"s3_connection_bytes" + tags("GET", `"direction":"received",`):                                                 1000,
		`data_received{"test":"t"}`:                                                                                    1000,
		`s3_bytes{"endpoint":"` + endpoint + `","name":"PUT","op":"PUT","size":"1KB","test":"t"}`:                      1024 * float64(len(uploaded)),
		`s3_errors{"class":"throttled","endpoint":"` + endpoint + `","name":"PUT","op":"PUT","size":"2KB","test":"t"}`: 1,
		`s3_errors{"class":"notFound","endpoint":"` + endpoint + `","name":"GET","op":"GET","size":"8MB","test":"t"}`:  2,
	} {
		if got[name] < least {
			t.Errorf("%s: %v, not %v or more", name, got[name], least)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestHoldingTakesSense(t *testing.T) {
	vu, _ := running(t, "http://127.0.0.1:1")
	for _, code := range []string{
		`hold(options, { bytesPerSecond: 0, uploads: [{ size: '1KB', bytes: 1, before: 'b' }] }, { upload: rows.PUT, download: rows.GET })`,
		`hold(options, { bytesPerSecond: 100, uploads: [] }, { upload: rows.PUT, download: rows.GET })`,
	} {
		if _, err := vu.VU.Runtime().RunString(code); err == nil {
			t.Errorf("%s is taken", code)
		}
	}
}

func TestWhatIsKeptBackIsDoneAtTheEndOfTheTest(t *testing.T) {
	requests := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests <- r.Method + " " + r.RequestURI
	}))
	defer server.Close()
	vu, samples := running(t, server.URL)
	ctx, cancel := context.WithCancel(context.Background())
	vu.VU.CtxField = ctx
	_, err := vu.VU.Runtime().RunString(`
		const later = engine.atInterrupt(rows.ABORT_MULTIPART);
		later('settled', '', undefined, { query: { uploadId: 'a' } })();
		later('kept', '', undefined, { query: { uploadId: 'b' } })`)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	shared.Cleanups.Wait(5 * time.Second)
	// Several times: what was under way may land after the first.
	if got := len(requests); got != 3 {
		t.Fatalf("%d requests", got)
	}
	for range 3 {
		if got := <-requests; got != "DELETE /b/kept?uploadId=b" {
			t.Error(got)
		}
	}
	if got := sums(samples); len(got) != 0 {
		t.Errorf("%v is in the figures", got)
	}
}
