package gateway

import (
	"cmp"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Health is judged from real calls alone: a check that called the model would be billed, and would take every target
// out at once.
const (
	healthHold  = endpoint.HealthHold
	healthCalls = 50 // the most that are remembered
	healthLeast = 5  // fewer say nothing of failures; so many answers in a row end the hold
)

// health remembers how the last calls ended, and for a while that they failed: once callers have gone to another Region,
// there are no calls to judge from, and silence is not health.
type health struct {
	window time.Duration // how far back is looked

	mu       sync.Mutex
	calls    [healthCalls]outcome
	next     int
	answered int       // the last calls in a row
	held     time.Time // unhealthy until then
}

type outcome struct {
	at     time.Time
	failed bool
}

func newHealth(window time.Duration) *health {
	return &health{window: cmp.Or(window, endpoint.HealthWindow)}
}

// note records a request that reached Bedrock. Only what another Region could do better counts as failed: not the
// caller's mistakes. A throttle does, for every Region has a quota of its own. A caller who left says nothing.
func (h *health) note(code inference.Code) {
	var failed bool
	switch code {
	case inference.Canceled:
		return
	case inference.Upstream, inference.Overloaded, inference.Timeout, inference.Internal, inference.RateLimited:
		failed = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[h.next] = outcome{time.Now(), failed}
	h.next = (h.next + 1) % healthCalls
	h.answered++
	if failed {
		h.answered = 0
	}
}

// healthy judges the calls that are remembered.
func (h *health) healthy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	switch {
	case h.sick(now):
		h.held = now.Add(healthHold)
	case h.answered >= healthLeast:
		h.held = time.Time{}
	}
	return !now.Before(h.held)
}

// sick tells whether most calls of the window failed. The lock must be held.
func (h *health) sick(now time.Time) bool {
	calls, failed := 0, 0
	since := now.Add(-h.window)
	for _, c := range h.calls {
		if c.at.Before(since) {
			continue
		}
		calls++
		if c.failed {
			failed++
		}
	}
	return calls >= healthLeast && failed*2 > calls
}
