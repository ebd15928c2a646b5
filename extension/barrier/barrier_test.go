package barrier

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	part := path + ".part"
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, path); err != nil {
		t.Fatal(err)
	}
}

func TestBeginsAtTheInstant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "start")
	at := time.Now().Add(300 * time.Millisecond).Truncate(time.Millisecond)
	timer := time.AfterFunc(50*time.Millisecond, func() { write(t, path, fmt.Sprintf("%d\n", at.UnixMilli())) })
	defer timer.Stop()
	if err := Wait(context.Background(), path, time.Minute); err != nil {
		t.Fatal(err)
	}
	// Early is never right; late is what the machine has to do besides.
	if off := time.Since(at); off < 0 || off > 200*time.Millisecond {
		t.Errorf("began %v after the instant", off)
	}
}

func TestAnInstantThatIsOverIsNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "start")
	write(t, path, fmt.Sprint(time.Now().Add(-time.Hour).UnixMilli()))
	begun := time.Now()
	if err := Wait(context.Background(), path, time.Minute); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestGivesUp(t *testing.T) {
	err := Wait(context.Background(), filepath.Join(t.TempDir(), "start"), 60*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "nobody said when to begin") {
		t.Errorf("got %v", err)
	}
}

func TestEndsWithTheRun(t *testing.T) {
	for name, text := range map[string]string{
		"while the file is not there": "",
		"while it sleeps":             fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "start")
			if text != "" {
				write(t, path, text)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			if err := Wait(ctx, path, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatIsNoInstantIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "start")
	write(t, path, "soon")
	if err := Wait(context.Background(), path, time.Minute); err == nil || !strings.Contains(err.Error(), `"soon"`) {
		t.Errorf("got %v", err)
	}
	if err := Wait(context.Background(), t.TempDir(), time.Minute); err == nil {
		t.Error("a folder was taken for an instant")
	}
}
