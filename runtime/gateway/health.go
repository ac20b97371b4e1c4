package gateway

import (
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Health is judged from real calls alone: a check that called the model would be billed, and would take every target
// out at once.
const (
	healthWindow = endpoint.HealthWindow
	healthCalls  = 50 // the most that are remembered
	healthLeast  = 5  // fewer say nothing: healthy
)

// health remembers how the last calls ended.
type health struct {
	mu    sync.Mutex
	calls [healthCalls]outcome
	next  int
}

type outcome struct {
	at     time.Time
	failed bool
}

func newHealth() *health { return &health{} }

// note records a request that reached Bedrock. Only what another Region could do better counts as failed: not the
// caller's mistakes, and not a used-up quota, which a client must wait out.
func (h *health) note(code inference.Code) {
	failed := code == inference.Upstream || code == inference.Overloaded || code == inference.Timeout || code == inference.Internal
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[h.next] = outcome{time.Now(), failed}
	h.next = (h.next + 1) % healthCalls
}

// recent counts the remembered calls of the last minute, and those that failed.
func (h *health) recent() (calls, failed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since := time.Now().Add(-healthWindow)
	for _, c := range h.calls {
		if c.at.Before(since) {
			continue
		}
		calls++
		if c.failed {
			failed++
		}
	}
	return calls, failed
}
