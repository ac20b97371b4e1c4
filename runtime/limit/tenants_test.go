package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
)

// clock is a wall clock that can be set; it has no monotonic part, as no clock has that two machines share.
type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

func newTenants(quota limit.Quota, own map[string]limit.Quota) (*limit.Tenants, *clock) {
	c := &clock{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	return limit.NewTenants(limit.TenantsOptions{Default: quota, ByTenant: own, Now: func() time.Time { return c.now }}), c
}

func admit(t *testing.T, of *limit.Tenants, ask limit.Ask) limit.Lease {
	t.Helper()
	lease, err := of.Admit(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func refuse(t *testing.T, of *limit.Tenants, ask limit.Ask, wait time.Duration) {
	t.Helper()
	_, err := of.Admit(t.Context(), ask)
	if got := refusedAs(t, err, inference.RateLimited); got.Round(time.Millisecond) != wait {
		t.Errorf("told to come back in %s, want %s", got, wait)
	}
}

func TestRequestsPerMinute(t *testing.T) {
	tenants, clock := newTenants(limit.Quota{RequestsPerMinute: 60}, map[string]limit.Quota{"big": {RequestsPerMinute: 120}, "free": {}})
	ask := limit.Ask{Tenant: "a"}
	for range 60 {
		admit(t, tenants, ask).Settle(0)
	}
	refuse(t, tenants, ask, time.Second)
	clock.pass(500 * time.Millisecond)
	refuse(t, tenants, ask, 500*time.Millisecond)
	clock.pass(500 * time.Millisecond)
	admit(t, tenants, ask).Cancel() // it was not tried
	admit(t, tenants, ask).Settle(0)
	refuse(t, tenants, ask, time.Second)
	for range 120 {
		admit(t, tenants, limit.Ask{Tenant: "big"})
	}
	refuse(t, tenants, limit.Ask{Tenant: "big"}, 500*time.Millisecond)
	for range 1000 {
		admit(t, tenants, limit.Ask{Tenant: "free", Tokens: 1 << 30, Stream: true})
	}
	clock.pass(time.Hour)
	for range 60 { // an hour is no more than a minute's worth
		admit(t, tenants, ask)
	}
	refuse(t, tenants, ask, time.Second)
}

func TestTokensAreReservedAndSetRight(t *testing.T) {
	tenants, clock := newTenants(limit.Quota{TokensPerMinute: 600}, nil)
	ask := limit.Ask{Tenant: "a", Tokens: 400}
	first := admit(t, tenants, ask)
	refuse(t, tenants, ask, 20*time.Second) // 200 are left
	first.Settle(100)                       // 500 are left
	second := admit(t, tenants, ask)        // 100 are left
	second.Settle(900)                      // 400 are missing
	refuse(t, tenants, limit.Ask{Tenant: "a", Tokens: 1}, 40*time.Second+100*time.Millisecond)
	clock.pass(time.Minute) // 200 are left
	refuse(t, tenants, limit.Ask{Tenant: "a", Tokens: 5000}, 40*time.Second)
	clock.pass(40 * time.Second) // all there can be
	admit(t, tenants, limit.Ask{Tenant: "a", Tokens: 5000}).Cancel()
	admit(t, tenants, limit.Ask{Tenant: "b", Tokens: 600})
}

func TestStreamsCountUntilTheyEnd(t *testing.T) {
	tenants, clock := newTenants(limit.Quota{Streams: 2}, nil)
	stream := limit.Ask{Tenant: "a", Stream: true}
	one, two := admit(t, tenants, stream), admit(t, tenants, stream)
	clock.pass(time.Hour)
	refuse(t, tenants, stream, time.Second)
	admit(t, tenants, limit.Ask{Tenant: "a"}) // no stream
	one.Settle(7)
	three := admit(t, tenants, stream)
	refuse(t, tenants, stream, time.Second)
	two.Cancel()
	three.Settle(0)
	admit(t, tenants, stream)
}

// A clock that is set back or forward neither locks a tenant out nor fills its store above the brim.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		tenants, clock := newTenants(limit.Quota{RequestsPerMinute: 60}, nil)
		ask := limit.Ask{Tenant: "a"}
		for range 60 {
			admit(t, tenants, ask)
		}
		clock.pass(jump)
		if jump > 0 {
			for range 60 {
				admit(t, tenants, ask)
			}
		}
		refuse(t, tenants, ask, time.Second)
		clock.pass(time.Second)
		admit(t, tenants, ask)
		refuse(t, tenants, ask, time.Second)
	}
}

// Tenants that are many and idle are forgotten, those with something to remember are not.
func TestManyTenants(t *testing.T) {
	tenants, clock := newTenants(limit.Quota{RequestsPerMinute: 1, Streams: 1}, nil)
	held := admit(t, tenants, limit.Ask{Tenant: "held", Stream: true})
	for range 5 {
		for i := range 2000 {
			admit(t, tenants, limit.Ask{Tenant: fmt.Sprint("tenant ", i)}).Settle(0)
		}
		refuse(t, tenants, limit.Ask{Tenant: "tenant 7"}, time.Minute)
		clock.pass(2 * time.Minute)
	}
	if n := limit.Known(tenants); n > 2001 {
		t.Errorf("%d tenants are remembered", n)
	}
	admit(t, tenants, limit.Ask{Tenant: "another"})
	if n := limit.Known(tenants); n > 2 {
		t.Errorf("%d tenants are remembered, and only two have anything to remember", n)
	}
	refuse(t, tenants, limit.Ask{Tenant: "held", Stream: true}, time.Second)
	held.Settle(0)
}
