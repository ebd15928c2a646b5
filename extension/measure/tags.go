package measure

import (
	"crypto/tls"
	"strconv"
	"sync"

	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/generated"
	"s3loadtest/extension/request"
)

// series is what samples of one kind have in common. Putting tags together costs more than all else that a sample takes, so
// each set is made once.
type series struct {
	base               *metrics.TagSet
	op, size, endpoint string
}

// result tells the tag sets of one series apart.
type result struct {
	status, code int
	message      string
	tls          uint16
	// expected: of one status there may be successes and failures.
	expected bool
}

type tagSets struct {
	// own has what own metrics carry; those of k6's have the result, too.
	own   *metrics.TagSet
	byEnd map[result]*metrics.TagSet
}

type tagCache struct {
	mu     sync.Mutex
	system *metrics.SystemTagSet
	known  map[series]*tagSets
	// last is what was asked for last, which is what will be asked for next.
	last    series
	lastSet *tagSets
}

func (c *tagCache) of(by request.Caller, op, size, endpoint string) *tagSets {
	key := series{by.Tags.Tags, op, size, endpoint}
	if c.lastSet != nil && key == c.last {
		return c.lastSet
	}
	sets := c.known[key]
	if sets == nil {
		// Without a name k6's outputs would take the URL, and keep a time series for every key.
		own := by.Tags.Tags.With("op", op).With("name", op)
		if op != generated.Preparation {
			shown := size
			if shown == "" {
				// k6 takes no empty tag in a submetric.
				shown = generated.NoSize
			}
			own = own.With("size", shown).With("endpoint", endpoint)
		}
		sets = &tagSets{own: own, byEnd: map[result]*metrics.TagSet{}}
		c.known[key] = sets
	}
	c.last, c.lastSet = key, sets
	return sets
}

// ended gives the tags of k6's own metrics, as k6/http has them, for those of them that are asked for.
func (c *tagCache) ended(sets *tagSets, a *request.Attempt, expected bool) *metrics.TagSet {
	end := result{status: a.Outcome.Status, tls: a.TLSVersion, expected: expected}
	if a.Error != nil {
		end.code = a.Error.Code
		if c.system.Has(metrics.TagError) {
			end.message = a.Error.Message
		}
	} else if end.status >= 400 {
		end.code = 1000 + end.status
	}
	if known := sets.byEnd[end]; known != nil {
		return known
	}
	tags := sets.own
	set := func(tag metrics.SystemTag, value string) {
		if c.system.Has(tag) && value != "" {
			tags = tags.With(tag.String(), value)
		}
	}
	name, _ := tags.Get(metrics.TagName.String())
	set(metrics.TagURL, name)
	set(metrics.TagMethod, a.Command.Method)
	set(metrics.TagStatus, strconv.Itoa(end.status))
	if end.code != 0 {
		set(metrics.TagErrorCode, strconv.Itoa(end.code))
	}
	set(metrics.TagError, end.message)
	if a.Error == nil {
		set(metrics.TagProto, "HTTP/1.1")
	}
	set(metrics.TagTLSVersion, tlsVersions[end.tls])
	set(metrics.TagExpectedResponse, strconv.FormatBool(expected))
	sets.byEnd[end] = tags
	return tags
}

var tlsVersions = map[uint16]string{
	tls.VersionTLS10: "tls1.0",
	tls.VersionTLS11: "tls1.1",
	tls.VersionTLS12: "tls1.2",
	tls.VersionTLS13: "tls1.3",
}
