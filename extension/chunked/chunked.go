// Package chunked sends a body in chunks with a checksum behind it, as AWS's SDKs do (aws-chunked):
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
package chunked

import (
	"encoding/base64"
	"hash"
	"strconv"
	"sync"

	"s3loadtest/extension/content"
)

// chunkBytes is what AWS advises at least, and what its SDK for Go sends. Stores may refuse less than 8 KiB.
const chunkBytes = 64 << 10

// Signer signs chunks in their order, and what trails them: a sigv4.Chain.
type Signer interface {
	Chunk(data []byte) (signature string)
	Trailer(name, value string) (signature string)
}

// Trailer is the checksum that is sent behind a body.
type Trailer struct {
	// Name is the header's, in lower case.
	Name string
	New  func() hash.Hash
}

// Body is content in chunks, made, hashed and signed as it is read: once, and in order.
type Body struct {
	of      content.Body
	trailer Trailer
	sum     hash.Hash
	// signer is nil of unsigned chunks.
	signer Signer
	length int64
	// at is where the content goes on, and left how much of it the chunk has to come.
	at, left int64
	// ready goes out before anything else: what stands between the content, and chunks that are signed.
	ready []byte
	// between holds what stands there, and whole a chunk that is signed: the signature stands before it.
	between [256]byte
	whole   *[wholeBytes]byte
	ended   bool
}

// New is content in chunks, signed where a signer is given.
func New(of content.Body, trailer Trailer, signer Signer) *Body {
	b := &Body{of: of, trailer: trailer, sum: trailer.New(), signer: signer}
	b.length = b.lengthOf(of.Len())
	return b
}

// What a signature takes behind the length of a chunk, and as the last line of a trailer.
const (
	beforeSignature        = ";chunk-signature="
	beforeTrailerSignature = "x-amz-trailer-signature:"
	signatureBytes         = 64
	lineEnd                = int64(len("\r\n"))
	wholeBytes             = chunkBytes + 128
)

// lengthOf content of so many bytes in chunks, with all that stands between them.
func (b *Body) lengthOf(bytes int64) int64 {
	signature := int64(0)
	if b.signer != nil {
		signature = int64(len(beforeSignature) + signatureBytes)
	}
	before := func(size int64) int64 {
		return int64(len(strconv.FormatInt(size, 16))) + signature + lineEnd
	}
	length := bytes + bytes/chunkBytes*(before(chunkBytes)+lineEnd) + before(0)
	if last := bytes % chunkBytes; last > 0 {
		length += before(last) + lineEnd
	}
	length += int64(len(b.trailer.Name)+len(":")+base64.StdEncoding.EncodedLen(b.sum.Size())) + lineEnd
	if b.signer != nil {
		length += int64(len(beforeTrailerSignature)+signatureBytes) + lineEnd
	}
	return length + lineEnd
}

// Len is in bytes, with all that stands between the content.
func (b *Body) Len() int64 { return b.length }

// Read fills p with what comes next, and returns how much that was: less than p holds at the end only.
func (b *Body) Read(p []byte) (n int) {
	for n < len(p) {
		switch {
		case len(b.ready) > 0:
			took := copy(p[n:], b.ready)
			b.ready = b.ready[took:]
			n += took
		case b.left > 0:
			took := b.take(p[n:min(int64(len(p)), int64(n)+b.left)])
			b.left -= int64(took)
			n += took
		case b.ended:
			return n
		default:
			b.goOn()
		}
	}
	return n
}

// Release gives back what it was made in. It is not to be read any more.
func (b *Body) Release() {
	if b.whole != nil {
		chunks.Put(b.whole)
		b.whole = nil
	}
}

var chunks = sync.Pool{New: func() any { return new([wholeBytes]byte) }}

// take makes as much of the content as p holds.
func (b *Body) take(p []byte) int {
	n := b.of.ReadAt(p, b.at)
	_, _ = b.sum.Write(p[:n])
	b.at += int64(n)
	return n
}

// goOn makes ready what comes next: what stands before a chunk, with a signed chunk itself, or the end.
func (b *Body) goOn() {
	between := b.between[:0]
	if b.at > 0 {
		between = append(between, "\r\n"...)
	}
	size := min(b.of.Len()-b.at, chunkBytes)
	between = strconv.AppendInt(between, size, 16)
	switch {
	case size == 0:
		b.ready = b.appendEnd(between)
		b.ended = true
	case b.signer == nil:
		b.ready = append(between, "\r\n"...)
		b.left = size
	default:
		b.ready = b.signed(append(between, beforeSignature...), int(size))
	}
}

// signed is a chunk with what stands before it, the signature excepted.
func (b *Body) signed(before []byte, size int) []byte {
	if b.whole == nil {
		b.whole = chunks.Get().(*[wholeBytes]byte)
	}
	begins := len(before) + signatureBytes + len("\r\n")
	whole := b.whole[:begins+size]
	b.take(whole[begins:])
	before = append(append(before, b.signer.Chunk(whole[begins:])...), "\r\n"...)
	copy(whole, before)
	return whole
}

// appendEnd makes the last chunk, which is empty, and the trailer.
func (b *Body) appendEnd(p []byte) []byte {
	sum := base64.StdEncoding.EncodeToString(b.sum.Sum(nil))
	if b.signer != nil {
		p = append(append(p, beforeSignature...), b.signer.Chunk(nil)...)
	}
	p = append(append(p, "\r\n"...), b.trailer.Name...)
	p = append(append(append(p, ':'), sum...), "\r\n"...)
	if b.signer != nil {
		p = append(append(p, beforeTrailerSignature...), b.signer.Trailer(b.trailer.Name, sum)...)
		p = append(p, "\r\n"...)
	}
	return append(p, "\r\n"...)
}
