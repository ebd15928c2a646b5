// Package sigv4 signs requests with AWS Signature Version 4, a function a step of the specification:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"sort"
	"strings"
	"time"
)

// UnsignedPayload stands for the hash of a body that is not hashed.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

const algorithm = "AWS4-HMAC-SHA256"

// Credentials sign. A session token is of temporary ones, "" of others.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Header is one to be signed, its name in lower case.
type Header struct{ Name, Value string }

// Date gives 20130524T000000Z.
func Date(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// Scope gives 20130524/us-east-1/s3/aws4_request.
func Scope(date, region, service string) string {
	return date[:8] + "/" + region + "/" + service + "/aws4_request"
}

var spaces = regexp.MustCompile(" +")

// CanonicalHeaders gives headers as the canonical request has them, sorted and a line each, and their names.
func CanonicalHeaders(headers []Header) (block, signed string) {
	sorted := append([]Header(nil), headers...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	names := make([]string, len(sorted))
	for i, h := range sorted {
		names[i] = h.Name
		block += h.Name + ":" + spaces.ReplaceAllString(strings.TrimSpace(h.Value), " ") + "\n"
	}
	return block, strings.Join(names, ";")
}

// CanonicalRequest takes path and query encoded and, for the query, in order.
func CanonicalRequest(method, path, query, block, signed, payloadHash string) string {
	return strings.Join([]string{method, path, query, block, signed, payloadHash}, "\n")
}

// StringToSign is made of a date, a scope and the hex hash of a canonical request.
func StringToSign(date, scope, requestHash string) string {
	return algorithm + "\n" + date + "\n" + scope + "\n" + requestHash
}

// SigningKey is that of a day, a region and a service.
func SigningKey(secret, scope string) []byte {
	key := []byte("AWS4" + secret)
	for _, step := range strings.Split(scope, "/") {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(step))
		key = mac.Sum(nil)
	}
	return key
}

// Authorization is the header's value up to the signature, which goes at its end.
func Authorization(accessKeyID, scope, signed string) string {
	return algorithm + " Credential=" + accessKeyID + "/" + scope + ", SignedHeaders=" + signed + ", Signature="
}

// HashHex is the hash of a body that is signed with its request.
func HashHex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
