package s3

import (
	"strconv"

	"s3loadtest/extension/body"
	"s3loadtest/extension/sigv4"
)

// AnyLength is what a GET may expect.
const AnyLength = -1

// PutObject sends a body in one request.
func (c *Client) PutObject(by Caller, key string, b body.Body, size string) Outcome {
	outcome, _ := c.do(by, &putObject, &call{path: c.pathOf(key), size: size, body: b})
	return outcome
}

// GetObject streams the body away. Another length than expected is corrupt; so is other content, where that is verified.
func (c *Client) GetObject(by Caller, key, size string, expect int64) Outcome {
	o := call{path: c.pathOf(key), size: size, expect: expect}
	if c.Verify {
		o.content = contentOf(key, expect)
	}
	outcome, _ := c.do(by, &getObject, &o)
	return outcome
}

// Range is inclusive, as HTTP counts: 0 to 9 is the first ten bytes.
type Range struct{ First, Last int64 }

// ReadObject keeps the body, whole or a range of it.
func (c *Client) ReadObject(by Caller, key, size string, part *Range) (Outcome, string) {
	o := call{path: c.pathOf(key), size: size, expect: AnyLength}
	if part != nil {
		o.expect = part.Last - part.First + 1
		bytes := "bytes=" + strconv.FormatInt(part.First, 10) + "-" + strconv.FormatInt(part.Last, 10)
		o.headers = []sigv4.Header{{Name: "range", Value: bytes}}
	}
	return c.do(by, &readObject, &o)
}

// HeadObject looks whether an object is there.
func (c *Client) HeadObject(by Caller, key, size string) Outcome {
	outcome, _ := c.do(by, &headObject, &call{path: c.pathOf(key), size: size})
	return outcome
}

// DeleteObject deletes one, or finds none.
func (c *Client) DeleteObject(by Caller, key, size string) Outcome {
	outcome, _ := c.do(by, &deleteObject, &call{path: c.pathOf(key), size: size})
	return outcome
}

// HeadBucket looks whether the bucket is there.
func (c *Client) HeadBucket(by Caller) Outcome {
	outcome, _ := c.do(by, &headBucket, &call{path: c.bucketPath})
	return outcome
}

// CreateBucket creates it, in the region that requests are signed for.
func (c *Client) CreateBucket(by Caller) Outcome {
	o := call{path: c.bucketPath}
	// us-east-1 is the one region that must not be named:
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
	if c.Region != "us-east-1" {
		o.setXML([]byte("<CreateBucketConfiguration xmlns=\"" + namespace + "\"><LocationConstraint>" + c.Region +
			"</LocationConstraint></CreateBucketConfiguration>"))
	}
	outcome, _ := c.do(by, &createBucket, &o)
	return outcome
}

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// setXML makes text the body, hashed: it is short, and says what is to be done.
func (o *call) setXML(text []byte) {
	o.body = body.Given(text)
	o.hash = sigv4.HashHex(text)
}
