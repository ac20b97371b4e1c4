package limit

import (
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// The variables that tell a process its memory.
const (
	EnvGoMemory     = "GOMEMLIMIT"                      // Go's own; whoever sets it has decided
	EnvLambdaMemory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" // MB; set by Lambda
)

// headroom is the part of the memory, one in so many, that is left to what Go's runtime does not count: the program's
// own pages and the kernel's buffers. Go's guide recommends 5 to 10 % (https://go.dev/doc/gc-guide, read 2026-11-22).
const headroom = 10

// HoldMemory holds Go's runtime to Memory. It reads a dozen files, for which nobody has to wait: nothing of a program that has
// just started is near any limit.
func HoldMemory(getenv func(string) string, root fs.FS) {
	if most := Memory(getenv, root); most > 0 {
		debug.SetMemoryLimit(most)
	}
}

// Memory returns the bytes that Go's runtime should keep within, for debug.SetMemoryLimit: what Lambda says, or else
// the least of the cgroups' limits and the machine's memory, less a tenth. It is 0 where GOMEMLIMIT is set, which Go
// reads itself, and where no limit can be found. root is the file system from "/".
func Memory(getenv func(string) string, root fs.FS) int64 {
	if getenv(EnvGoMemory) != "" {
		return 0
	}
	most := int64(math.MaxInt64)
	if mb, err := strconv.ParseInt(getenv(EnvLambdaMemory), 10, 32); err == nil && mb > 0 {
		most = mb << 20
	} else {
		most = min(cgroups(root), machine(root))
	}
	if most == math.MaxInt64 {
		return 0
	}
	return most - most/headroom
}

// cgroups returns the least limit of the process's memory cgroup and those above it. In a container the path is often
// one of the host that the container does not see; its own limit then stands at the mount's root.
func cgroups(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/self/cgroup") // without it there are no cgroups
	most := int64(math.MaxInt64)
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max" // version 2
		if parts[1] == "memory" {
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes" // version 1
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			most = min(most, number(root, path.Join(mount, group, file)))
			if group == "/" {
				break
			}
		}
	}
	return most
}

// number reads a file that holds a number of bytes; "max", and what is not there, is no limit.
func number(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}

// machine returns all memory there is.
func machine(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo") // not on every system
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			if kb, err := strconv.ParseInt(fields[1], 10, 64); err == nil && kb > 0 {
				return kb << 10
			}
		}
	}
	return math.MaxInt64
}
