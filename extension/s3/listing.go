package s3

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"s3loadtest/extension/sigv4"
)

// ListOptions have "" for what is not asked for.
type ListOptions struct {
	Prefix, Delimiter, StartAfter, ContinuationToken, MaxKeys string
}

// Object is a listed one.
type Object struct {
	Key   string
	Bytes int64
}

// Page of a listing.
type Page struct {
	// Keys is how many there are.
	Keys     int
	Objects  []Object
	Prefixes []string
	// Next continues it; "" on the last page.
	Next string
}

// ListObjects gives a page of a listing.
func (c *Client) ListObjects(by Caller, options ListOptions) (Outcome, Page) {
	return c.list(by, options, readPage)
}

// CountObjects gives a page of a listing without its keys.
func (c *Client) CountObjects(by Caller, options ListOptions) (Outcome, Page) {
	return c.list(by, options, countPage)
}

func (c *Client) list(by Caller, options ListOptions, read func(xml string) Page) (Outcome, Page) {
	query := map[string]string{"list-type": "2", "encoding-type": "url"}
	for name, value := range map[string]string{
		"prefix": options.Prefix, "delimiter": options.Delimiter, "start-after": options.StartAfter,
		"continuation-token": options.ContinuationToken, "max-keys": options.MaxKeys,
	} {
		if value != "" {
			query[name] = value
		}
	}
	var page Page
	outcome, _ := c.do(by, &list, &call{
		path:  c.bucketPath,
		query: sigv4.CanonicalQuery(query),
		examine: func(body string, a *Attempt) *Failure {
			// A proxy's own page, say, must not pass for an empty bucket.
			if !strings.Contains(body, "<ListBucketResult") {
				return &Failure{Corrupt, "", "the answer is no listing"}
			}
			page = read(body)
			a.Objects = page.Keys
			return nil
		},
	})
	if outcome.Failure != nil {
		page = Page{}
	}
	return outcome, page
}

func readPage(xml string) Page {
	decode := func(text string) string { return text }
	// A server may ignore encoding-type; then it does not repeat it either.
	if encoding, _ := textOf(xml, "EncodingType"); encoding == "url" {
		decode = decodeURL
	}
	page := Page{Next: nextOf(xml)}
	each(xml, "Contents", func(inside string) {
		key, _ := textOf(inside, "Key")
		size, _ := textOf(inside, "Size")
		bytes, _ := strconv.ParseInt(size, 10, 64)
		page.Objects = append(page.Objects, Object{decode(key), bytes})
	})
	each(xml, "CommonPrefixes", func(inside string) {
		prefix, _ := textOf(inside, "Prefix")
		page.Prefixes = append(page.Prefixes, decode(prefix))
	})
	page.Keys = len(page.Objects)
	return page
}

func countPage(xml string) Page {
	page := Page{Next: nextOf(xml)}
	count, told := textOf(xml, "KeyCount")
	if told {
		page.Keys, _ = strconv.Atoi(count)
	} else {
		each(xml, "Contents", func(string) { page.Keys++ })
	}
	return page
}

func nextOf(xml string) string {
	if truncated, _ := textOf(xml, "IsTruncated"); truncated != "true" {
		return ""
	}
	next, _ := textOf(xml, "NextContinuationToken")
	return next
}

// decodeURL leaves what is no UTF-8 as it is: a key that nobody can ask for is better than no listing.
func decodeURL(text string) string {
	decoded, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(decoded) {
		return text
	}
	return decoded
}
