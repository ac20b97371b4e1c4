package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// peakRSS is the most memory that a running process has held, in MiB. The Maxrss of its resource usage would be the
// bench's own where that is larger: a child inherits it across fork and exec.
func peakRSS(pid int) (float64, error) { return memory(pid, "VmHWM") }

// rss is the memory that a running process holds, in MiB.
func rss(pid int) (float64, error) { return memory(pid, "VmRSS") }

func memory(pid int, field string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\n"+field+":")
	value, _, found := strings.Cut(rest, " kB\n")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(value))
	if !found || err != nil {
		return 0, fmt.Errorf("/proc/%d/status tells no %s", pid, field)
	}
	return float64(kilobytes) / 1024, nil
}

// tick is the unit of times in /proc, the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpu is what a running process has used of the processors so far, user and system.
func cpu(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // a program's name may hold blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
}

// processor is the model's name.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // for people: no name where there is none
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unnamed processor"
}
