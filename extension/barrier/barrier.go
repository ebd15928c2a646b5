// Package barrier lets k6 processes on many machines begin their load at one instant: each says that it is ready, waits for a
// file that tells it when, and sleeps until then.
package barrier

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// look is how often the file is looked for. Whoever writes it leaves more time than that.
const look = 20 * time.Millisecond

// Wait returns at the instant that stands in the file, milliseconds since 1970 by this machine's clock, or at once when that
// is over. The file need not be there yet, and must come to be there whole. It gives up after the limit, or when the context ends.
func Wait(ctx context.Context, path string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		at, err := read(path)
		if err == nil {
			return sleep(ctx, time.Until(at))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nobody said when to begin: %s did not come within %v", path, limit)
		}
		if err := sleep(ctx, look); err != nil {
			return err
		}
	}
}

func read(path string) (time.Time, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	ms, err := strconv.ParseInt(strings.TrimSpace(string(bytes)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s has %q in it, which is no time in milliseconds", path, bytes)
	}
	return time.UnixMilli(ms), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
