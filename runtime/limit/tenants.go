package limit

import (
	"context"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Quota is what one tenant may take. 0 is no limit.
type Quota struct {
	RequestsPerMinute int
	TokensPerMinute   int // input and output, less what the prompt cache had
	Streams           int // at once
}

// Ask is a request that wants to be let in.
type Ask struct {
	Tenant string
	Tokens int // reserved until it is known how many it took: as many as the answer may have
	Stream bool
}

// Lease is a request that was let in. Exactly one of its methods is called, once, at the end of the request: a stream
// counts until then.
type Lease interface {
	// Settle takes the reservation back and charges what was used.
	Settle(tokens int)
	// Cancel undoes everything, for a request that was not even tried.
	Cancel()
}

// TenantsOptions say who may take what.
type TenantsOptions struct {
	Default  Quota
	ByTenant map[string]Quota // instead of Default, as a whole
	Now      func() time.Time // default time.Now
}

// Tenants holds each tenant to its quota within this process. It is safe for concurrent use.
//
// Requests and tokens are drawn from a store of a minute's worth that refills evenly. Tokens are reserved at the start,
// and set right at the end: what a request took beyond its reservation leaves the store below zero, and the tenant waits
// until it has refilled. A reservation larger than the store needs a full one.
type Tenants struct {
	options TenantsOptions

	mu     sync.Mutex
	states map[string]*state
	swept  time.Time
}

// state is what one tenant has left.
type state struct {
	quota            Quota
	requests, tokens bucket
	streams          int
	leases           int // streams and others that have not ended
}

// manyTenants is how many states are kept before the idle ones are looked for, once a minute.
const manyTenants = 1024

// NewTenants returns Tenants, each with a full store.
func NewTenants(options TenantsOptions) *Tenants {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Tenants{options: options, states: map[string]*state{}}
}

// Admit lets a request in, or refuses it with an *inference.Error: RateLimited, with the time after which it would be
// let in if nobody else asked.
func (t *Tenants) Admit(_ context.Context, ask Ask) (Lease, error) {
	quota, own := t.options.ByTenant[ask.Tenant]
	if !own {
		quota = t.options.Default
	}
	if quota == (Quota{}) {
		return free{}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	t.sweep(now)
	s := t.states[ask.Tenant]
	if s == nil {
		s = &state{quota: quota, requests: newBucket(quota.RequestsPerMinute, now), tokens: newBucket(quota.TokensPerMinute, now)}
		t.states[ask.Tenant] = s
	}
	if err := s.admit(ask, now); err != nil {
		return nil, err
	}
	return &lease{of: t, state: s, ask: ask}, nil
}

// sweep forgets tenants of whom there is nothing to remember.
func (t *Tenants) sweep(now time.Time) {
	if len(t.states) < manyTenants || now.Sub(t.swept).Abs() < time.Minute {
		return
	}
	t.swept = now
	for name, s := range t.states {
		if s.leases == 0 && s.requests.whole(now) && s.tokens.whole(now) {
			delete(t.states, name)
		}
	}
}

// admit draws from the stores, or from none of them.
func (s *state) admit(ask Ask, now time.Time) error {
	if s.quota.Streams > 0 && ask.Stream && s.streams >= s.quota.Streams {
		return limited(time.Second, "You have %d streams open, as many as you may. Try again when one has ended.", s.streams)
	}
	if wait := s.requests.wait(1, now); wait > 0 {
		return limited(wait, "You have sent the %d requests that you may send in a minute. Try again later.", s.quota.RequestsPerMinute)
	}
	if wait := s.tokens.wait(ask.Tokens, now); wait > 0 {
		return limited(wait, "You have used or reserved the %d tokens that you may use in a minute. Ask for fewer, or try again later.",
			s.quota.TokensPerMinute)
	}
	s.requests.add(-1)
	s.tokens.add(-ask.Tokens)
	s.leases++
	if ask.Stream {
		s.streams++
	}
	return nil
}

func limited(wait time.Duration, format string, n int) error {
	failure := inference.Errorf(inference.RateLimited, format, n)
	failure.RetryAfter = wait
	return failure
}

// lease implements Lease.
type lease struct {
	of    *Tenants
	state *state
	ask   Ask
}

// Settle implements Lease.
func (l *lease) Settle(tokens int) { l.end(0, l.ask.Tokens-tokens) }

// Cancel implements Lease.
func (l *lease) Cancel() { l.end(1, l.ask.Tokens) }

func (l *lease) end(requests, tokens int) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.state.requests.add(requests)
	l.state.tokens.add(tokens)
	l.state.leases--
	if l.ask.Stream {
		l.state.streams--
	}
}

// free is the lease of a tenant without a quota.
type free struct{}

// Settle implements Lease.
func (free) Settle(int) {}

// Cancel implements Lease.
func (free) Cancel() {}

// bucket is a store of at most a minute's worth that refills evenly. One of 0 a minute never runs out.
type bucket struct {
	most float64
	left float64 // may be below zero
	at   time.Time
}

func newBucket(perMinute int, now time.Time) bucket {
	return bucket{most: float64(perMinute), left: float64(perMinute), at: now}
}

// refill adds what the time since has brought. A clock that went back brings nothing, and counts from there.
func (b *bucket) refill(now time.Time) {
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.left = min(b.most, b.left+b.most*elapsed.Minutes())
	}
	b.at = now
}

// wait returns how long it takes until n are there, or all there can be.
func (b *bucket) wait(n int, now time.Time) time.Duration {
	if b.most == 0 {
		return 0
	}
	b.refill(now)
	missing := min(float64(n), b.most) - b.left
	if missing <= 0 {
		return 0
	}
	return max(time.Millisecond, time.Duration(missing/b.most*float64(time.Minute)))
}

func (b *bucket) add(n int) {
	if b.most > 0 {
		b.left = min(b.most, b.left+float64(n))
	}
}

func (b *bucket) whole(now time.Time) bool {
	b.refill(now)
	return b.left >= b.most
}
