package bedrock

import (
	"context"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Backoff: the n-th wait is drawn evenly from zero to backoffBase<<n, at most backoffCap ("full jitter").
const (
	backoffBase = 100 * time.Millisecond
	backoffCap  = 5 * time.Second
)

// try calls once until it succeeds or another call would be wrong: the failure is final, the calls or the retry budget
// are used up, or the caller's deadline would pass during the wait. A call to a target not yet tried needs no wait.
func (p *Provider) try(ctx context.Context, request *inference.Request, once func(client, inference.Target) error) error {
	order := p.cooler.order(request.Route.Targets)
	trail := &request.Trail
	for {
		target := order[trail.Calls%len(order)]
		if trail.Calls > 0 && target != trail.Target {
			trail.Failovers++
		}
		trail.Target, trail.Fallback = target, target != request.Route.Targets[0]
		trail.Calls++
		err := once(p.client(target.Region), target)
		if err == nil {
			p.cooler.succeeded(target)
			p.budget.earn()
			return nil
		}
		f := classify(ctx, err)
		if f.throttle {
			trail.Throttles++
		}
		if f.blame {
			p.cooler.failed(target)
		}
		failure := f.failure(err)
		if failure.Code == inference.RateLimited || failure.Code == inference.Overloaded {
			failure.RetryAfter = p.cooler.retryAfter(order)
		}
		if !p.again(ctx, f, trail.Calls, len(order)) {
			return failure
		}
	}
}

// again decides on another call after a failure, and waits for it when it goes to a target that was tried before.
func (p *Provider) again(ctx context.Context, f fault, calls, targets int) bool {
	fresh := calls < targets
	if f.retry == never || f.retry == elsewhere && !fresh || calls >= p.maxCalls || !p.budget.spend() {
		return false
	}
	if fresh {
		return true
	}
	longest := min(backoffCap, backoffBase<<(calls-targets))
	wait := time.Duration(p.jitter() * float64(longest))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// budget bounds retries across requests, so that an outage is not met with a multiple of the load. Every answered call
// earns a tenth of a retry.
type budget struct {
	mu     sync.Mutex
	tenths int // of a retry
}

const (
	retryTenths = 10
	mostTenths  = 20 * retryTenths
)

func newBudget() *budget { return &budget{tenths: mostTenths} }

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(mostTenths, b.tenths+1)
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < retryTenths {
		return false
	}
	b.tenths -= retryTenths
	return true
}

// Cooling: a target that failed this often in a row is tried last until the time is over. One failure after that
// cools it again; one success forgets everything.
const (
	coolAfter = 3
	coolFor   = 20 * time.Second
)

// cooler remembers which targets keep failing.
type cooler struct {
	mu      sync.Mutex
	targets map[inference.Target]coolness
}

type coolness struct {
	failures int // in a row
	until    time.Time
}

func newCooler() *cooler { return &cooler{targets: map[inference.Target]coolness{}} }

func (c *cooler) succeeded(target inference.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.targets, target)
}

func (c *cooler) failed(target inference.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.targets[target]
	state.failures++
	if state.failures >= coolAfter {
		state.until = time.Now().Add(coolFor)
	}
	c.targets[target] = state
}

// order returns the targets with the cooling ones moved to the end: they are a last resort, not forbidden.
func (c *cooler) order(targets []inference.Target) []inference.Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.targets) == 0 || len(targets) == 1 {
		return targets
	}
	now := time.Now()
	ready := make([]inference.Target, 0, len(targets))
	var cooling []inference.Target
	for _, t := range targets {
		if now.Before(c.targets[t].until) {
			cooling = append(cooling, t)
		} else {
			ready = append(ready, t)
		}
	}
	return append(ready, cooling...)
}

// retryAfter is when a client should come back: Converse never says. It doubles with the failures in a row of the
// least troubled target, from 1 s to 30 s.
func (c *cooler) retryAfter(targets []inference.Target) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	least := 5
	for _, t := range targets {
		least = min(least, max(0, c.targets[t].failures-1))
	}
	return min(30*time.Second, time.Second<<least)
}
