package threshold

import (
	"maps"
	"math"
	"slices"

	"go.k6.io/k6/v2/metrics"
)

const (
	// keptBits of a value tell it from others: sign, exponent and ten bits of the significand, so that a value is kept to less
	// than 0.1%, whatever its unit, and limits of eleven bits, as all whole numbers to 2,048 are, are met exactly.
	keptBits    = 1 + 11 + 10
	droppedBits = 64 - keptBits

	// Counts are kept in pages that are made when they are needed.
	pageBits = 7
	pageLen  = 1 << pageBits
)

type page [pageLen]uint64

// trend is a Trend's sink that keeps no samples: count, sum, least and greatest value are exact, the others rounded toward 0.
// An octave of values takes 8 KiB at most.
type trend struct {
	count         uint64
	sum, min, max float64
	pages         map[uint32]*page
	// last is where the last value was kept, which is where the next will most likely be.
	last     *page
	lastPage uint32
}

// Add keeps a sample's value.
func (t *trend) Add(s metrics.Sample) {
	if t.count == 0 {
		t.min, t.max = s.Value, s.Value
		t.pages = map[uint32]*page{}
	}
	t.min, t.max = min(t.min, s.Value), max(t.max, s.Value)
	t.count++
	t.sum += s.Value
	cell := cellOf(s.Value)
	if number := cell >> pageBits; t.last == nil || t.lastPage != number {
		p := t.pages[number]
		if p == nil {
			p = new(page)
			t.pages[number] = p
		}
		t.last, t.lastPage = p, number
	}
	t.last[cell&(pageLen-1)]++
}

// IsEmpty says that there was no sample.
func (t *trend) IsEmpty() bool { return t.count == 0 }

func (t *trend) mean() float64 {
	if t.count == 0 {
		return 0
	}
	return t.sum / float64(t.count)
}

// quantile lies between two neighbours in rank as it does in k6.
func (t *trend) quantile(q float64) float64 {
	if t.count == 0 {
		return 0
	}
	rank := q * float64(t.count-1)
	below := math.Floor(rank)
	low, high := t.at(uint64(below)), t.at(uint64(math.Ceil(rank)))
	return low + (high-low)*(rank-below)
}

// at is the value of a rank, 0 to count-1.
func (t *trend) at(rank uint64) float64 {
	switch rank {
	case 0:
		return t.min
	case t.count - 1:
		return t.max
	}
	sum := uint64(0)
	for _, number := range slices.Sorted(maps.Keys(t.pages)) {
		for i, n := range t.pages[number] {
			if sum += n; sum > rank {
				return min(max(valueOf(number<<pageBits|uint32(i)), t.min), t.max)
			}
		}
	}
	return t.max
}

// cellOf keeps the order of values: those below 0 have their bits turned over, and come before all others.
func cellOf(value float64) uint32 {
	bits := math.Float64bits(value)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return uint32(bits >> droppedBits)
}

// valueOf a cell is the one in it that is next to 0.
func valueOf(cell uint32) float64 {
	bits := uint64(cell) << droppedBits
	if bits>>63 == 1 {
		bits &^= 1 << 63
	} else {
		bits = ^(bits | (1<<droppedBits - 1))
	}
	return math.Float64frombits(bits)
}
