package request

import (
	"maps"
	"math"
	"slices"

	"s3loadtest/extension/sigv4"
)

// Row is a command as lib/s3/commands.ts has it; its comments say what each field means.
type Row struct {
	Op      string            `js:"op"`
	Method  string            `js:"method"`
	On      string            `js:"on"`
	Query   map[string]string `js:"query"`
	Body    string            `js:"body"`
	MD5     bool              `js:"md5"`
	Answer  AnswerRow         `js:"answer"`
	Counts  string            `js:"counts"`
	Many    bool              `js:"many"`
	MayMiss bool              `js:"mayMiss"`

	None       []string          `js:"none"`
	AlsoStatus int               `js:"alsoStatus"`
	DoneBefore string            `js:"doneBefore"`
	Headers    map[string]string `js:"headers"`
	Checksum   string            `js:"checksum"`
	Trailing   bool              `js:"trailing"`
	Hashed     bool              `js:"hashed"`
	Form       bool              `js:"form"`
	Fields     map[string]string `js:"fields"`
}

// AnswerRow is the part of a row about answers.
type AnswerRow struct {
	Kind string `js:"kind"`
	Root string `js:"root"`
	// Continuation is the element that tells where a listing goes on.
	Continuation string              `js:"continuation"`
	Required     []string            `js:"required"`
	Texts        []string            `js:"texts"`
	Lists        map[string][]string `js:"lists"`
	Objects      string              `js:"objects"`
	Refusals     string              `js:"refusals"`
	Encoded      []string            `js:"encoded"`
}

// Command is a row made ready: nothing of it is looked up by name while requests are made.
type Command struct {
	Op, Method string
	// Counted: a success is an operation of its own; a failure always is.
	Counted bool
	// Many: it is about many objects, of which some may fail in a success.
	Many bool
	// MayMiss: another may have deleted its object meanwhile.
	MayMiss bool
	// DoneBefore is the code that a repeat is refused with where an attempt before it was done and its answer lost; "" for none.
	DoneBefore string
	// SendsPayload and SendsText tell what its body is, where it has one.
	SendsPayload, SendsText bool

	// none are codes of an answer that there is none of what was asked for.
	none []string
	// alsoStatus is another one of a success, with which nothing comes; 0 for none.
	alsoStatus         int
	onBucket, needsMD5 bool
	// headers are in every request of it, by name.
	headers []sigv4.Header
	// isForm: its payload is the file of a form with these fields beside the usual, and nothing else is signed.
	isForm bool
	fields []sigv4.Header
	// checksum is of its payload, "" for none; trailing: it follows the payload, which goes in chunks. hashed: the payload's
	// SHA-256 is signed, or that of each chunk.
	checksum         string
	trailing, hashed bool
	// query is the row's own, and canonicalQuery that alone in canonical form.
	query          map[string]string
	canonicalQuery string
	// What of a success's answer is handed on.
	KeepsContent           bool
	receives, wantsHeaders bool
	// answer is nil where a success's body says nothing.
	answer *xmlAnswer
}

// NewCommand makes a row ready.
func NewCommand(row Row) *Command {
	kind := row.Answer.Kind
	c := &Command{
		Op: row.Op, Method: row.Method,
		Counted: row.Counts == "operation", Many: row.Many, MayMiss: row.MayMiss, DoneBefore: row.DoneBefore,
		SendsPayload: row.Body == "payload", SendsText: row.Body == "text",
		none: row.None, alsoStatus: row.AlsoStatus, onBucket: row.On == "bucket", needsMD5: row.MD5,
		query: row.Query, canonicalQuery: sigv4.CanonicalQuery(row.Query),
		receives: kind == "payload" || kind == "content", KeepsContent: kind == "content",
		wantsHeaders: kind == "headers", checksum: row.Checksum, trailing: row.Trailing, hashed: row.Hashed,
		isForm: row.Form,
	}
	c.headers, c.fields = sorted(row.Headers), sorted(row.Fields)
	if kind == "xml" {
		c.answer = &xmlAnswer{row.Answer}
	}
	return c
}

func sorted(named map[string]string) (all []sigv4.Header) {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		all = append(all, sigv4.Header{Name: name, Value: named[name]})
	}
	return all
}

// queryWith adds to the row's query.
func (c *Command) queryWith(more map[string]string) string {
	if len(more) == 0 {
		return c.canonicalQuery
	}
	all := make(map[string]string, len(c.query)+len(more))
	for name, value := range c.query {
		all[name] = value
	}
	for name, value := range more {
		all[name] = value
	}
	return sigv4.CanonicalQuery(all)
}

// errorBytes is as much of an error's body as is looked at.
const errorBytes = 64 << 10

func (c *Command) keep(status int) int64 {
	switch {
	case !isSuccess(status):
		return errorBytes
	case c.KeepsContent || c.answer != nil:
		return math.MaxInt64
	default:
		return 0
	}
}

func (c *Command) keepsHeaders(status int) bool { return c.wantsHeaders || !isSuccess(status) }

func isSuccess(status int) bool { return status >= 200 && status < 300 }
