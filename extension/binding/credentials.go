package binding

import (
	"encoding/json"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grafana/sobek"

	"s3loadtest/extension/sigv4"
)

// renewal takes files that the CLI puts new credentials into before the old ones end: runners/run/credentials.ts. None of
// them is there longer than it takes to see it.
type renewal struct {
	set atomic.Pointer[sigv4.Credentials]
}

var (
	renewals  = map[string]*renewal{}
	renewalMu sync.Mutex
)

const lookEvery = time.Second

// renewalOf a path is one for all VUs; it is followed as long as the process runs.
func renewalOf(path string) *renewal {
	renewalMu.Lock()
	defer renewalMu.Unlock()
	known, found := renewals[path]
	if !found {
		known = &renewal{}
		renewals[path] = known
		go known.follow(path)
	}
	return known
}

func (r *renewal) latest() *sigv4.Credentials { return r.set.Load() }

func (r *renewal) follow(path string) {
	// Renamed first: one that is put there meanwhile is not removed unread.
	taken := path + ".taken"
	for ; ; time.Sleep(lookEvery) {
		if os.Rename(path, taken) != nil {
			continue
		}
		var file struct{ AccessKeyID, SecretAccessKey, SessionToken string }
		text, err := os.ReadFile(taken)
		_ = os.Remove(taken)
		if err != nil || json.Unmarshal(text, &file) != nil {
			continue
		}
		r.set.Store(&sigv4.Credentials{
			AccessKeyID: file.AccessKeyID, SecretAccessKey: file.SecretAccessKey, SessionToken: file.SessionToken,
		})
	}
}

// credentials gives what a file has to the backends in JavaScript: Credentials of lib/s3/sign.ts, undefined for none yet.
func (i *instance) credentials(path string) sobek.Value {
	set := renewalOf(path).latest()
	if set == nil {
		return sobek.Undefined()
	}
	return i.vu.Runtime().ToValue(map[string]string{
		"accessKeyId": set.AccessKeyID, "secretAccessKey": set.SecretAccessKey, "sessionToken": set.SessionToken,
	})
}
