package hold

import "syscall"

// OpenFiles is how many files this process may have open, after it has tried to be allowed so many. Go has raised the soft
// limit to the hard one already; the hard one takes a privilege.
func OpenFiles(wanted uint64) uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return wanted // not known, so nothing to object to
	}
	for _, hard := range []uint64{limit.Max, max(limit.Max, wanted)} {
		if limit.Cur >= wanted {
			break
		}
		asked := syscall.Rlimit{Cur: min(wanted, hard), Max: hard}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &asked) == nil {
			limit = asked
		}
	}
	return limit.Cur
}
