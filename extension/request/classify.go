package request

import (
	"slices"
	"strings"

	"s3loadtest/extension/generated"
	"s3loadtest/extension/wire"
)

// Class is one of the closed set of lib/s3/classify.ts, where the rules are explained; the conformance suite holds both to
// them. "" is of a request that the test's end cut off: it counts as nothing.
type Class string

// All of them.
const (
	NotFound  Class = generated.ClassNotFound
	Throttled Class = generated.ClassThrottled
	Auth      Class = generated.ClassAuth
	Request   Class = generated.ClassClient
	Lacking   Class = generated.ClassUnsupported
	Server    Class = generated.ClassServer
	Timeout   Class = generated.ClassTimeout
	Connect   Class = generated.ClassConnect
	Reset     Class = generated.ClassReset
	Corrupt   Class = generated.ClassCorrupt
)

// retryable classes are those that another attempt may mend.
func (c Class) retryable() bool { return generated.Retryable[string(c)] }

// classifyStatus is of an answer that is no success: by status, and by S3's code where one status stands for two things.
func classifyStatus(status int, code string) Class {
	switch {
	case status == 503 || status == 429 || code == "SlowDown":
		return Throttled
	case status == 401 || status == 403 || generated.AuthCodes[code]:
		return Auth
	case status == 404:
		return NotFound
	case status == 408 || code == "RequestTimeout":
		return Timeout
	case status == 501 || code == "NotImplemented":
		return Lacking
	case status >= 500:
		return Server
	}
	return Request
}

// classifyCode is of a failure that an answer of status 200 reports, by its code alone.
func classifyCode(code string) Class {
	status, known := generated.StatusOfCode[code]
	if !known {
		status = 500
	}
	return classifyStatus(status, code)
}

var classOfWire = map[wire.Class]Class{
	wire.Aborted: "",
	wire.Connect: Connect,
	wire.Timeout: Timeout,
	wire.Reset:   Reset,
	wire.Corrupt: Corrupt,
}

// longestLine of what a proxy, or a port of another protocol, answers in place of XML.
const longestLine = 200

// failureOf is what an answer of no status of 2xx says of itself; nil where that is a success of this command: there is none of
// what was asked for, or it is as it was.
func (c *Command) failureOf(status int, body string) *Failure {
	if status == c.alsoStatus {
		return nil
	}
	if failure := failureOf(status, body); !slices.Contains(c.none, failure.Code) {
		return failure
	}
	return nil
}

// failureOf is what an answer that is no success says of itself.
func failureOf(status int, body string) *Failure {
	code, _ := textOf(body, "Code")
	message, said := textOf(body, "Message")
	if !said && !strings.HasPrefix(body, "<") {
		message, _, _ = strings.Cut(body, "\n")
		message = message[:min(len(message), longestLine)]
	}
	// A redirect of AWS says where to in an element of its own.
	if elsewhere, named := textOf(body, "Endpoint"); named && strings.HasSuffix(code, "Redirect") {
		message += " at " + elsewhere
	}
	return &Failure{classifyStatus(status, code), code, message}
}
