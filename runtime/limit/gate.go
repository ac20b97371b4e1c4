package limit

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// GateOptions say how many requests a Gate lets in. All are required but Waiting and Wait.
type GateOptions struct {
	Running int           // at once, at least 1
	Waiting int           // for a place, at most; 0: none waits
	Wait    time.Duration // the longest that one waits
}

// Gate lets in so many requests at once. A few more wait their turn, the first to come first, and the rest is refused
// with inference.Overloaded. It is safe for concurrent use.
type Gate struct {
	options GateOptions

	mu      sync.Mutex
	running int
	waiting list.List // of chan struct{}, closed when the place is theirs
}

// NewGate returns an open Gate.
func NewGate(options GateOptions) *Gate { return &Gate{options: options} }

const busy = "The gateway is busy. Try again later."

// Full returns the refusal that Enter would give at once, so that nothing need be read of a request that will not be let
// in, and nil when there is a place to run or to wait.
func (g *Gate) Full() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.full() {
		return overloaded(busy)
	}
	return nil
}

func (g *Gate) full() bool {
	return g.running >= g.options.Running && g.waiting.Len() >= g.options.Waiting
}

// Enter waits for a place. Without an error, Leave must be called at the end of the request. The error is an
// *inference.Error: Overloaded, or Canceled when ctx ended first.
func (g *Gate) Enter(ctx context.Context) error {
	g.mu.Lock()
	if g.running < g.options.Running {
		g.running++
		g.mu.Unlock()
		return nil
	}
	if g.full() {
		g.mu.Unlock()
		return overloaded(busy)
	}
	turn := make(chan struct{})
	place := g.waiting.PushBack(turn)
	g.mu.Unlock()
	return g.wait(ctx, place, turn)
}

func (g *Gate) wait(ctx context.Context, place *list.Element, turn <-chan struct{}) error {
	timer := time.NewTimer(g.options.Wait)
	defer timer.Stop()
	select {
	case <-turn:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn: // just now; the place would be lost
		return nil
	default:
	}
	g.waiting.Remove(place)
	if err := ctx.Err(); err != nil {
		return &inference.Error{Code: inference.Canceled, Message: "The caller left.", Cause: err}
	}
	return overloaded(busy)
}

// Leave gives the place to whoever has waited longest.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first := g.waiting.Front(); first != nil {
		close(g.waiting.Remove(first).(chan struct{}))
		return
	}
	g.running--
}
