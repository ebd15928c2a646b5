package s3

import (
	"strconv"
	"time"

	"s3loadtest/extension/body"
	"s3loadtest/extension/sigv4"
)

// Part is one that was uploaded.
type Part struct {
	Number int
	ETag   string
}

// CreateUpload begins an upload, and gives its id.
func (c *Client) CreateUpload(by Caller, key, size string) (Outcome, string) {
	var id string
	outcome, _ := c.do(by, &createUpload, &call{
		path: c.pathOf(key), size: size, query: "uploads=",
		examine: func(body string, _ *Attempt) *Failure {
			if id, _ = textOf(body, "UploadId"); id == "" {
				return &Failure{Corrupt, "", "the answer holds no UploadId"}
			}
			return nil
		},
	})
	return outcome, id
}

// UploadPart sends one, and gives its ETag.
func (c *Client) UploadPart(by Caller, key, id string, number int, b body.Body, size string) (Outcome, string) {
	query := "partNumber=" + strconv.Itoa(number) + "&uploadId=" + sigv4.EncodeQueryPart(id)
	outcome, _ := c.do(by, &uploadPart, &call{path: c.pathOf(key), size: size, body: b, query: query})
	for _, h := range outcome.Headers {
		if h.Name == "etag" {
			return outcome, h.Value
		}
	}
	return outcome, ""
}

// CompleteUpload makes the parts an object. S3 may begin its answer with 200 and only then fail:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func (c *Client) CompleteUpload(by Caller, key, id string, parts []Part, size string) Outcome {
	xml := []byte("<CompleteMultipartUpload xmlns=\"" + namespace + "\">")
	for _, part := range parts {
		xml = strconv.AppendInt(append(xml, "<Part><PartNumber>"...), int64(part.Number), 10)
		xml = appendEscaped(append(xml, "</PartNumber><ETag>"...), part.ETag)
		xml = append(xml, "</ETag></Part>"...)
	}
	o := call{
		path: c.pathOf(key), size: size, query: queryOf(id),
		examine: func(body string, _ *Attempt) *Failure {
			return errorAfterAll(body)
		},
	}
	o.setXML(append(xml, "</CompleteMultipartUpload>"...))
	outcome, _ := c.do(by, &completeUpload, &o)
	return outcome
}

// errorAfterAll is what a body of status 200 says went wrong, or nil.
func errorAfterAll(body string) *Failure {
	inside, _, found := element(body, "Error")
	if !found {
		return nil
	}
	code, _ := textOf(inside, "Code")
	message, _ := textOf(inside, "Message")
	return &Failure{classifyCode(code), code, message}
}

// AbortUpload gives an upload up.
func (c *Client) AbortUpload(by Caller, key, id, size string) Outcome {
	outcome, _ := c.do(by, &abortUpload, &call{path: c.pathOf(key), size: size, query: queryOf(id)})
	return outcome
}

func queryOf(id string) string { return "uploadId=" + sigv4.EncodeQueryPart(id) }

// Parted is a body that goes in parts, each asked for once, in order, and only while needed.
type Parted struct {
	Bytes, PartBytes int64
	Part             func(index int, bytes int64) body.Body
}

// PutInParts is one PUT to its caller; create, parts and complete to the server. It is aborted there when it fails.
func (c *Client) PutInParts(by Caller, key string, whole Parted, size string) Outcome {
	began := time.Now()
	// A failure was recorded where it happened, as the part's or the call's: as the PUT's, too, it would count twice.
	failed := func(last Outcome) Outcome {
		last.Bytes, last.Took = 0, time.Since(began)
		return last
	}
	last, id := c.CreateUpload(by, key, size)
	if last.Failure != nil {
		return failed(last)
	}
	var parts []Part
	for sent := int64(0); sent < whole.Bytes; sent += whole.PartBytes {
		piece := whole.Part(len(parts), min(whole.PartBytes, whole.Bytes-sent))
		outcome, etag := c.UploadPart(by, key, id, len(parts)+1, piece, size)
		if outcome.Failure != nil {
			c.AbortUpload(by, key, id, size)
			return failed(outcome)
		}
		parts = append(parts, Part{len(parts) + 1, etag})
	}
	last = c.CompleteUpload(by, key, id, parts, size)
	if last.Failure != nil {
		c.AbortUpload(by, key, id, size)
		return failed(last)
	}
	last.Bytes, last.Took = whole.Bytes, time.Since(began)
	c.recorder.Uploaded(by, size, &last)
	return last
}
