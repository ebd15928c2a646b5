// Credentials of the machine that it runs on, as AWS's own tools find them: the environment, profiles and their programs, web
// identity, container and instance roles. It writes a line of JSON for each set, and asks for another before one ends, until its
// standard input does. A program of its own: in k6 AWS's SDK would take 5 MB of every run's memory.
//
// {"accessKeyId": …, "secretAccessKey": …, "sessionToken": …}, or, when a set could not be renewed, {"problem": …}. Where there
// is none at the start it says why on standard error, in one line, and ends with 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

const (
	// patience is for one answer: an instance's metadata that is not there takes some seconds to be known as that.
	patience = 20 * time.Second
	// ahead is how long before credentials end others are asked for, and again how long after an attempt that failed.
	ahead = 5 * time.Minute
	again = 30 * time.Second
)

// line is what k6 reads: extension/binding/credentials.go.
type line struct {
	AccessKeyID     string `json:"accessKeyId,omitempty"`
	SecretAccessKey string `json:"secretAccessKey,omitempty"`
	SessionToken    string `json:"sessionToken,omitempty"`
	Problem         string `json:"problem,omitempty"`
}

func main() {
	// Signals to a group are for k6, whose end is the end of our input.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := follow(os.Stdout, time.Sleep); err != nil {
		fmt.Fprintln(os.Stderr, oneLine(err))
		os.Exit(1)
	}
	select {} // they never end
}

// follow writes sets until there is one that does not end. The error is that there is none at all, or that nobody reads them.
func follow(to io.Writer, sleep func(time.Duration)) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Sets of roles are said to end 5 minutes early, as if nobody else looked ahead.
	whole := func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 0 }
	loaded, err := config.LoadDefaultConfig(ctx, config.WithCredentialsCacheOptions(whole))
	if err != nil {
		return err
	}
	out := json.NewEncoder(to)
	for first := true; ; first = false {
		set, err := next(loaded.Credentials)
		wait := again
		switch {
		case err != nil && first:
			return err
		case err != nil:
			err = out.Encode(line{Problem: oneLine(err)})
		default:
			err = out.Encode(line{
				AccessKeyID: set.AccessKeyID, SecretAccessKey: set.SecretAccessKey, SessionToken: set.SessionToken,
			})
			wait = due(time.Until(set.Expires))
		}
		if err != nil {
			return err
		}
		if set.AccessKeyID != "" && !set.CanExpire {
			return nil
		}
		sleep(wait)
	}
}

func next(provider aws.CredentialsProvider) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// It keeps a set until the very end of it.
	if cache, ok := provider.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
	return provider.Retrieve(ctx)
}

// due is when to ask again, of the time that is left. Half of it where it is little: chains give the same set until it is
// nearly over.
func due(left time.Duration) time.Duration { return max(time.Second, left/2, left-ahead) }

// output is what a program of a profile printed, which the SDK quotes where it can't read it: credentials may be in it.
var output = regexp.MustCompile(`(?s)process output: .*, error:`)

func oneLine(err error) string {
	return strings.Join(strings.Fields(output.ReplaceAllString(err.Error(), "process output, error:")), " ")
}
