package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

// answeringAt lets in at these addresses only, and notes where it was asked to connect to.
type answeringAt struct {
	live  []string
	asked []string
}

func (d *answeringAt) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	d.asked = append(d.asked, address)
	switch {
	case slices.Contains(d.live, address):
		client, server := net.Pipe()
		return client, server.Close()
	case address == "10.0.0.9:80":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, errors.New("connection refused")
}

func namesOf(found ...string) *Names {
	n := NewNames()
	n.lookup = func(context.Context, string) ([]string, error) {
		if len(found) == 0 {
			return nil, errors.New("no such host")
		}
		return found, nil
	}
	return n
}

func TestAddressesInTurn(t *testing.T) {
	d := &answeringAt{live: []string{"10.0.0.1:80", "10.0.0.2:80", "[::1]:80"}}
	n := namesOf("10.0.0.1", "10.0.0.2", "::1")
	for range 6 {
		if _, err := n.dial(t.Context(), d, "s3.example:80"); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range d.live {
		if count := len(slices.DeleteFunc(slices.Clone(d.asked), func(a string) bool { return a != address })); count != 2 {
			t.Errorf("%s has %d of %v", address, count, d.asked)
		}
	}
}

func TestAddressThatRefuses(t *testing.T) {
	d := &answeringAt{live: []string{"[::1]:80"}}
	n := namesOf("127.0.0.1", "::1")
	for range 4 {
		if _, err := n.dial(t.Context(), d, "localhost:80"); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.asked) > 5 {
		t.Errorf("what refused is asked again and again: %v", d.asked)
	}
	d.live = nil
	if _, err := n.dial(t.Context(), d, "localhost:80"); err == nil {
		t.Error("nothing lets in, and that is no error")
	}
	d.live = []string{"127.0.0.1:80"}
	if _, err := n.dial(t.Context(), d, "localhost:80"); err != nil {
		t.Errorf("what failed once is not tried where no other answers: %v", err)
	}
}

func TestAddressThatHangs(t *testing.T) {
	d := &answeringAt{live: []string{"10.0.0.1:80"}}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	n := namesOf("10.0.0.1", "10.0.0.9")
	for range 2 {
		if _, err := n.dial(ctx, d, "s3.example:80"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesAreLookedUpAgain(t *testing.T) {
	d := &answeringAt{live: []string{"10.0.0.1:80", "10.0.0.2:80"}}
	lookups := 0
	n := NewNames()
	n.lookup = func(context.Context, string) ([]string, error) {
		lookups++
		return []string{fmt.Sprintf("10.0.0.%d", lookups)}, nil
	}
	for range 2 {
		_, _ = n.dial(t.Context(), d, "s3.example:80")
	}
	n.known["s3.example"].asked = time.Now().Add(-namesLast - time.Second)
	_, _ = n.dial(t.Context(), d, "s3.example:80")
	if want := []string{"10.0.0.1:80", "10.0.0.1:80", "10.0.0.2:80"}; !slices.Equal(d.asked, want) {
		t.Errorf("%v", d.asked)
	}
}

func TestWhatIsNoName(t *testing.T) {
	d := &answeringAt{live: []string{"10.0.0.1:80"}}
	if _, err := namesOf().dial(t.Context(), d, "10.0.0.1:80"); err != nil {
		t.Error(err)
	}
	if _, err := namesOf().dial(t.Context(), d, "s3.example:80"); err == nil || d.asked[1] != "s3.example:80" {
		t.Errorf("a name that is not found is not the dialer's: %v", d.asked)
	}
}
