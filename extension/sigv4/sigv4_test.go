package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// published is a request, and what AWS publishes of every stage of signing it.
type published struct {
	Name, Why, Method, Path, PayloadHash, Canonical, RequestHash, Signature string
	Query, Headers                                                          map[string]string
}

type suite struct {
	Source, Date, Service, Key string
	Credentials                struct{ AccessKeyID, SecretAccessKey string }
	Cases                      []published
}

// vectors are read by lib/s3/sign.test.ts, too.
type vectors struct {
	Suites []suite
	// Plain has signatures by botocore, of requests whose body is not hashed.
	Plain []struct{ Why, Host, Method, Path, Query, Date, SessionToken, Signature string }
}

func load(t *testing.T) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Suites) != 2 || len(v.Suites[0].Cases) < 10 || len(v.Plain) < 5 {
		t.Fatal("vectors are missing")
	}
	return v
}

func (p *published) headers() []Header {
	var all []Header
	for name, value := range p.Headers {
		all = append(all, Header{name, value})
	}
	return all
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nnot\n%s", what, got, want)
	}
}

// Every stage begins with what AWS publishes of the stage before, not with our own: so a broken step fails alone.
func TestStages(t *testing.T) {
	for _, s := range load(t).Suites {
		scope := Scope(s.Date, "us-east-1", s.Service)
		key := SigningKey(s.Credentials.SecretAccessKey, scope)
		same(t, s.Source+", signing key", hex.EncodeToString(key), s.Key)
		for _, c := range s.Cases {
			t.Run(c.Name, func(t *testing.T) {
				block, signed := CanonicalHeaders(c.headers())
				path := string(AppendKey(nil, c.Path))
				request := CanonicalRequest(c.Method, path, CanonicalQuery(c.Query), block, signed, c.PayloadHash)
				same(t, "canonical request: "+c.Why, request, c.Canonical)
				same(t, "hash", HashHex([]byte(c.Canonical)), c.RequestHash)
				toSign := "AWS4-HMAC-SHA256\n" + s.Date + "\n" + s.Date[:8] + "/us-east-1/" + s.Service + "/aws4_request\n" + c.RequestHash
				same(t, "string to sign", StringToSign(s.Date, scope, c.RequestHash), toSign)
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte(toSign))
				same(t, "signature", hex.EncodeToString(mac.Sum(nil)), c.Signature)
				var names []string
				for name := range c.Headers {
					names = append(names, name)
				}
				sort.Strings(names)
				same(t, "authorization", Authorization(s.Credentials.AccessKeyID, scope, strings.Join(names, ";"))+c.Signature,
					"AWS4-HMAC-SHA256 Credential="+s.Credentials.AccessKeyID+"/"+s.Date[:8]+"/us-east-1/"+s.Service+
						"/aws4_request, SignedHeaders="+strings.Join(names, ";")+", Signature="+c.Signature)
			})
		}
	}
}

func at(t *testing.T, date string) func() time.Time {
	t.Helper()
	parsed, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		t.Fatal(err)
	}
	return func() time.Time { return parsed }
}

// lines gives header lines by name.
func lines(t *testing.T, text []byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
		name, value, found := strings.Cut(line, ": ")
		if _, twice := all[name]; !found || twice {
			t.Fatalf("header line %q", line)
		}
		all[name] = value
	}
	return all
}

func signatureOf(headers map[string]string) string {
	_, signature, _ := strings.Cut(headers["authorization"], "Signature=")
	return signature
}

func TestSignerSignsS3Examples(t *testing.T) {
	s := load(t).Suites[1]
	for _, c := range s.Cases {
		var more []Header
		for _, h := range c.headers() {
			if h.Name != "host" && h.Name != "x-amz-date" && h.Name != "x-amz-content-sha256" {
				more = append(more, h)
			}
		}
		credentials := Credentials{s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, ""}
		signer := NewSigner(credentials, "us-east-1", c.Headers["host"], at(t, s.Date))
		sent := lines(t, signer.Append(nil, c.Method, AppendKey(nil, c.Path), CanonicalQuery(c.Query), more, c.PayloadHash))
		same(t, c.Name, signatureOf(sent), c.Signature)
		// What is signed is what is sent; Host is somebody else's to send.
		for name, value := range c.Headers {
			if name != "host" {
				same(t, c.Name+", "+name, sent[name], value)
			}
		}
	}
}

func TestSignerAgreesWithBotocore(t *testing.T) {
	v := load(t)
	credentials := Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: v.Suites[1].Credentials.SecretAccessKey}
	for _, c := range v.Plain {
		credentials.SessionToken = c.SessionToken
		signer := NewSigner(credentials, "us-east-1", c.Host, at(t, c.Date))
		plain := lines(t, signer.AppendPlain(nil, c.Method, []byte(c.Path), c.Query))
		same(t, c.Why, signatureOf(plain), c.Signature)
		same(t, c.Why+", the long way", signatureOf(lines(t, signer.Append(nil, c.Method, []byte(c.Path), c.Query, nil, UnsignedPayload))), c.Signature)
		token, sent := plain["x-amz-security-token"]
		if token != c.SessionToken || sent != (c.SessionToken != "") {
			t.Errorf("%s: session token %q", c.Why, token)
		}
	}
}

func TestSignerFollowsTheClock(t *testing.T) {
	now := time.Date(2013, 5, 24, 12, 0, 0, 5e8, time.UTC)
	signer := NewSigner(Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, "us-east-1", "h", func() time.Time { return now })
	for _, row := range []struct {
		after time.Duration
		want  string
	}{
		{0, "20130524T120000Z"},
		{499 * time.Millisecond, "20130524T120000Z"},
		{500 * time.Millisecond, "20130524T120001Z"},
		{24 * time.Hour, "20130525T120000Z"},
		// NTP may set a clock back by more than the 15 minutes that S3 allows.
		{-time.Hour, "20130524T110000Z"},
	} {
		now = time.Date(2013, 5, 24, 12, 0, 0, 5e8, time.UTC).Add(row.after)
		sent := lines(t, signer.AppendPlain(nil, "GET", []byte("/b/k"), ""))
		same(t, "date", sent["x-amz-date"], row.want)
		if !strings.Contains(sent["authorization"], "Credential=a/"+row.want[:8]+"/") {
			t.Errorf("scope of %s: %s", row.want, sent["authorization"])
		}
	}
}

func TestAPlainSignatureNeedsNoMemory(t *testing.T) {
	signer := NewSigner(Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, "us-east-1", "h", at(t, "20130524T120000Z"))
	buffer, path := make([]byte, 0, 1024), []byte("/bucket/key")
	if n := testing.AllocsPerRun(100, func() { signer.AppendPlain(buffer, "GET", path, "") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeysAndQueriesAreEncoded(t *testing.T) {
	for text, want := range map[string][2]string{
		"loadtest/w0/1-a": {"loadtest/w0/1-a", "loadtest%2Fw0%2F1-a"},
		"a b+c%20":        {"a%20b%2Bc%2520", "a%20b%2Bc%2520"},
		"ü😀":              {"%C3%BC%F0%9F%98%80", "%C3%BC%F0%9F%98%80"},
		"//a/../.":        {"//a/../.", "%2F%2Fa%2F..%2F."},
		"!'()*~;,?:@&=$#": {"%21%27%28%29%2A~%3B%2C%3F%3A%40%26%3D%24%23", "%21%27%28%29%2A~%3B%2C%3F%3A%40%26%3D%24%23"},
		"\x00\n\x7f":      {"%00%0A%7F", "%00%0A%7F"},
	} {
		same(t, "path", string(AppendKey(nil, text)), want[0])
		same(t, "query", EncodeQueryPart(text), want[1])
	}
}

func TestPolicyIsSignedAsInTheExample(t *testing.T) {
	text, err := os.ReadFile("testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Example, Signature string }
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC) }
	for _, token := range []string{"", "t"} {
		credentials := Credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token}
		signer := NewSigner(credentials, "us-east-1", "host", now)
		want := []Header{
			{"x-amz-algorithm", "AWS4-HMAC-SHA256"},
			{"x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
			{"x-amz-date", "20151229T000000Z"},
		}
		if token != "" {
			want = append(want, Header{"x-amz-security-token", token})
		}
		fields := signer.Form(func(by []Header) string {
			if !slices.Equal(by, want) {
				t.Errorf("%v, not %v", by, want)
			}
			return policy.Example
		})
		want = append(want, Header{"policy", policy.Example}, Header{"x-amz-signature", policy.Signature})
		if !slices.Equal(fields, want) {
			t.Errorf("%v, not %v", fields, want)
		}
	}
}
