package hold

import "time"

const (
	// usualPiece is how much goes at once, in bytes: one piece a second, and more of them where that would be too much.
	usualPiece = 1 << 10
	// grid is what moments are rounded to: thousands of connections then wake the process up 50 times a second, and not each
	// by itself.
	grid       = 20 * time.Millisecond
	mostPieces = int64(time.Second / grid)
	// leastWindow is the smallest receive window that is asked for; systems have a least of their own, of about that.
	leastWindow = 4 << 10
)

// epoch is what moments are counted from, by a clock that nobody sets.
var epoch = time.Now()

// Pace is how slowly bytes go.
type Pace struct {
	// Both for a second.
	bytes, pieces int64
}

// NewPace is of so many bytes a second, at least one.
func NewPace(bytesPerSecond int64) Pace {
	return Pace{bytesPerSecond, min((bytesPerSecond+usualPiece-1)/usualPiece, mostPieces)}
}

// largest is how many bytes a piece has at most.
func (p Pace) largest() int { return int((p.bytes + p.pieces - 1) / p.pieces) }

// window is what a reader lets the server send ahead, in bytes.
func (p Pace) window() int { return max(leastWindow, int(p.bytes)) }

// metronome says when the next piece of one connection goes.
type metronome struct {
	pace  Pace
	begin time.Time
	// gone are pieces so far.
	gone int64
}

func (p Pace) start() metronome { return metronome{pace: p, begin: time.Now()} }

// next gives the moment of the next piece, and its bytes. The first is a piece's time after the start; what could not go in
// time, for the other side took or gave nothing, is not made up for.
func (m *metronome) next() (moment time.Time, bytes int) {
	moment, now := m.moment(), time.Now()
	if now.Sub(moment) > time.Second {
		m.begin, m.gone = now, 0
		moment = m.moment()
	}
	n, all := m.gone%m.pace.pieces, m.pace.pieces
	m.gone++
	return moment, int(m.pace.bytes*(n+1)/all - m.pace.bytes*n/all)
}

func (m *metronome) moment() time.Time {
	seconds, n := m.gone/m.pace.pieces, m.gone%m.pace.pieces
	since := m.begin.Sub(epoch) + time.Duration(seconds)*time.Second + time.Second*time.Duration(n+1)/time.Duration(m.pace.pieces)
	return epoch.Add(since.Round(grid))
}
