package chunked

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"s3loadtest/extension/content"
	"s3loadtest/extension/sigv4"
)

var crc32c = Trailer{"x-amz-checksum-crc32c", func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }}

// read takes the body in pieces of a size.
func read(b *Body, piece int) []byte {
	var all []byte
	p := make([]byte, piece)
	for {
		n := b.Read(p)
		all = append(all, p[:n]...)
		if n < piece {
			return all
		}
	}
}

// decode reads chunks as the specification has them, by the standard library only.
func decode(t *testing.T, sent []byte) (data []byte, sizes []int64, trailer string) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(sent))
	line := func() string {
		text, err := r.ReadString('\n')
		if err != nil || !strings.HasSuffix(text, "\r\n") {
			t.Fatalf("%q is no line: %v", text, err)
		}
		return strings.TrimSuffix(text, "\r\n")
	}
	for {
		size, err := strconv.ParseInt(line(), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		if size == 0 {
			break
		}
		sizes = append(sizes, size)
		chunk := make([]byte, size)
		if _, err := io.ReadFull(r, chunk); err != nil {
			t.Fatal(err)
		}
		data = append(data, chunk...)
		if rest := line(); rest != "" {
			t.Fatalf("%q follows a chunk", rest)
		}
	}
	trailer = line()
	if rest, _ := io.ReadAll(r); string(rest) != "\r\n" {
		t.Fatalf("%q is at the end", rest)
	}
	return data, sizes, trailer
}

func TestUnsigned(t *testing.T) {
	for _, bytes := range []int64{0, 1, 4095, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3*chunkBytes + 17} {
		for _, piece := range []int{1, 7, 32 << 10, 1 << 20} {
			want := make([]byte, bytes)
			of := content.Generated("key", 5, bytes)
			of.ReadAt(want, 0)
			body := New(of, crc32c, nil)
			sent := read(body, piece)
			if int64(len(sent)) != body.Len() {
				t.Fatalf("%d bytes: %d were sent, and %d announced", bytes, len(sent), body.Len())
			}
			data, sizes, trailer := decode(t, sent)
			if string(data) != string(want) {
				t.Fatalf("%d bytes, %d at once: others came", bytes, piece)
			}
			for i, size := range sizes {
				if size != chunkBytes && i < len(sizes)-1 {
					t.Errorf("%d bytes: chunk %d is of %d", bytes, i, size)
				}
			}
			sum := crc32.Checksum(want, crc32.MakeTable(crc32.Castagnoli))
			big := []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
			if name := "x-amz-checksum-crc32c:" + base64.StdEncoding.EncodeToString(big); trailer != name {
				t.Errorf("%d bytes: the trailer is %q, not %q", bytes, trailer, name)
			}
		}
	}
}

// The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func TestSignedExample(t *testing.T) {
	of := content.Given(bytes.Repeat([]byte("a"), 65*1024))
	signer := sigv4.NewSigner(
		sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		"us-east-1", "s3.amazonaws.com", func() time.Time { return time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC) },
	)
	headers := []sigv4.Header{
		{Name: "content-encoding", Value: "aws-chunked"},
		{Name: "x-amz-decoded-content-length", Value: "66560"},
		{Name: "x-amz-storage-class", Value: "REDUCED_REDUNDANCY"},
		{Name: "x-amz-trailer", Value: "x-amz-checksum-crc32c"},
	}
	head, chain := signer.AppendChained(nil, "PUT", []byte("/examplebucket/chunkObject.txt"), "", headers)
	if seed := "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"; !strings.Contains(string(head), "Signature="+seed) {
		t.Fatalf("not signed by %s: %s", seed, head)
	}
	body := New(of, crc32c, chain)
	sent := read(body, 1000)
	body.Release()
	want := "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
		strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" +
		strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
		"x-amz-checksum-crc32c:sOO8/Q==\r\n" +
		"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
	if string(sent) != want {
		t.Errorf("%q was sent", bytes.ReplaceAll(sent, []byte(strings.Repeat("a", 1024)), []byte("a…")))
	}
	if body.Len() != int64(len(want)) {
		t.Errorf("%d bytes were announced, not %d", body.Len(), len(want))
	}
}
