package output

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// descriptorPrefix begins what names a file that is open already, such as a pipe, by its number: fd:3. Systems have paths for
// these, too, but none that opens a socket, and a socket is what some runtimes make for a pipe.
const descriptorPrefix = "fd:"

// standardDescriptors are those of input, output and errors, which have uses of their own.
const standardDescriptors = 3

// standardOutput is the name of k6's own. k6 locks it, so that of all that is said there each line stays whole.
const standardOutput = "-"

// kept is what is not to be closed after use.
type kept struct{ io.Writer }

func (kept) Close() error { return nil }

// open makes the file, or empties the one that is there; or takes one that is open, such as k6's standard output.
func open(name string, stdout io.Writer) (io.WriteCloser, error) {
	if name == standardOutput {
		return kept{stdout}, nil
	}
	number, is := strings.CutPrefix(name, descriptorPrefix)
	if !is {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return nil, fmt.Errorf("--out s3loadtest: %w: give a file that can be written", err)
		}
		return file, nil
	}
	right := "give fd:3 or another that is open for writing as k6 starts"
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil || n < standardDescriptors {
		return nil, fmt.Errorf("--out s3loadtest=%s is no file descriptor: %s", name, right)
	}
	// Whatever else k6 has open under that number does not take even nothing.
	if _, err := syscall.Write(int(n), nil); err != nil {
		return nil, fmt.Errorf("--out s3loadtest=%s: %w: %s", name, err, right)
	}
	return os.NewFile(uintptr(n), name), nil
}
