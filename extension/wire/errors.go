package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.k6.io/k6/v2/lib/netext"
)

// Class says why there was no whole answer.
type Class int

// Aborted is nobody's fault: the test ended. The others are lib/s3/classify.ts's.
const (
	Aborted Class = iota
	Connect
	Timeout
	Reset
	Corrupt
)

// Error is why there was no whole answer. Its text never holds a key.
type Error struct {
	Class Class
	// Code is what k6 has in its error_code tag: https://grafana.com/docs/k6/latest/javascript-api/error-codes/
	Code    int
	Message string
	// Detail says more of this one, "" for nothing: it is in no tag, for it is seldom the same twice.
	Detail string
}

func (e *Error) Error() string { return e.Message }

// Whole is the message with what more there is to say.
func (e *Error) Whole() string {
	if e.Detail == "" {
		return e.Message
	}
	return e.Message + ": " + e.Detail
}

// exhausted is what the system says where it has no more open files or local ports.
var exhausted = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL}

// IsOwn tells of what is wrong with this machine or with k6's options, and with no endpoint.
func (e *Error) IsOwn() bool {
	said := func(errno syscall.Errno) bool { return strings.HasSuffix(e.Message, errno.Error()) }
	return e.Code == codeBlacklisted || e.Code == codeBlocked || slices.ContainsFunc(exhausted, said)
}

const (
	codeOther       = 1000
	codeTimeout     = 1050
	codeDNS         = 1100
	codeNoSuchHost  = 1101
	codeBlacklisted = 1110
	codeBlocked     = 1111
	codeTCP         = 1200
	codeBrokenPipe  = 1201
	codeDial        = 1210
	codeDialTimeout = 1211
	codeRefused     = 1212
	codeDialErrno   = 1213
	codePeerReset   = 1220
	codeTLS         = 1300
	codeTLSHeader   = 1301
	codeAuthority   = 1310
	codeHostname    = 1311
)

func isTimeout(err error) bool {
	var timed net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &timed) && timed.Timeout()
}

// dialError is of a connection that did not come to be, k6's own refusals to make one included.
func dialError(err error) *Error {
	code, message := codeDial, err.Error()
	var (
		dns     *net.DNSError
		black   netext.BlackListedIPError
		blocked netext.BlockedHostError
		errno   syscall.Errno
	)
	switch {
	case errors.As(err, &black):
		code = codeBlacklisted
	case errors.As(err, &blocked):
		code = codeBlocked
	case errors.As(err, &dns) && dns.IsNotFound, strings.HasSuffix(message, "no such host"):
		code = codeNoSuchHost
	case errors.As(err, &dns):
		code = codeDNS
	case isTimeout(err):
		code, message = codeDialTimeout, "dial: i/o timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		code = codeRefused
	case errors.As(err, &errno):
		code = codeDialErrno
	}
	return &Error{Class: Connect, Code: code, Message: message}
}

// handshakeError is of a connection that stands, and that TLS did not come about on.
func handshakeError(err error) *Error {
	code := codeTLS
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		header    tls.RecordHeaderError
	)
	switch {
	case isTimeout(err):
		code = codeTimeout
	case errors.As(err, &authority):
		code = codeAuthority
	case errors.As(err, &hostname):
		code = codeHostname
	case errors.As(err, &header):
		code = codeTLSHeader
	}
	return &Error{Class: Connect, Code: code, Message: fmt.Sprintf("TLS handshake: %v", err)}
}

// talkError is of a connection that stood.
func talkError(err error) *Error {
	switch {
	case isTimeout(err):
		return &Error{Class: Timeout, Code: codeTimeout, Message: "request timeout"}
	case errors.Is(err, syscall.ECONNRESET):
		return &Error{Class: Reset, Code: codePeerReset, Message: "connection reset by peer"}
	case errors.Is(err, syscall.EPIPE):
		return &Error{Class: Reset, Code: codeBrokenPipe, Message: "broken pipe"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Class: Reset, Code: codeOther, Message: "the server closed the connection (EOF)"}
	default:
		return &Error{Class: Reset, Code: codeTCP, Message: err.Error()}
	}
}

// Malformed is an answer that can't be one.
func Malformed(what string) *Error {
	return &Error{Class: Corrupt, Code: codeOther, Message: "malformed answer: " + what}
}

// timeoutError is a talkError that says, where a limit of the exchange has run out, which one and what had moved by then. What had is
// "" where all was sent, and no answer has begun.
func (c *conn) timeoutError(err error, r *Request, moved string) *Error {
	failure := talkError(err)
	if failure.Class != Timeout || c.silence == 0 {
		return failure
	}
	isWhole := !c.end.IsZero() && !time.Now().Before(c.end)
	switch {
	case moved == "" && isWhole:
		failure.Detail = fmt.Sprintf("no answer in %g s (--request-timeout)", r.Whole.Seconds())
	case moved == "":
		failure.Detail = fmt.Sprintf("no answer in %g s (--timeout)", r.Timeout.Seconds())
	case isWhole:
		failure.Detail = fmt.Sprintf("%s in %g s (--request-timeout)", moved, r.Whole.Seconds())
	default:
		failure.Detail = fmt.Sprintf("nothing moved for %g s (--timeout), after %s", r.Timeout.Seconds(), moved)
	}
	return failure
}

// bytesOf tells how far something has come: of a length that is not known, -1, only the bytes.
func bytesOf(n, length int64, done string) string {
	if length < 0 {
		return fmt.Sprintf("%d bytes %s", n, done)
	}
	return fmt.Sprintf("%d of %d bytes %s", n, length, done)
}
