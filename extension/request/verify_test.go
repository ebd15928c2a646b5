package request

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"s3loadtest/extension/content"
	"s3loadtest/extension/wire"
)

// recorded is a recorder that keeps every attempt.
type recorded struct{ attempts []Attempt }

func (r *recorded) Attempt(_ Caller, a *Attempt)              { r.attempts = append(r.attempts, *a) }
func (r *recorded) Composed(Caller, string, string, *Outcome) {}

// get reads an object of the length that it should have.
func get(t *testing.T, client *Client, key string, length int64) Outcome {
	t.Helper()
	return client.Do(Caller{Context: context.Background()}, command(t, "GET"), &Call{Key: key, Size: "1KB", Expect: length})
}

const verifiedKey = "loadtest/w0/1KB/t/1763726400000000/1-abcd-0" + content.KeyEnd

func contentFor(key string, length int64) []byte {
	p := make([]byte, length)
	content.Generated(key, 0, length).ReadAt(p, 0)
	return p
}

func TestVerify(t *testing.T) {
	const length = 100_000
	flipped := func(at int) []byte {
		p := contentFor(verifiedKey, length)
		p[at] ^= 0x80
		return p
	}
	for name, c := range map[string]struct {
		key string
		// serve answers, in pieces with a pause between them where there are several.
		serve [][]byte
		// length that is announced; 0 for that of what is served.
		length int
		// wrong says what the failure does; "" for a success.
		class    Class
		wrong    string
		verified bool
	}{
		"what was written":              {serve: [][]byte{contentFor(verifiedKey, length)}, verified: true},
		"in uneven pieces":              {serve: cut(contentFor(verifiedKey, length), 1, 7, 40_001, 99_999), verified: true},
		"the first byte":                {serve: [][]byte{flipped(0)}, class: Corrupt, wrong: "byte 0 of 100000 is 0x"},
		"a byte in the middle":          {serve: [][]byte{flipped(54_321)}, class: Corrupt, wrong: "byte 54321 of 100000 is 0x"},
		"the last byte":                 {serve: [][]byte{flipped(length - 1)}, class: Corrupt, wrong: "byte 99999 of 100000 is 0x"},
		"a byte after an uneven piece":  {serve: cut(flipped(40_001), 40_001), class: Corrupt, wrong: "byte 40001 of"},
		"nothing but zeros":             {serve: [][]byte{make([]byte, length)}, class: Corrupt, wrong: " is 0x00, and 0x"},
		"another object":                {serve: [][]byte{contentFor("other"+content.KeyEnd, length)}, class: Corrupt, wrong: "of 100000 is 0x"},
		"too short":                     {serve: [][]byte{contentFor(verifiedKey, length-1)}, class: Corrupt, wrong: "99999 bytes came"},
		"nothing":                       {serve: [][]byte{{}}, class: Corrupt, wrong: "0 bytes came"},
		"too long":                      {serve: [][]byte{contentFor(verifiedKey, length+1)}, class: Corrupt, wrong: "100001 bytes came"},
		"broken off":                    {serve: [][]byte{contentFor(verifiedKey, 1000)}, length: length, class: Reset},
		"a key without the end":         {key: "loadtest/w0/1KB/t/1763726400000000/1-abcd-0", serve: [][]byte{make([]byte, length)}},
		"a key without, too long":       {key: "x", serve: [][]byte{make([]byte, length+1)}, class: Corrupt, wrong: "100001 bytes came"},
		"a foreign key, the same bytes": {key: "x", serve: [][]byte{contentFor("x", length)}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				announced := c.length
				for _, piece := range c.serve {
					if c.length == 0 {
						announced += len(piece)
					}
				}
				w.Header().Set("Content-Length", fmt.Sprint(announced))
				for i, piece := range c.serve {
					_, _ = w.Write(piece)
					if i+1 < len(c.serve) {
						w.(http.Flusher).Flush()
						time.Sleep(2 * time.Millisecond)
					}
				}
			}))
			defer server.Close()
			key := c.key
			if key == "" {
				key = verifiedKey
			}
			recorder := &recorded{}
			outcome := get(t, verifying(server.URL, true, recorder), key, length)
			for _, attempt := range recorder.attempts {
				if attempt.Verified != c.verified {
					t.Error("told otherwise")
				}
			}
			// What is wrong stays so: only a broken connection is worth another attempt.
			if attempts := map[Class]int{Reset: 2}[c.class]; len(recorder.attempts) != max(1, attempts) {
				t.Errorf("%d attempts", len(recorder.attempts))
			}
			if c.class == "" {
				if outcome.Failure != nil || outcome.Bytes != length {
					t.Fatalf("%+v %+v", outcome, outcome.Failure)
				}
				return
			}
			if outcome.Failure == nil || outcome.Failure.Class != c.class || outcome.Bytes != 0 {
				t.Fatalf("%+v %+v", outcome, outcome.Failure)
			}
			if !strings.Contains(outcome.Failure.Message, c.wrong) {
				t.Errorf("said %q", outcome.Failure.Message)
			}
			if strings.HasPrefix(c.wrong, "byte") && !strings.HasSuffix(outcome.Failure.Message, " was written ("+key+")") {
				t.Errorf("said %q", outcome.Failure.Message)
			}
		})
	}
}

func TestContentIsNotLookedAtUnlessAsked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10)) }))
	defer server.Close()
	recorder := &recorded{}
	outcome := get(t, verifying(server.URL, false, recorder), verifiedKey, 10)
	if outcome.Failure != nil || recorder.attempts[0].Verified {
		t.Errorf("%+v", outcome)
	}
}

// A chunked answer, and an error's body, which is no content.
func TestVerifyLooksAtContentOnly(t *testing.T) {
	first := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if first {
			first = false
			http.Error(w, "<Error><Code>SlowDown</Code></Error>", http.StatusServiceUnavailable)
			return
		}
		for _, piece := range cut(contentFor(verifiedKey, 5000), 10, 3000) {
			_, _ = w.Write(piece)
			w.(http.Flusher).Flush()
		}
	}))
	defer server.Close()
	recorder := &recorded{}
	outcome := get(t, verifying(server.URL, true, recorder), verifiedKey, 5000)
	if outcome.Failure != nil || len(recorder.attempts) != 2 || recorder.attempts[0].Verified || !recorder.attempts[1].Verified {
		t.Errorf("%+v %+v", outcome, recorder.attempts)
	}
}

func verifying(url string, verify bool, recorder Recorder) *Client {
	return New(Options{
		Endpoints: []string{url}, Bucket: "b", Region: "us-east-1", Timeout: 10 * time.Second, Attempts: 2, Verify: verify,
	}, wire.NewPool(&net.Dialer{}, wire.Always), recorder)
}

// cut gives the pieces of p between these places.
func cut(p []byte, places ...int) [][]byte {
	var pieces [][]byte
	from := 0
	for _, to := range append(places, len(p)) {
		pieces = append(pieces, bytes.Clone(p[from:to]))
		from = to
	}
	return pieces
}
