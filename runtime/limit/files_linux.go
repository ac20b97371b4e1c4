package limit

import "syscall"

// files returns how many files the process may open. Go has raised its soft limit to the hard one.
func files() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024 // what POSIX systems begin with
	}
	return int(min(l.Cur, 1<<30))
}
