package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// What stands for the hash of a body that is sent in chunks with a trailer, unsigned and signed.
const (
	UnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	SignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
)

// emptyHash is the SHA-256 of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Chain signs the chunks of a body, each with the signature before it; that of the request is before the first:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
type Chain struct {
	mac hash.Hash
	// middle is of each string to sign: its second and third line.
	middle   string
	previous string
}

// Chunk signs the next chunk.
func (c *Chain) Chunk(data []byte) (signature string) {
	return c.sign("AWS4-HMAC-SHA256-PAYLOAD", emptyHash+"\n"+HashHex(data))
}

// Trailer signs the trailing header, which comes after the last chunk.
func (c *Chain) Trailer(name, value string) (signature string) {
	return c.sign("AWS4-HMAC-SHA256-TRAILER", HashHex([]byte(name+":"+value+"\n")))
}

func (c *Chain) sign(what, hashes string) string {
	c.mac.Reset()
	c.mac.Write([]byte(what + "\n" + c.middle + c.previous + "\n" + hashes))
	c.previous = hex.EncodeToString(c.mac.Sum(nil))
	return c.previous
}

// AppendChained does what Append does for a body in signed chunks, and gives what signs them.
func (s *Signer) AppendChained(dst []byte, method string, path []byte, query string, more []Header) ([]byte, *Chain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dst = s.append(dst, method, path, query, more, SignedTrailer)
	return dst, &Chain{
		mac:      hmac.New(sha256.New, s.key),
		middle:   s.date + "\n" + s.scope + "\n",
		previous: string(s.text[:]),
	}
}
