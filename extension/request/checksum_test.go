package request

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"strings"
	"testing"

	"s3loadtest/extension/content"
	"s3loadtest/extension/wire"
)

// Check values of https://reveng.sourceforge.io/crc-catalogue/, and of the hashes' own specifications, all of "123456789".
func TestChecksums(t *testing.T) {
	for algorithm, want := range map[string]string{
		"crc32":     "cbf43926",
		"crc32c":    "e3069283",
		"crc64nvme": "ae8b14860a799888",
		"md5":       "25f9e794323b453885f5181f1b624d0b",
		"sha1":      "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		"sha256":    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	} {
		header := checksumHeader(algorithm, content.Given([]byte("123456789")))
		got, err := base64.StdEncoding.DecodeString(header.Value)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %s is %x, not %s", algorithm, header.Name, got, want)
		}
	}
}

func TestCRC64NVMEInPieces(t *testing.T) {
	data := make([]byte, 10_000)
	content.Generated("key", 3, int64(len(data))).ReadAt(data, 0)
	for _, piece := range []int{1, 7, 15, 16, 17, 31, 4096, len(data)} {
		crc, want := newCRC64NVME(), crc64.New(crc64.MakeTable(nvme))
		for rest := data; len(rest) > 0; {
			n := min(piece, len(rest))
			_, _ = crc.Write(rest[:n])
			_, _ = want.Write(rest[:n])
			rest = rest[n:]
		}
		if got, want := crc.Sum(nil), want.Sum(nil); string(got) != string(want) {
			t.Errorf("pieces of %d: %x, not %x", piece, got, want)
		}
	}
}

// sender keeps what is sent, and answers that it is busy, but for the last time.
type sender struct {
	heads, bodies []string
	statuses      []int
}

func (s *sender) Exchange(_ context.Context, r *wire.Request, _ func(int) bool) (wire.Answer, wire.Times, *wire.Error) {
	body := make([]byte, r.Len())
	if n := r.Read(body, 0); n < len(body) || r.Read(make([]byte, 1), int64(n)) > 0 {
		body = nil
	}
	s.heads, s.bodies = append(s.heads, string(r.Head)), append(s.bodies, string(body))
	return wire.Answer{Status: s.statuses[len(s.heads)-1]}, wire.Times{}, nil
}

func TestTrailingChecksum(t *testing.T) {
	const bytes = 200_000
	for _, hashed := range []bool{false, true} {
		sent := &sender{statuses: []int{503, 200}}
		client := New(Options{Endpoints: []string{"http://127.0.0.1:9"}, Bucket: "b", Attempts: 2, RetryDelay: 1}, sent, noRecorder{})
		command := NewCommand(Row{
			Op: "PUT", Method: "PUT", On: "object", Body: "payload", Answer: AnswerRow{Kind: "none"}, Checksum: "crc32c", Trailing: true,
			Hashed: hashed, Headers: map[string]string{"content-encoding": "gzip"},
		})
		by := Caller{Context: context.Background()}
		outcome := client.Do(by, command, &Call{Key: "k", Body: content.Generated("k", 0, bytes)})
		if outcome.Failure != nil || outcome.Bytes != bytes {
			t.Errorf("%d bytes, and %v", outcome.Bytes, outcome.Failure)
		}
		header := checksumHeader("crc32c", content.Generated("k", 0, bytes))
		for i, body := range sent.bodies {
			if !strings.Contains(body, "\r\n"+header.Name+":"+header.Value+"\r\n") {
				t.Errorf("attempt %d: no %s %s in %d bytes", i, header.Name, header.Value, len(body))
			}
			if strings.Contains(body, "chunk-signature") != hashed {
				t.Errorf("attempt %d: not as signed as it should be", i)
			}
			for _, line := range []string{
				"content-encoding: aws-chunked,gzip\r\n", "x-amz-trailer: x-amz-checksum-crc32c\r\n",
				fmt.Sprintf("x-amz-decoded-content-length: %d\r\n", bytes), fmt.Sprintf("content-length: %d\r\n", len(body)),
			} {
				if strings.Count(sent.heads[i], line) != 1 {
					t.Errorf("attempt %d has not %q: %s", i, line, sent.heads[i])
				}
			}
		}
		if len(sent.bodies) != 2 || (sent.bodies[0] == sent.bodies[1]) == (hashed && sent.heads[0] != sent.heads[1]) {
			t.Errorf("%d attempts, with bodies that are not those of their heads", len(sent.bodies))
		}
	}
}
