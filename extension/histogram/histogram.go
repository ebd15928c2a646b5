// Package histogram counts times in HDR histograms: buckets less than 0.1% wide over a range of a day, added to one another
// without loss (http://hdrhistogram.org). What reads them is lib/result/histogram.ts.
package histogram

import "math/bits"

const (
	// digits are the significant ones: values that differ in them are told apart.
	digits = 3
	// lowest is what values are whole multiples of, microseconds.
	lowest = 1
	// Highest is the longest time that is told from longer ones, microseconds: 24 hours.
	Highest = 86_400_000_000

	// Values below twice `half` have buckets of their own; from there on each power of two has `half`.
	magnitude = 10
	half      = 1 << magnitude
	buckets   = (bitsOfHighest - magnitude + 1) * half

	bitsOfHighest = 37

	// Counts are kept in pages that are made when they are needed: latencies fill a small part of the range, and a run has
	// hundreds of histograms, of which each would else take 224 KiB.
	pageBits = 7
	pageLen  = 1 << pageBits
	pages    = buckets / pageLen
)

type page [pageLen]uint64

// Histogram of times in microseconds. The zero value is empty and ready. It takes care of no concurrent use.
type Histogram struct {
	count uint64
	pages [pages]*page
}

// Record counts a time, in microseconds; one beyond the range at the range's end.
func (h *Histogram) Record(us int64) {
	i := indexOf(us)
	h.page(i >> pageBits)[i&(pageLen-1)]++
	h.count++
}

// Merge adds what the other has counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.count == 0 {
		return
	}
	for number, from := range other.pages {
		if from == nil {
			continue
		}
		to := h.page(number)
		for i, n := range from {
			to[i] += n
		}
	}
	h.count += other.count
}

// Reset forgets what was counted, and keeps the memory for what will be.
func (h *Histogram) Reset() {
	if h.count == 0 {
		return
	}
	for _, p := range h.pages {
		if p != nil {
			clear(p[:])
		}
	}
	h.count = 0
}

// Count says how many times were recorded.
func (h *Histogram) Count() uint64 { return h.count }

func (h *Histogram) page(number int) *page {
	p := h.pages[number]
	if p == nil {
		p = new(page)
		h.pages[number] = p
	}
	return p
}

// counted yields the buckets that hold something, by number, in rising order.
func (h *Histogram) counted(yield func(index int, n uint64) bool) {
	for number, p := range h.pages {
		if p == nil {
			continue
		}
		for i, n := range p {
			if n != 0 && !yield(number<<pageBits+i, n) {
				return
			}
		}
	}
}

// indexOf is the bucket of a time.
func indexOf(us int64) int {
	v := uint64(min(max(us, 0), Highest))
	power := bits.Len64(v|(2*half-1)) - (magnitude + 1)
	return power<<magnitude + int(v>>power)
}
