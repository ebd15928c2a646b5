package output

import (
	"fmt"
	"regexp"
	"time"
)

const (
	defaultInterval = time.Second
	// k6 hands samples over every 50 ms; less than twice that tells of its rhythm, not of the load's.
	leastInterval = 100 * time.Millisecond
	mostInterval  = time.Hour

	syntax = "give s3loadtest=FILE, or - for standard output, or s3loadtest=FILE,interval=1s"
)

// argument is what stands behind `--out s3loadtest=`.
type argument struct {
	// file is a path, or - for standard output, or fd: and the number of a file that is open.
	file     string
	interval time.Duration
}

// option is what ends an argument; a comma that begins none is the file's.
var option = regexp.MustCompile(`^(.*),([A-Za-z]+)=([^,/]*)$`)

func parseArgument(text string) (argument, error) {
	a := argument{file: text, interval: defaultInterval}
	match := option.FindStringSubmatch(text)
	if match != nil {
		a.file = match[1]
	}
	switch {
	case a.file == "":
		return a, fmt.Errorf("--out s3loadtest=%s names no file: %s", text, syntax)
	case match == nil:
		return a, nil
	case match[2] != "interval":
		return a, fmt.Errorf("--out s3loadtest=%s has an option %q: %s", text, match[2], syntax)
	}
	interval, err := time.ParseDuration(match[3])
	if err != nil || interval < leastInterval || interval > mostInterval {
		return a, fmt.Errorf("--out s3loadtest=%s has the interval %q: give a time of 100ms to 1h, such as 1s", text, match[3])
	}
	a.interval = interval
	return a, nil
}
