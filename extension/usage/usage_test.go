package usage

import (
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	before := Now()
	held := make([]byte, 64<<20)
	for i := range held {
		held[i] = byte(i)
	}
	for began := time.Now(); time.Since(began) < 10*time.Second && Now().CPU < before.CPU+100*time.Millisecond; {
		held[0]++
	}
	after := Now()
	if grew := after.Memory - before.Memory; grew < 50<<20 || grew > 1<<30 {
		t.Errorf("64 MiB are told as %d bytes", grew)
	}
	if after.PeakMemory < after.Memory || before.Memory <= 0 || before.PeakMemory < before.Memory {
		t.Errorf("from %+v to %+v", before, after)
	}
	if used := after.CPU - before.CPU; used < 100*time.Millisecond || used > 20*time.Second {
		t.Errorf("%v of CPU", used)
	}
	_ = held[len(held)-1]
}
