// Package body has what requests carry: bytes that were given, or content that is made while it is sent.
package content

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"

	"s3loadtest/extension/generated"
)

// Body is of a known length, and can be read anywhere and any number of times: a second attempt sends the same. The zero
// value is empty.
type Body struct {
	given  []byte
	seed   uint64
	offset int64
	length int64
	// enclosed is nil where nothing stands around it.
	enclosed *enclosed
}

// enclosed is a body between two texts.
type enclosed struct {
	before, after []byte
	body          Body
}

// Enclosed is the body with these around it.
func (b Body) Enclosed(before, after []byte) Body {
	return Body{length: int64(len(before)+len(after)) + b.length, enclosed: &enclosed{before, after, b}}
}

// Given is a body of these bytes, which must stay as they are while it is in use.
func Given(data []byte) Body { return Body{given: data, length: int64(len(data))} }

// KeyEnd ends the keys of objects whose content is generated: so whoever reads one knows what must be in there, and of any
// other that it can't know. Another way to generate content needs another end.
const KeyEnd = generated.KeyEnd

// Generated is a piece of the content that belongs to a key: uncompressible, unlike any other key's, and made out of the key
// alone, so that no one has to keep it. offset and length are in bytes.
func Generated(key string, offset, length int64) Body {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	// FNV alone leaves seeds of similar keys similar.
	return Body{seed: mix(h.Sum64()), offset: offset, length: length}
}

// Bytes are those of a given body; nil of a generated one.
func (b Body) Bytes() []byte { return b.given }

// Len is in bytes.
func (b Body) Len() int64 { return b.length }

// ReadAt fills p with content from a position on, as far as there is any, and returns how much that was.
func (b Body) ReadAt(p []byte, at int64) int {
	if rest := max(0, b.length-at); int64(len(p)) > rest {
		p = p[:rest]
	}
	if b.enclosed != nil {
		return b.enclosed.readAt(p, at)
	}
	if b.given != nil {
		return copy(p, b.given[at:])
	}
	fill(p, b.seed, b.offset+at)
	return len(p)
}

// readAt fills p with what stands from a position on, and returns how much that was.
func (e *enclosed) readAt(p []byte, at int64) (n int) {
	// Counted from where the body begins.
	at -= int64(len(e.before))
	if at < 0 {
		n = copy(p, e.before[int64(len(e.before))+at:])
		at += int64(n)
	}
	if n < len(p) && at < e.body.length {
		read := e.body.ReadAt(p[n:], at)
		n, at = n+read, at+int64(read)
	}
	if n < len(p) {
		n += copy(p[n:], e.after[at-e.body.length:])
	}
	return n
}

// Mismatch gives the place, counted from where p begins, of the first byte of p that is not the content's from a position on;
// -1 when there is none. What stands beyond the content's end is not looked at.
func (b Body) Mismatch(p []byte, at int64) int {
	var want [1 << 10]byte
	for done := 0; done < len(p); {
		rest := p[done:]
		n := b.ReadAt(want[:min(len(want), len(rest))], at+int64(done))
		if n == 0 {
			break
		}
		if !bytes.Equal(want[:n], rest[:n]) {
			for i := range n {
				if want[i] != rest[i] {
					return done + i
				}
			}
		}
		done += n
	}
	return -1
}

const golden = 0x9E3779B97F4A7C15

// fill writes SplitMix64's sequence, whose nth word needs none of those before it: https://doi.org/10.1145/2714064.2660195
func fill(p []byte, seed uint64, at int64) {
	word := uint64(at) / 8
	state := seed + word*golden
	if skip := int(at % 8); skip > 0 && len(p) > 0 {
		var one [8]byte
		state += golden
		binary.LittleEndian.PutUint64(one[:], mix(state))
		p = p[copy(p, one[skip:]):]
	}
	for len(p) >= 32 {
		q := p[:32:32]
		binary.LittleEndian.PutUint64(q[0:8], mix(state+golden))
		binary.LittleEndian.PutUint64(q[8:16], mix(state+golden2))
		binary.LittleEndian.PutUint64(q[16:24], mix(state+golden3))
		state += golden4
		binary.LittleEndian.PutUint64(q[24:32], mix(state))
		p = p[32:]
	}
	for len(p) >= 8 {
		state += golden
		binary.LittleEndian.PutUint64(p, mix(state))
		p = p[8:]
	}
	if len(p) > 0 {
		var one [8]byte
		binary.LittleEndian.PutUint64(one[:], mix(state+golden))
		copy(p, one[:])
	}
}

// Multiples of golden, modulo 2^64.
const (
	golden2 = golden * 2 & (1<<64 - 1)
	golden3 = golden * 3 & (1<<64 - 1)
	golden4 = golden * 4 & (1<<64 - 1)
)

// mix is SplitMix64's finalizer.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
