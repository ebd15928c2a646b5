package s3

import (
	"crypto/md5" //nolint:gosec // S3 asks for it.
	"encoding/base64"
	"strings"
	"time"

	"s3loadtest/extension/sigv4"
)

// Refused is a key that was not deleted.
type Refused struct{ Key, Code, Message string }

// Deletion of a batch of at most 1,000 keys. It fails for some and succeeds for others in one answer.
type Deletion struct {
	client  *Client
	call    call
	refused []Refused
	// made is how many attempts were, and failedAt where the last of them was.
	made     int
	failedAt string
}

// NewDeletion prepares one.
func (c *Client) NewDeletion(keys []string) *Deletion {
	xml := []byte("<Delete xmlns=\"" + namespace + "\"><Quiet>true</Quiet>")
	for _, key := range keys {
		xml = append(appendEscaped(append(xml, "<Object><Key>"...), key), "</Key></Object>"...)
	}
	xml = append(xml, "</Delete>"...)
	// S3 refuses a batch without a checksum: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
	sum := md5.Sum(xml) //nolint:gosec // likewise
	d := &Deletion{client: c}
	d.call = call{
		path:  c.bucketPath,
		query: "delete=",
		headers: []sigv4.Header{
			{Name: "content-md5", Value: base64.StdEncoding.EncodeToString(sum[:])},
			{Name: "content-type", Value: "application/xml"},
		},
		examine: func(body string, a *Attempt) *Failure {
			// A page, or an error that came after the 200, must not pass for a batch of which every key was deleted.
			if !strings.Contains(body, "<DeleteResult") {
				if failure := errorAfterAll(body); failure != nil {
					return failure
				}
				return &Failure{Corrupt, "", "the answer is no result of a batch"}
			}
			d.refused = refusedOf(body)
			a.Objects = max(0, len(keys)-len(d.refused))
			a.Refused = byCode(d.refused)
			return nil
		},
	}
	d.call.setXML(xml)
	return d
}

// Do makes as many attempts as it takes.
func (d *Deletion) Do(by Caller) (Outcome, []Refused) {
	outcome, _ := d.client.do(by, &deleteObjects, &d.call)
	return outcome, d.refused
}

// Begin takes the next endpoint, and gives what makes one attempt there and tells how long to wait for another, if there is
// to be one. It may be called beside the virtual user.
func (d *Deletion) Begin(by Caller) func() (outcome Outcome, refused []Refused, pause time.Duration, again bool) {
	h := d.client.nextHost()
	d.made++
	return func() (Outcome, []Refused, time.Duration, bool) {
		outcome, _ := d.client.attempt(by, &deleteObjects, &d.call, h, d.failedAt)
		d.failedAt = outcome.Endpoint
		pause, again := d.client.pauseAfter(d.made, outcome.Failure)
		return outcome, d.refused, pause, again
	}
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
