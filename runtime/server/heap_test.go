package server_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/server"
)

func TestPaceLeavesTheCollectorToGOGC(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "50")
	if heap := server.Pace(); heap != nil {
		t.Error("there is a heap to pace by")
	}
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("the collector was told %d", got)
	}
	t.Setenv("GOGC", "")
	heap := server.Pace()
	if got := debug.SetGCPercent(100); got != 10 || len(heap) != 128<<20 {
		t.Errorf("the collector was told %d, of a heap with %d bytes", got, len(heap))
	}
	runtime.KeepAlive(heap)
}
