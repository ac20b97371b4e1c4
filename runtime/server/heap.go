package server

import (
	"os"
	"runtime/debug"
)

// Heap is what Pace returns.
type Heap []byte

// Pace has the garbage collector run after every 13 MiB and a tenth of what is in use, rather than whenever the heap
// has doubled: a gateway uses a few MiB, and doubles that a hundred times a second under load; and with thousands of open
// streams in memory it must not hold as much again in garbage. The collector knows only percentages, so it is told 10 % of
// a heap with 128 MiB in it that are never touched, and so are no memory of the machine's.
//
// The Heap must be kept alive (runtime.KeepAlive) as long as that is to last. With GOGC in the environment Pace leaves
// everything to that.
func Pace() Heap {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(-1) // until the heap is there, or both its allocation and the percentage would have it collect
	heap := make(Heap, 128<<20)
	debug.SetGCPercent(10)
	return heap
}
