package binding

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grafana/sobek"
	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/js/common"

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
		text, err := os.ReadFile(taken)
		_ = os.Remove(taken)
		if err == nil {
			r.take(text, logrus.StandardLogger())
		}
	}
}

// latestOf gives credentials that take the place of those that a script has: nil as long as there are none.
func latestOf(path string, logger logrus.FieldLogger) (func() *sigv4.Credentials, error) {
	program, ok := strings.CutPrefix(path, "|")
	if !ok {
		return renewalOf(path).latest, nil
	}
	chain.start.Do(func() {
		chain.found, chain.problem = start(program, logger.WithFields(logrus.Fields{"source": "console"}))
	})
	if chain.problem != nil {
		return nil, chain.problem
	}
	return chain.found.latest, nil
}

// chain is the program that finds this machine's own credentials, tools/credentials: one for all VUs.
var chain struct {
	start   sync.Once
	found   *renewal
	problem error
}

// firstWithin is longer than the program waits for an answer.
const firstWithin = 30 * time.Second

// start waits for the first set. The program ends with this process, at the end of its input.
func start(path string, logger logrus.FieldLogger) (*renewal, error) {
	program := exec.Command(path)
	var said bytes.Buffer
	program.Stderr = &said
	if _, err := program.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := program.Start(); err != nil {
		return nil, err
	}
	r, lines := &renewal{}, bufio.NewScanner(out)
	first := make(chan bool, 1)
	go func() {
		for lines.Scan() {
			r.take(lines.Bytes(), logger)
			if len(first) == 0 && r.latest() != nil {
				first <- true
			}
		}
		_ = program.Wait()
		if r.latest() == nil {
			first <- false
		} else {
			logger.Warn("credentials are renewed no more: the program that finds them has ended")
		}
	}()
	select {
	case ok := <-first:
		if ok {
			return r, nil
		}
		return nil, fmt.Errorf("AWS's provider chain gives no credentials on this machine (%s): "+
			"`aws sts get-caller-identity` there shows what AWS's own tools find", strings.TrimSpace(said.String()))
	case <-time.After(firstWithin):
		return nil, fmt.Errorf("AWS's provider chain gives no credentials on this machine in %v", firstWithin)
	}
}

// take a line of the program's.
func (r *renewal) take(text []byte, logger logrus.FieldLogger) {
	var line struct{ AccessKeyID, SecretAccessKey, SessionToken, Problem string }
	if json.Unmarshal(text, &line) != nil {
		return
	}
	if line.Problem != "" {
		logger.Warn("credentials could not be renewed: " + line.Problem)
		return
	}
	r.set.Store(&sigv4.Credentials{
		AccessKeyID: line.AccessKeyID, SecretAccessKey: line.SecretAccessKey, SessionToken: line.SessionToken,
	})
}

// credentials gives what a file or a program has to the backends in JavaScript: Credentials of lib/s3/sign.ts, undefined for none yet.
func (i *instance) credentials(path string) sobek.Value {
	latest, err := latestOf(path, i.vu.State().Logger)
	if err != nil {
		common.Throw(i.vu.Runtime(), err)
	}
	set := latest()
	if set == nil {
		return sobek.Undefined()
	}
	return i.vu.Runtime().ToValue(map[string]string{
		"accessKeyId": set.AccessKeyID, "secretAccessKey": set.SecretAccessKey, "sessionToken": set.SessionToken,
	})
}
