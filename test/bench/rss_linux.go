package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// peakRSS is the most memory that a running process has held, in MiB. The Maxrss of its resource usage would be the
// bench's own where that is larger: a child inherits it across fork and exec.
func peakRSS(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	value, _, found := strings.Cut(rest, " kB\n")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(value))
	if !found || err != nil {
		return 0, fmt.Errorf("/proc/%d/status tells no VmHWM", pid)
	}
	return float64(kilobytes) / 1024, nil
}
