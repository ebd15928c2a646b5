// Package output is `k6 run --out s3loadtest=FILE`: every interval it appends a line to the file, to a pipe, or to standard
// output, that holds what happened in it, latencies as histograms, in memory that does not grow with the run.
// lib/result/interval.ts says what a line has. Where k6 is told to judge no thresholds, the output judges them.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
	"go.k6.io/k6/v2/metrics"
	"go.k6.io/k6/v2/output"

	"s3loadtest/extension/shared"
	"s3loadtest/extension/threshold"
	"s3loadtest/extension/usage"
)

func init() {
	output.RegisterExtension("s3loadtest", func(p output.Params) (output.Output, error) { return newOutput(p) })
}

// Output is the one of a run.
type Output struct {
	argument
	logger     logrus.FieldLogger
	stdout     io.Writer
	thresholds map[string]metrics.Thresholds
	// judges is whether thresholds are judged here, and not by k6.
	judges bool
	judge  *threshold.Judge
	abort  func(error)

	file    io.Closer
	stopped chan struct{}
	workers sync.WaitGroup

	// mu guards the collector, the judge, and when samples came last.
	mu        sync.Mutex
	collector *collector
	lastAdded time.Time

	// These are the writing goroutine's until it has ended.
	lines lines
	batch batch
	seq   int64
	// began is when the line that is due began.
	began time.Time
	// failing is whether the last attempt to write failed.
	failing bool
}

var _ interface {
	output.WithThresholds
	output.WithTestRunStop
	output.WithStopWithTestError
} = &Output{}

func newOutput(p output.Params) (*Output, error) {
	a, err := parseArgument(p.ConfigArgument)
	if err != nil {
		return nil, errext.WithExitCodeIfNone(err, exitcodes.InvalidConfig)
	}
	return &Output{
		argument: a,
		logger:   p.Logger,
		stdout:   p.StdOut,
		judges:   p.RuntimeOptions.NoThresholds.Bool,
		stopped:  make(chan struct{}),
	}, nil
}

// Description is shown as the run begins.
func (o *Output) Description() string {
	return fmt.Sprintf("s3loadtest (%s, every %v)", o.argument.file, o.interval)
}

// SetThresholds is called before Start, whether k6 judges them or not.
func (o *Output) SetThresholds(thresholds map[string]metrics.Thresholds) { o.thresholds = thresholds }

// SetTestRunStopCallback is called before Start, with what ends the run.
func (o *Output) SetTestRunStopCallback(abort func(error)) { o.abort = abort }

// Start opens the file, and begins the first line.
func (o *Output) Start() error {
	if err := o.judgeHere(); err != nil {
		return err
	}
	file, err := open(o.argument.file, o.stdout)
	if err != nil {
		return errext.WithExitCodeIfNone(err, exitcodes.InvalidConfig)
	}
	o.begin(file)
	return nil
}

func (o *Output) begin(file io.WriteCloser) {
	o.file, o.lines.to = file, file
	o.collector = newCollector(o.judge)
	o.began = time.Now()
	o.lastAdded = o.began
	o.workers.Go(o.writeLines)
	if o.judge != nil && o.judge.MayAbort() {
		o.workers.Go(o.judgeOnTheWay)
	}
}

// AddMetricSamples is called every 50 ms, whether there are samples or not.
func (o *Output) AddMetricSamples(samples []metrics.SampleContainer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.collector.add(samples)
	o.lastAdded = time.Now()
}

// writeLines writes one at every whole multiple of the interval.
func (o *Output) writeLines() {
	for {
		wait := o.interval - time.Duration(time.Now().UnixNano())%o.interval
		// The clock that timers go by is not the one that tells the time: they may differ a little.
		if wait < o.interval/10 {
			wait += o.interval
		}
		select {
		case <-time.After(wait):
			o.report(o.write(nil))
		case <-o.stopped:
			return
		}
	}
}

// write writes what was counted since the line before. Where it can't, that is kept for the next.
func (o *Output) write(end *intervalEnd) error {
	if err := o.lines.finish(); err != nil {
		return err
	}
	o.mu.Lock()
	now := time.Now()
	o.collector.handOver(&o.batch)
	o.mu.Unlock()

	line := o.batch.line()
	line.Seq, line.T, line.Ms, line.End = o.seq, o.began.UnixMilli(), elapsedMs(o.began, now), end
	used := usage.Now()
	line.Generator.CPUSeconds = float64(used.CPU.Microseconds()) / 1e6
	line.Generator.MemoryBytes, line.Generator.PeakMemoryBytes = used.Memory, used.PeakMemory
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	// Thresholds are full of what HTML would have escaped.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return err
	}
	begun, err := o.lines.write(text.Bytes())
	if begun {
		o.batch.reset()
		o.seq++
		o.began = now
	}
	return err
}

// elapsedMs is the difference of two times in whole milliseconds, or, where the clock was set in between, what has passed.
func elapsedMs(from, to time.Time) int64 {
	shown, passed := to.UnixMilli()-from.UnixMilli(), to.Sub(from).Milliseconds()
	if shown < passed || shown > passed+1 {
		return passed
	}
	return shown
}

// report says once that writing fails, and once that it no longer does.
func (o *Output) report(err error) {
	switch {
	case err != nil && !o.failing:
		o.logger.Errorf("%v: the figures are kept, and written as soon as that works", err)
	case err == nil && o.failing:
		o.logger.Warnf("%s is written again, with all that was kept", o.argument.file)
	}
	o.failing = err != nil
}

// cleanupTime is a little longer than any call that undoes something.
const cleanupTime = 5 * time.Second

// Stop is not called, since k6 has StopWithTestError.
func (o *Output) Stop() error { return o.StopWithTestError(nil) }

// StopWithTestError judges, and writes the last line. Its errors k6 would only log, so ExitCode is told.
func (o *Output) StopWithTestError(ended error) error {
	// The process ends when outputs have stopped. What a VU was doing when the test ended may have to be undone.
	shared.Cleanups.Wait(cleanupTime)
	close(o.stopped)
	o.workers.Wait()
	o.judgeAtTheEnd(ended)
	err := o.write(&intervalEnd{Thresholds: threshold.Results(o.thresholds)})
	if closing := o.file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		o.logger.Errorf("%v: the last figures are lost", err)
		unwritten.Store(true)
	}
	return nil
}
