package content

import (
	"bytes"
	"compress/flate"
	"testing"
)

func whole(b Body) []byte {
	p := make([]byte, b.Len())
	b.ReadAt(p, 0)
	return p
}

func TestPiecesMakeTheWhole(t *testing.T) {
	want := whole(Generated("key", 0, 1000))
	for _, cut := range []int64{0, 1, 7, 8, 9, 31, 32, 33, 63, 500, 999, 1000} {
		got := append(whole(Generated("key", 0, cut)), whole(Generated("key", cut, 1000-cut))...)
		if !bytes.Equal(got, want) {
			t.Errorf("parts cut at %d are another object", cut)
		}
		p := make([]byte, 1000-cut)
		Generated("key", 0, 1000).ReadAt(p, cut)
		if !bytes.Equal(p, want[cut:]) {
			t.Errorf("read from %d on it is another object", cut)
		}
	}
}

func TestKeysHaveContentOfTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for _, key := range []string{"a/1-0", "a/1-1", "a/2-0", "b", "", "bucket"} {
		// A store that looks for equal blocks, at whatever alignment, finds none.
		data := whole(Generated(key, 0, 64<<10))
		for at := 0; at+8 <= len(data); at += 8 {
			block := string(data[at : at+8])
			if other, ok := seen[block]; ok {
				t.Fatalf("%q at %d repeats %s", key, at, other)
			}
			seen[block] = key
		}
	}
}

func TestContentDoesNotCompress(t *testing.T) {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	_, _ = w.Write(whole(Generated("key", 0, 1<<20)))
	_ = w.Close()
	if out.Len() < 1<<20 {
		t.Errorf("1 MiB became %d bytes", out.Len())
	}
}

func TestGivenBytesAreReadAsTheyAre(t *testing.T) {
	b := Given([]byte("hello"))
	p := make([]byte, 10)
	if n := b.ReadAt(p, 2); n != 3 || string(p[:n]) != "llo" {
		t.Errorf("from 2 on: %q", p[:n])
	}
	if b.Len() != 5 || (Body{}).Len() != 0 || Given(nil).Len() != 0 {
		t.Error("lengths")
	}
}

func TestMismatchIsTheFirstWrongByte(t *testing.T) {
	const length = 5000
	b := Generated("key", 0, length)
	for _, from := range []int64{0, 1, 1023, 2000, length - 1} {
		for _, size := range []int64{1, 7, 1024, 1025, length} {
			p := whole(b)[from:min(from+size, length)]
			if at := b.Mismatch(p, from); at != -1 {
				t.Fatalf("%d bytes from %d: byte %d is said to be wrong", len(p), from, at)
			}
			for _, wrong := range []int{0, len(p) / 2, len(p) - 1} {
				p[wrong] ^= 0x10
				p[len(p)-1] ^= 1
				if at := b.Mismatch(p, from); at != wrong {
					t.Errorf("%d bytes from %d, %d wrong: %d", len(p), from, wrong, at)
				}
				p[wrong] ^= 0x10
				p[len(p)-1] ^= 1
			}
		}
	}
	beyond := append(whole(b), 1, 2, 3)
	if at := b.Mismatch(beyond, 0); at != -1 {
		t.Errorf("bytes after the end: %d", at)
	}
	if at := b.Mismatch(beyond, length+10); at != -1 {
		t.Errorf("nothing but bytes after the end: %d", at)
	}
	if at := Generated("other", 0, length).Mismatch(whole(b), 0); at < 0 || at > 7 {
		t.Errorf("another key's content differs at %d", at)
	}
}

func BenchmarkMismatch(b *testing.B) {
	p := make([]byte, 64<<10)
	g := Generated("key", 0, 1<<40)
	g.ReadAt(p, 0)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if g.Mismatch(p, 0) != -1 {
			b.Fatal("differs")
		}
	}
}

func BenchmarkGenerated(b *testing.B) {
	p := make([]byte, 64<<10)
	g := Generated("key", 0, 1<<40)
	b.SetBytes(int64(len(p)))
	for i := 0; i < b.N; i++ {
		g.ReadAt(p, int64(i)<<16)
	}
}

func TestEnclosed(t *testing.T) {
	for name, body := range map[string]Body{"generated": Generated("key", 8, 100), "given": Given([]byte("text")), "nothing": {}} {
		want := append(append([]byte("before"), whole(body)...), "after"...)
		enclosed := body.Enclosed([]byte("before"), []byte("after"))
		if enclosed.Len() != int64(len(want)) || !bytes.Equal(whole(enclosed), want) {
			t.Fatalf("%s: %q, not %q", name, whole(enclosed), want)
		}
		for at := range want {
			for length := 1; length <= len(want); length++ {
				p := make([]byte, length)
				n := enclosed.ReadAt(p, int64(at))
				if until := min(len(want), at+length); !bytes.Equal(p[:n], want[at:until]) {
					t.Fatalf("%s: %d bytes from %d on are %q, not %q", name, length, at, p[:n], want[at:until])
				}
			}
		}
	}
}
