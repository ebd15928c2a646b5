package request

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"s3loadtest/extension/content"
	"s3loadtest/extension/sigv4"
)

// form is an upload as lib/s3/form.ts has it: fields with a signed policy, and the file last.
type form struct {
	bucket, key string
	// fields are those beside the usual.
	fields []sigv4.Header
}

// policyHolds is how long a policy does: requests wait for their turn, and clocks differ.
const policyHolds = time.Hour

// boundary is random, so that it stands in no file.
var boundary = "s3loadtest-" + rand.Text()

const formType = "multipart/form-data; boundary="

// enclose puts a file into the form, signed.
func (f *form) enclose(signer *sigv4.Signer, file content.Body) content.Body {
	signed := signer.Form(func(by []sigv4.Header) string {
		return base64.StdEncoding.EncodeToString(f.policy(append(by, f.fields...), file.Len(), time.Now()))
	})
	var before strings.Builder
	field := func(name, value string) {
		fmt.Fprintf(&before, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, name, value)
	}
	field("key", f.key)
	for _, of := range append(signed, f.fields...) {
		field(of.Name, of.Value)
	}
	fmt.Fprintf(&before, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"+
		"Content-Type: application/octet-stream\r\n\r\n", boundary)
	return file.Enclosed([]byte(before.String()), []byte("\r\n--"+boundary+"--\r\n"))
}

// policy allows one object of one length. Every other field must be in it, too, with its value.
func (f *form) policy(fields []sigv4.Header, bytes int64, now time.Time) []byte {
	conditions := []any{
		map[string]string{"bucket": f.bucket},
		map[string]string{"key": f.key},
		[]any{"content-length-range", bytes, bytes},
	}
	for _, of := range fields {
		conditions = append(conditions, map[string]string{of.Name: of.Value})
	}
	// Texts and numbers can be told as JSON.
	policy, _ := json.Marshal(map[string]any{
		"expiration": now.Add(policyHolds).UTC().Format("2006-01-02T15:04:05.000Z"),
		"conditions": conditions,
	})
	return policy
}
