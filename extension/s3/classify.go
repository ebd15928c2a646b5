package s3

import (
	"strings"

	"s3loadtest/extension/wire"
)

// Class is one of the closed set of lib/s3/classify.ts, where the rules are explained; the conformance suite holds both to
// them. "" is of a request that the test's end cut off: it counts as nothing.
type Class string

// All of them.
const (
	NotFound  Class = "notFound"
	Throttled Class = "throttled"
	Auth      Class = "auth"
	Request   Class = "client"
	Server    Class = "server"
	Timeout   Class = "timeout"
	Connect   Class = "connect"
	Reset     Class = "reset"
	Corrupt   Class = "corrupt"
)

// retryable classes are those that another attempt may mend.
func (c Class) retryable() bool {
	switch c {
	case Throttled, Server, Timeout, Connect, Reset:
		return true
	}
	return false
}

// classifyStatus is of an answer that is no success: by status, and by S3's code where one status stands for two things.
func classifyStatus(status int, code string) Class {
	switch {
	case status == 503 || status == 429 || code == "SlowDown":
		return Throttled
	case status == 401 || status == 403 || code == "XAdminUserNotFound":
		return Auth
	case status == 404:
		return NotFound
	case status == 408 || code == "RequestTimeout":
		return Timeout
	case status >= 500:
		return Server
	}
	return Request
}

// statusOfCode has S3's codes that may stand in an answer of status 200, and the status each has elsewhere.
var statusOfCode = map[string]int{
	"AccessDenied":       403,
	"NoSuchKey":          404,
	"NoSuchVersion":      404,
	"NoSuchUpload":       404,
	"InvalidPart":        400,
	"InvalidPartOrder":   400,
	"EntityTooSmall":     400,
	"MethodNotAllowed":   405,
	"SlowDown":           503,
	"ServiceUnavailable": 503,
}

func classifyCode(code string) Class {
	status, known := statusOfCode[code]
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

// failureOf is what an answer that is no success says of itself.
func failureOf(status int, body string) *Failure {
	code, _ := textOf(body, "Code")
	message, said := textOf(body, "Message")
	if !said && !strings.HasPrefix(body, "<") {
		message, _, _ = strings.Cut(body, "\n")
		message = message[:min(len(message), longestLine)]
	}
	return &Failure{classifyStatus(status, code), code, message}
}
