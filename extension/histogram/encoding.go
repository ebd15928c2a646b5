package histogram

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

const (
	// cookie is V2's, with the word size as the reference implementation writes it.
	cookie      = 0x1c849303 | 0x10
	headerBytes = 40
)

// Encode gives HdrHistogram's V2 encoding, not compressed, in base64, which its implementations read in any language
// (https://github.com/HdrHistogram/HdrHistogram/blob/master/src/main/java/org/HdrHistogram/AbstractHistogram.java).
func (h *Histogram) Encode() string {
	b := make([]byte, headerBytes, 1024)
	binary.BigEndian.PutUint32(b[0:], cookie)
	binary.BigEndian.PutUint32(b[12:], digits)
	binary.BigEndian.PutUint64(b[16:], lowest)
	binary.BigEndian.PutUint64(b[24:], Highest)
	binary.BigEndian.PutUint64(b[32:], math.Float64bits(1))
	next := 0
	for i, n := range h.counted {
		b = appendEmpty(b, i-next)
		b = appendZigZag(b, int64(n))
		next = i + 1
	}
	if next == 0 {
		b = appendEmpty(b, 1)
	}
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-headerBytes))
	return base64.StdEncoding.EncodeToString(b)
}

// appendEmpty tells of buckets that hold nothing: a single one by its count, more by their number, negative.
func appendEmpty(b []byte, n int) []byte {
	switch n {
	case 0:
		return b
	case 1:
		return append(b, 0)
	default:
		return appendZigZag(b, -int64(n))
	}
}

// appendZigZag appends in ZigZag LEB128, as HdrHistogram has it: a ninth byte holds eight bits.
func appendZigZag(b []byte, n int64) []byte {
	v := uint64(n<<1) ^ uint64(n>>63)
	for range 8 {
		if v < 0x80 {
			return append(b, byte(v))
		}
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
