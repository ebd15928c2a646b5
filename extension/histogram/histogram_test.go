package histogram

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	reference "github.com/HdrHistogram/hdrhistogram-go"
)

// samples are times in microseconds of several shapes, from fixed seeds.
func samples() map[string][]int64 {
	draw := func(n int, shape func(r *rand.Rand) float64) []int64 {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		all := make([]int64, n)
		for i := range all {
			all[i] = int64(shape(r))
		}
		return all
	}
	constant := func(us float64) []int64 { return draw(1000, func(*rand.Rand) float64 { return us }) }
	var powers []int64
	for i := range 36 {
		powers = append(powers, 1<<i-1, 1<<i, 1<<i+1)
	}
	return map[string][]int64{
		"none":      nil,
		"one":       {1234},
		"zero":      constant(0),
		"constant":  constant(5000),
		"uniform":   draw(20_000, func(r *rand.Rand) float64 { return r.Float64() * 1e6 }),
		"lognormal": draw(20_001, func(r *rand.Rand) float64 { return math.Exp(8 + r.NormFloat64()) }),
		"two humps": draw(5000, func(r *rand.Rand) float64 {
			if r.Float64() < 0.9 {
				return 2000 + r.Float64()*100
			}
			return 30e6 + r.Float64()*1e6
		}),
		"the whole range":                    draw(10_000, func(r *rand.Rand) float64 { return math.Exp(r.Float64() * math.Log(Highest)) }),
		"powers of two and their neighbours": powers,
		"the ends of the range":              {0, 1, Highest - 1, Highest},
		"next to one another":                {0, 1, 3, 4, 5, 9},
	}
}

func histogramOf(us []int64) *Histogram {
	var h Histogram
	for _, v := range us {
		h.Record(v)
	}
	return &h
}

func referenceOf(t *testing.T, us []int64) *reference.Histogram {
	h := reference.New(lowest, Highest, digits)
	for _, v := range us {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// encoded is the reference implementation's encoding, which it compresses, in the form that ours has.
func encoded(t *testing.T, h *reference.Histogram) string {
	t.Helper()
	text, err := h.Encode(reference.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	compressed, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(compressed[8:]))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(plain)
}

// decoded is what the reference implementation reads in our encoding, compressed, since it reads no other.
func decoded(t *testing.T, text string) *reference.Histogram {
	t.Helper()
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var deflated bytes.Buffer
	z := zlib.NewWriter(&deflated)
	_, _ = z.Write(plain)
	_ = z.Close()
	head := binary.BigEndian.AppendUint32(nil, uint32(reference.V2CompressedEncodingCookieBase|0x10))
	head = binary.BigEndian.AppendUint32(head, uint32(deflated.Len()))
	h, err := reference.Decode([]byte(base64.StdEncoding.EncodeToString(append(head, deflated.Bytes()...))))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestEncodesAsTheReferenceDoes(t *testing.T) {
	for name, us := range samples() {
		own, ref := histogramOf(us).Encode(), referenceOf(t, us)
		if own != encoded(t, ref) {
			t.Errorf("%s: %s, not %s", name, own, encoded(t, ref))
		}
		if read := decoded(t, own); !read.Equals(ref) || read.TotalCount() != int64(len(us)) {
			t.Errorf("%s is read as %d times, not the %d", name, read.TotalCount(), len(us))
		}
	}
}

func TestPercentilesAreTheSamplesWithinATenthOfAPercent(t *testing.T) {
	for name, us := range samples() {
		if len(us) == 0 {
			continue
		}
		read, sorted := decoded(t, histogramOf(us).Encode()), slices.Sorted(slices.Values(us))
		for _, p := range []float64{0.1, 1, 25, 50, 90, 99, 99.9, 99.99, 100} {
			rank := max(1, math.Ceil(p/100*float64(len(us))-1e-6))
			// The library rounds to the nearest rank where others take the one above: so it is asked for that rank's percentile.
			got, want := read.ValueAtPercentile(rank/float64(len(us))*100), sorted[int(rank)-1]
			if off := got - want; off < 0 || float64(off) > max(1, float64(want)*0.001) {
				t.Errorf("%s: p%v is %d, not %d", name, p, got, want)
			}
		}
	}
}

func TestTimesBeyondTheRangeCountAtItsEnds(t *testing.T) {
	got := histogramOf([]int64{-1, math.MinInt64, Highest + 1, math.MaxInt64}).Encode()
	if want := histogramOf([]int64{0, 0, Highest, Highest}).Encode(); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestPartsMergeToTheWhole(t *testing.T) {
	for name, us := range samples() {
		whole, want := &Histogram{}, histogramOf(us)
		for part := range 3 {
			var h Histogram
			for i := part; i < len(us); i += 3 {
				h.Record(us[i])
			}
			whole.Merge(&h)
		}
		if whole.Encode() != want.Encode() || whole.Count() != uint64(len(us)) {
			t.Errorf("%s: %d times in the parts, not %d", name, whole.Count(), want.Count())
		}
	}
}

func TestNothingIsLeftAfterReset(t *testing.T) {
	var none Histogram
	for name, us := range samples() {
		h := histogramOf(us)
		h.Reset()
		if h.Count() != 0 || h.Encode() != none.Encode() {
			t.Errorf("%s: %d times are left", name, h.Count())
		}
		h.Record(77)
		if h.Encode() != histogramOf([]int64{77}).Encode() {
			t.Errorf("%s shines through", name)
		}
	}
}

func TestCountsOfManyBits(t *testing.T) {
	var h Histogram
	ref := reference.New(lowest, Highest, digits)
	for i, n := range []uint64{1, 63, 64, 1 << 13, 1<<32 + 1, 1 << 50, 1 << 56, 1 << 61} {
		us := int64(i * 1000)
		h.page(indexOf(us) >> pageBits)[indexOf(us)&(pageLen-1)] = n
		if err := ref.RecordValues(us, int64(n)); err != nil {
			t.Fatal(err)
		}
	}
	if h.Encode() != encoded(t, ref) {
		t.Errorf("%s, not %s", h.Encode(), encoded(t, ref))
	}
}

func TestRecordingTakesNoMemory(t *testing.T) {
	us := samples()["lognormal"]
	h := histogramOf(us)
	next := 0
	if allocations := testing.AllocsPerRun(1000, func() { h.Record(us[next]); next++ }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func BenchmarkRecord(b *testing.B) {
	us := samples()["lognormal"]
	var h Histogram
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Record(us[i%len(us)])
	}
}

func BenchmarkMerge(b *testing.B) {
	h, to := histogramOf(samples()["lognormal"]), &Histogram{}
	for b.Loop() {
		to.Merge(h)
	}
}

func BenchmarkEncode(b *testing.B) {
	h := histogramOf(samples()["lognormal"])
	for b.Loop() {
		h.Encode()
	}
	b.ReportMetric(float64(len(h.Encode())), "bytes")
}
