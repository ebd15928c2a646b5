package s3

import (
	"crypto/md5" //nolint:gosec // S3 asks for it.
	"encoding/base64"

	"s3loadtest/extension/sigv4"
)

// Refused is a key that was not deleted.
type Refused struct{ Key, Code, Message string }

// DeleteObjects deletes at most 1,000 keys. It fails for some and succeeds for others in one answer.
func (c *Client) DeleteObjects(by Caller, keys []string) (Outcome, []Refused) {
	xml := []byte("<Delete xmlns=\"" + namespace + "\"><Quiet>true</Quiet>")
	for _, key := range keys {
		xml = append(appendEscaped(append(xml, "<Object><Key>"...), key), "</Key></Object>"...)
	}
	xml = append(xml, "</Delete>"...)
	// S3 refuses a batch without a checksum: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
	sum := md5.Sum(xml) //nolint:gosec // likewise
	var refused []Refused
	o := call{
		path:  c.bucketPath,
		query: "delete=",
		headers: []sigv4.Header{
			{Name: "content-md5", Value: base64.StdEncoding.EncodeToString(sum[:])},
			{Name: "content-type", Value: "application/xml"},
		},
		examine: func(body string, a *Attempt) *Failure {
			refused = refusedOf(body)
			a.Objects = max(0, len(keys)-len(refused))
			a.Refused = byCode(refused)
			return nil
		},
	}
	o.setXML(xml)
	outcome, _ := c.do(by, &deleteObjects, &o)
	return outcome, refused
}

func refusedOf(xml string) []Refused {
	var all []Refused
	each(xml, "Error", func(inside string) {
		var r Refused
		r.Key, _ = textOf(inside, "Key")
		r.Code, _ = textOf(inside, "Code")
		r.Message, _ = textOf(inside, "Message")
		all = append(all, r)
	})
	return all
}

func byCode(refused []Refused) []Refusal {
	var all []Refusal
next:
	for _, r := range refused {
		for i := range all {
			if all[i].Failure.Code == r.Code {
				all[i].Objects++
				continue next
			}
		}
		all = append(all, Refusal{Failure{classifyCode(r.Code), r.Code, r.Message}, 1})
	}
	return all
}
