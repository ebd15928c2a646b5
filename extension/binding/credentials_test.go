package binding

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// finder is a program in place of tools/credentials.
func finder(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "finder")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestFinderOfCredentials(t *testing.T) {
	logger, logged := logtest.NewNullLogger()
	next := filepath.Join(t.TempDir(), "next")
	found, err := start(finder(t, `echo '{"accessKeyId":"one","secretAccessKey":"s1"}'
while [ ! -e `+next+` ]; do sleep 0.01; done
echo '{"problem":"no more for now"}'
echo '{"accessKeyId":"two","secretAccessKey":"s2","sessionToken":"t2"}'`), logger)
	if err != nil || found.latest().AccessKeyID != "one" {
		t.Fatal(found, err)
	}
	if err := os.WriteFile(next, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the second set", func() bool { return found.latest().SessionToken == "t2" })
	waitFor(t, "its end", func() bool { return len(logged.AllEntries()) == 2 })
	for i, want := range []string{"could not be renewed: no more for now", "has ended"} {
		if entry := logged.AllEntries()[i]; entry.Level != logrus.WarnLevel || !strings.Contains(entry.Message, want) {
			t.Fatal(entry.Message)
		}
	}
}

func TestFinderThatFindsNone(t *testing.T) {
	logger, logged := logtest.NewNullLogger()
	_, err := start(finder(t, "echo 'no role here' >&2; exit 1"), logger)
	if err == nil || !strings.Contains(err.Error(), "gives no credentials on this machine (no role here): `aws sts") {
		t.Fatal(err)
	}
	if _, err = start("/nowhere/finder", logger); err == nil {
		t.Fatal("a program that is not there")
	}
	if len(logged.AllEntries()) > 0 {
		t.Fatal(logged.AllEntries())
	}
}

func TestFileIsTakenAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	r := renewalOf(path)
	for _, id := range []string{"one", "two"} {
		text := `{"accessKeyId":"` + id + `","secretAccessKey":"s"}`
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		waitFor(t, id, func() bool { set := r.latest(); return set != nil && set.AccessKeyID == id })
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) > 0 {
			t.Fatal(left, err)
		}
	}
}
