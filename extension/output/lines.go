package output

import "io"

// lines appends lines to a file, each in one write. A disk that is full may take a part of a line: then the rest comes before
// anything else, and whoever follows the file never sees a line that is not whole.
type lines struct {
	to   io.Writer
	rest []byte
}

// finish writes what is missing of a line.
func (l *lines) finish() error {
	if len(l.rest) == 0 {
		return nil
	}
	n, err := l.to.Write(l.rest)
	l.rest = l.rest[n:]
	return err
}

// write begins a line, after finish. Where it returns false nothing of the line is in the file; else what the error has left
// out is for finish.
func (l *lines) write(line []byte) (begun bool, err error) {
	n, err := l.to.Write(line)
	if n > 0 {
		l.rest = line[n:]
	}
	return n > 0, err
}
