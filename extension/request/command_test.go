package request

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"s3loadtest/extension/content"
	"s3loadtest/extension/sigv4"
)

// rows are those of lib/s3/commands.ts.
func rows(t *testing.T) map[string]Row {
	t.Helper()
	text, err := os.ReadFile("../generated/testdata/commands.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]Row
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

func command(t *testing.T, name string) *Command {
	t.Helper()
	row, found := rows(t)[name]
	if !found {
		t.Fatalf("there is no %s", name)
	}
	return NewCommand(row)
}

func TestEveryRowIsUnderstood(t *testing.T) {
	kinds := map[string]bool{"none": true, "payload": true, "content": true, "headers": true, "xml": true}
	for name, row := range rows(t) {
		if row.Op == "" || row.Method == "" || !kinds[row.Answer.Kind] || (row.On != "object" && row.On != "bucket") {
			t.Errorf("%s: %+v", name, row)
		}
		c := NewCommand(row)
		if c.Counted != (row.Counts == "operation") || (c.answer != nil) != (row.Answer.Kind == "xml") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// received is what a server got.
type received struct {
	target, body string
	header       http.Header
}

// ask makes a call of a server that answers so, and gives what it got of it.
func ask(t *testing.T, c *Command, call Call, status int, answer string) (Outcome, received, *recorded) {
	t.Helper()
	var got received
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = received{r.Method + " " + r.RequestURI, string(text), r.Header}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	recorder := &recorded{}
	return verifying(server.URL, false, recorder).Do(Caller{Context: context.Background()}, c, &call), got, recorder
}

func TestWhatIsSent(t *testing.T) {
	sent := content.Given([]byte("text"))
	for name, c := range map[string]struct {
		call           Call
		target, header string
	}{
		"GET":            {Call{Key: "a b/ü", Expect: AnyLength}, "GET /b/a%20b/%C3%BC", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"},
		"PUT":            {Call{Key: "k", Body: sent}, "PUT /b/k", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"},
		"DELETE_OBJECTS": {Call{Body: sent}, "POST /b?delete=", "Content-Md5: HLJR7A1WjeapKbUgxK7Y0Q=="},
		"LIST": {
			Call{Query: map[string]string{"prefix": "a/", "max-keys": "7"}},
			"GET /b?encoding-type=url&list-type=2&max-keys=7&prefix=a%2F", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD",
		},
		"UPLOAD_PART": {
			Call{Key: "k", Body: sent, Query: map[string]string{"uploadId": "x/y", "partNumber": "3"}},
			"PUT /b/k?partNumber=3&uploadId=x%2Fy", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD",
		},
		"COMPLETE_MULTIPART": {
			Call{Key: "k", Body: sent, Query: map[string]string{"uploadId": "x"}}, "POST /b/k?uploadId=x",
			"X-Amz-Content-Sha256: 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1",
		},
		"READ": {Call{Key: "k", Expect: 2, Headers: []sigv4.Header{{Name: "range", Value: "bytes=0-1"}}}, "GET /b/k", "Range: bytes=0-1"},
	} {
		_, got, _ := ask(t, command(t, name), c.call, 200, "")
		headerName, want, _ := strings.Cut(c.header, ": ")
		if got.target != c.target || got.header.Get(headerName) != want {
			t.Errorf("%s: %s, %q", name, got.target, got.header)
		}
		if signed := got.header.Get("Authorization"); !strings.Contains(signed, "Signature=") {
			t.Errorf("%s: %q", name, signed)
		}
		if want := string(c.call.Body.Bytes()); got.body != want {
			t.Errorf("%s: sent %q", name, got.body)
		}
	}
}

const page = `<?xml version="1.0"?><ListBucketResult xmlns="x"><EncodingType>url</EncodingType><KeyCount>99</KeyCount>` +
	`<IsTruncated>false</IsTruncated><Contents><Key>a%20b%2B+c</Key><Size>3</Size></Contents>` +
	`<Contents><Size>4</Size><Key>%FF%26%252F&amp;</Key></Contents><CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes></ListBucketResult>`

func TestWhatIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		command, answer string
		objects         int
		found           Found
		failure         string
	}{
		"keys counted off the page, not off KeyCount": {
			command: "LIST", answer: page, found: Found{Objects: 2, Texts: map[string]string{"IsTruncated": "false"}},
		},
		"keys, in the row's order, decoded": {
			command: "LIST_KEYS", answer: page,
			found: Found{
				Objects: 2, Texts: map[string]string{"IsTruncated": "false"},
				Lists: map[string][][]string{"Contents": {{"a b+ c", "3"}, {"%FF%26%252F&", "4"}}, "CommonPrefixes": {{"p/"}}},
			},
		},
		"a server that ignores encoding-type": {
			command: "LIST_KEYS", answer: strings.Replace(page, "<EncodingType>url</EncodingType>", "", 1),
			found: Found{
				Objects: 2, Texts: map[string]string{"IsTruncated": "false"},
				Lists: map[string][][]string{"Contents": {{"a%20b%2B+c", "3"}, {"%FF%26%252F&", "4"}}, "CommonPrefixes": {{"p%2F"}}},
			},
		},
		"a page that says where the next begins": {
			command: "LIST", answer: "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
			found: Found{Texts: map[string]string{"IsTruncated": "true", "NextContinuationToken": "t"}},
		},
		"a page that is cut and does not": {
			command: "LIST", answer: "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
			failure: "corrupt: the listing goes on and does not tell where",
		},
		"a page of versions that is cut and does not": {
			command: "LIST_VERSIONS", answer: "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker></NextKeyMarker></ListVersionsResult>",
			failure: "corrupt: the listing goes on and does not tell where",
		},
		"somebody's page":          {command: "LIST", answer: "<html>welcome</html>", failure: "corrupt: the answer has no ListBucketResult"},
		"nothing":                  {command: "DELETE_OBJECTS", failure: "corrupt: the answer has no DeleteResult"},
		"an error after a 200":     {command: "DELETE_OBJECTS", answer: "<Error><Code>SlowDown</Code><Message>m</Message></Error>", failure: "throttled SlowDown: m"},
		"an upload without an id":  {command: "CREATE_MULTIPART", answer: "<InitiateMultipartUploadResult/>", failure: "corrupt: the answer has no UploadId"},
		"an upload":                {command: "CREATE_MULTIPART", answer: "<R><UploadId>u&amp;1</UploadId></R>", found: Found{Texts: map[string]string{"UploadId": "u&1"}}},
		"a completion that failed": {command: "COMPLETE_MULTIPART", answer: "<Error><Code>InvalidPart</Code></Error>", failure: "client InvalidPart: "},
		"a completion":             {command: "COMPLETE_MULTIPART", answer: "<R><ETag>e</ETag></R>"},
		"a batch": {
			command: "DELETE_OBJECTS", answer: "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>", objects: 3,
			found: Found{Objects: 2, Lists: map[string][][]string{"Error": {{"k", "", "AccessDenied", "no"}}}},
		},
	} {
		outcome, _, recorder := ask(t, command(t, c.command), Call{Key: "k", Objects: c.objects, Expect: AnyLength}, 200, c.answer)
		said := ""
		if f := outcome.Failure; f != nil {
			said = strings.TrimSuffix(string(f.Class)+" "+f.Code, " ") + ": " + f.Message
		}
		if said != c.failure {
			t.Errorf("%s: %q", name, said)
		}
		if outcome.Failure == nil && !reflect.DeepEqual(*outcome.Found, c.found) {
			t.Errorf("%s: %+v, not %+v", name, *outcome.Found, c.found)
		}
		attempts := recorder.attempts
		if last := attempts[len(attempts)-1]; last.Command.Op == "DELETE_OBJECTS" && c.objects > 0 {
			if want := []Refusal{{Failure{Auth, "AccessDenied", "no"}, 1}}; !reflect.DeepEqual(last.Refused, want) {
				t.Errorf("%s: %+v refused", name, last.Refused)
			}
		}
	}
}

// What a server can't do, it can't do at the fifth attempt either.
func TestNotImplementedIsNotTriedAgain(t *testing.T) {
	for status, attempts := range map[int]int{500: 2, 501: 1} {
		_, _, recorder := ask(t, command(t, "HEAD"), Call{Key: "k", Expect: AnyLength}, status, "")
		if len(recorder.attempts) != attempts {
			t.Errorf("%d: %d attempts", status, len(recorder.attempts))
		}
	}
}

func TestAnythingMayComeForXML(t *testing.T) {
	for name := range rows(t) {
		c := command(t, name)
		if c.answer == nil {
			continue
		}
		for cut := range len(page) {
			for _, text := range []string{page[:cut], page[cut:], page[:cut] + "<" + page[cut:]} {
				if found, _, failure := c.answer.read(text, 5); (found == nil) == (failure == nil) {
					t.Fatalf("%s: %v, %v of %q", name, found, failure, text)
				}
			}
		}
	}
}
