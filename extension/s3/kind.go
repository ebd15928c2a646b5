package s3

import "math"

// kind of a call: what does not change from one to the next.
type kind struct {
	op, method string
	// counted: a success is an operation of its own; a failure always is.
	counted bool
	// Which way payload goes, if any does.
	sent, received bool
	// What of a success's answer is handed on.
	body, headers bool
}

var (
	getObject      = kind{op: "GET", method: "GET", counted: true, received: true}
	readObject     = kind{op: "GET", method: "GET", counted: true, received: true, body: true}
	putObject      = kind{op: "PUT", method: "PUT", counted: true, sent: true}
	headObject     = kind{op: "HEAD", method: "HEAD", counted: true, headers: true}
	deleteObject   = kind{op: "DELETE", method: "DELETE", counted: true}
	deleteObjects  = kind{op: "DELETE_OBJECTS", method: "POST", counted: true, body: true}
	list           = kind{op: "LIST", method: "GET", counted: true, body: true}
	createUpload   = kind{op: "CREATE_MULTIPART", method: "POST", body: true}
	uploadPart     = kind{op: "UPLOAD_PART", method: "PUT", sent: true, headers: true}
	completeUpload = kind{op: "COMPLETE_MULTIPART", method: "POST", body: true}
	abortUpload    = kind{op: "ABORT_MULTIPART", method: "DELETE"}
	headBucket     = kind{op: "HEAD_BUCKET", method: "HEAD", counted: true}
	createBucket   = kind{op: "CREATE_BUCKET", method: "PUT", counted: true}
)

// errorBytes is as much of an error's body as is looked at.
const errorBytes = 64 << 10

func (k *kind) keep(status int) int64 {
	switch {
	case !isSuccess(status):
		return errorBytes
	case k.body:
		return math.MaxInt64
	default:
		return 0
	}
}

func (k *kind) wantsHeaders(status int) bool { return k.headers || !isSuccess(status) }

func isSuccess(status int) bool { return status >= 200 && status < 300 }
