package output

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
	"go.k6.io/k6/v2/metrics"

	"s3loadtest/extension/measure"
	"s3loadtest/extension/threshold"
)

// judging is how often thresholds that may end a run are judged, as by k6.
const judging = 2 * time.Second

var registered atomic.Pointer[metrics.Registry]

// KnowMetrics tells of a run's registry, which has the metrics that its script made: k6 shows it to modules alone.
func KnowMetrics(registry *metrics.Registry) { registered.Store(registry) }

// knownMetrics are a run's, all of them where its script loads the extension, else those that are there in any case.
func knownMetrics() (registry *metrics.Registry, complete bool) {
	if registry := registered.Load(); registry != nil {
		return registry, true
	}
	registry = metrics.NewRegistry()
	metrics.RegisterBuiltinMetrics(registry)
	measure.Register(registry)
	return registry, false
}

// judgeHere makes the judge of thresholds, where k6 judges none.
func (o *Output) judgeHere() error {
	if !o.judges {
		return nil
	}
	registry, complete := knownMetrics()
	judge, err := threshold.NewJudge(o.thresholds, registry)
	if err != nil && !complete {
		err = fmt.Errorf("%w (metrics of a script's own are known where it loads k6/x/s3loadtest)", err)
	}
	o.judge = judge
	return err
}

// judgeOnTheWay ends the run when a threshold is crossed that is to.
func (o *Output) judgeOnTheWay() {
	ticker := time.NewTicker(judging)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			o.mu.Lock()
			names, abort := o.judge.Now(o.elapsed(time.Now()))
			o.mu.Unlock()
			if !abort {
				continue
			}
			err := fmt.Errorf("thresholds on metrics '%s' were crossed; at least one has abortOnFail enabled, stopping test prematurely",
				strings.Join(names, ", "))
			o.abort(errext.WithAbortReasonIfNone(
				errext.WithExitCodeIfNone(err, exitcodes.ThresholdsHaveFailed), errext.AbortedByThreshold))
			return
		case <-o.stopped:
			return
		}
	}
}

// judgeAtTheEnd says, in k6's words, what was crossed, and tells ExitCode.
func (o *Output) judgeAtTheEnd(ended error) {
	if o.judge == nil {
		return
	}
	names := o.judge.Finally(o.elapsed(o.lastAdded))
	// What ended the run before its time is said by k6, and has an exit code of its own.
	if len(names) > 0 && ended == nil {
		o.logger.Errorf("thresholds on metrics '%s' have been crossed", strings.Join(names, ", "))
		crossed.Store(true)
	}
}

// elapsed is how long the test has run.
func (o *Output) elapsed(now time.Time) time.Duration {
	if o.collector.began.IsZero() {
		return 0
	}
	return now.Sub(o.collector.began)
}
