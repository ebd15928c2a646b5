package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// alone gives the chain nothing but what a test names.
func alone(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// sets are the lines of so many rounds, and how long it would have waited after each.
func sets(t *testing.T, rounds int) ([]line, []time.Duration, error) {
	t.Helper()
	var out strings.Builder
	var waits []time.Duration
	var err error
	func() {
		defer func() { _ = recover() }()
		err = follow(&out, func(wait time.Duration) {
			waits = append(waits, wait)
			if len(waits) == rounds {
				panic("enough")
			}
		})
	}()
	var lines []line
	for decoder := json.NewDecoder(strings.NewReader(out.String())); decoder.More(); {
		var one line
		if err := decoder.Decode(&one); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, one)
	}
	return lines, waits, err
}

func TestEnvironmentNeverEnds(t *testing.T) {
	alone(t, map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token"})
	lines, waits, err := sets(t, 1)
	if err != nil || len(waits) != 0 || len(lines) != 1 || lines[0] != (line{"id", "key", "token", ""}) {
		t.Fatal(lines, waits, err)
	}
}

// A container's role: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func TestContainerRoleIsAskedAgain(t *testing.T) {
	asked := 0
	lives := []time.Duration{time.Hour, 20 * time.Second, 0, time.Hour}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		life := lives[min(asked, len(lives)-1)]
		if r.Header.Get("Authorization") == "token" {
			asked++
		}
		if life == 0 {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `{"code":"AccessDenied","message":"no\nmore"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":"id%d","SecretAccessKey":"key","Token":"t","Expiration":%q}`, asked,
			time.Now().Add(life).UTC().Format(time.RFC3339))
	}))
	defer server.Close()
	alone(t, map[string]string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
	})
	lines, waits, err := sets(t, 4)
	if err != nil || len(lines) != 4 {
		t.Fatal(lines, err)
	}
	if lines[0].AccessKeyID != "id1" || lines[1].AccessKeyID != "id2" || lines[3].AccessKeyID != "id4" {
		t.Fatal(lines)
	}
	if lines[2].AccessKeyID != "" || !strings.Contains(lines[2].Problem, "AccessDenied") || strings.Contains(lines[2].Problem, "\n") {
		t.Fatal(lines[2])
	}
	for i, want := range []time.Duration{time.Hour - ahead, 10 * time.Second, again, time.Hour - ahead} {
		if waits[i] > want || waits[i] < want-2*time.Second {
			t.Fatal(i, waits)
		}
	}
}

func TestProfileOfAProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	alone(t, map[string]string{"AWS_PROFILE": "bench", "AWS_CONFIG_FILE": file})
	set := func(more string) string {
		return `[profile bench]
credential_process = printf '{"Version":1,"AccessKeyId":"id","SecretAccessKey":"secret"` + more + "'\n"
	}
	if err := os.WriteFile(file, []byte(set("}")), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, _, err := sets(t, 1)
	if err != nil || len(lines) != 1 || lines[0].AccessKeyID != "id" {
		t.Fatal(lines, err)
	}
	// What it printed is not told.
	if err := os.WriteFile(file, []byte(set("")), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = sets(t, 1)
	if err == nil || strings.Contains(oneLine(err), "secret") || !strings.Contains(oneLine(err), "parse failed") {
		t.Fatal(err)
	}
}

func TestNothingIsAnError(t *testing.T) {
	alone(t, nil)
	if lines, _, err := sets(t, 1); err == nil || len(lines) != 0 {
		t.Fatal(lines, err)
	}
	alone(t, map[string]string{"AWS_PROFILE": "nope"})
	if _, _, err := sets(t, 1); err == nil || !strings.Contains(oneLine(err), "nope") {
		t.Fatal(err)
	}
}
