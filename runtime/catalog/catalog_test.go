package catalog_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

const (
	haiku  = "anthropic.claude-haiku-5-5"
	haiku3 = "anthropic.claude-3-haiku-20240307-v1:0"
	nova   = "amazon.nova-lite-v1:0"
)

func load(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func day(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// The embedded file must load, and must hold what the product promises: the three classes of the original design and a
// model of each call form.
func TestEmbeddedCatalogIsSound(t *testing.T) {
	c := load(t)
	if got := len(c.Models()); got < 11 {
		t.Errorf("%d models, want at least 11", got)
	}
	for _, id := range []string{haiku3, "anthropic.claude-3-sonnet-20240229-v1:0", "anthropic.claude-3-opus-20240229-v1:0"} {
		m, ok := c.Model(id)
		if !ok || m.Status(day(t, "2026-11-22")) != catalog.Ended {
			t.Errorf("%s: found %t, status %s, want an ended model", id, ok, m.Status(day(t, "2026-11-22")))
		}
	}
}

func TestResolve(t *testing.T) {
	tests := []struct {
		name, id     string
		want, prefix string
		err          error
		says         string
	}{
		{name: "geography profile", id: "us." + haiku, want: haiku, prefix: "us"},
		{name: "global profile", id: "global." + haiku, want: haiku, prefix: "global"},
		{name: "on demand", id: nova, want: nova},
		{name: "version with a colon", id: "us." + nova, want: nova, prefix: "us"},
		{name: "ended models resolve", id: haiku3, want: haiku3},
		{name: "profile only", id: haiku, err: catalog.ErrNoOnDemand, says: "global." + haiku},
		{name: "prefix it lacks", id: "apac." + haiku, err: catalog.ErrNoProfile, says: "us." + haiku},
		{name: "typing error", id: "us.anthropic.claude-haiku-5.5", err: catalog.ErrUnknownModel, says: "us." + haiku},
		{name: "empty", id: "", err: catalog.ErrUnknownModel, says: "near ids"},
		{name: "prefix alone", id: "us.", err: catalog.ErrUnknownModel, says: `"us."`},
		{name: "very long", id: strings.Repeat("x", 1<<16), err: catalog.ErrUnknownModel, says: "near ids"},
	}
	c := load(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			call, err := c.Resolve(test.id)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %q does not say %q", err, test.says)
				}
				return
			}
			prefix := ""
			if call.Profile != nil {
				prefix = call.Profile.Prefix
			}
			if call.ID != test.id || call.Model.ID != test.want || prefix != test.prefix {
				t.Errorf("got %s of %s through %q, want %s through %q", call.ID, call.Model.ID, prefix, test.want, test.prefix)
			}
		})
	}
}

func TestEveryCallIDResolves(t *testing.T) {
	c := load(t)
	for _, m := range c.Models() {
		for _, id := range m.CallIDs() {
			if call, err := c.Resolve(id); err != nil || call.Model.ID != m.ID {
				t.Errorf("%s resolves to %s, %v", id, call.Model.ID, err)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	model := catalog.Model{Legacy: day(t, "2026-03-01"), EndOfLife: day(t, "2026-09-10")}
	tests := []struct {
		name string
		asOf time.Time
		want catalog.Status
	}{
		{"the moment before legacy", day(t, "2026-03-01").Add(-time.Nanosecond), catalog.Active},
		{"the first moment of legacy", day(t, "2026-03-01"), catalog.Legacy},
		{"the moment before the end", day(t, "2026-09-10").Add(-time.Nanosecond), catalog.Legacy},
		{"the first moment of the end", day(t, "2026-09-10"), catalog.Ended},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := model.Status(test.asOf); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if got := (catalog.Model{}).Status(day(t, "2100-01-01")); got != catalog.Active {
		t.Errorf("a model without dates is %s, want active", got)
	}
}

func TestSuccessor(t *testing.T) {
	tests := []struct {
		name, id, asOf, want string
	}{
		{name: "the next one", id: haiku3, asOf: "2026-10-01", want: "anthropic.claude-haiku-4-5-20251001-v1:0"},
		{name: "past a legacy one", id: "anthropic.claude-3-sonnet-20240229-v1:0", asOf: "2026-11-22", want: "anthropic.claude-sonnet-5-5"},
		{name: "past an ended one", id: "anthropic.claude-3-opus-20240229-v1:0", asOf: "2027-06-01", want: "anthropic.claude-opus-5-5"},
		{name: "none", id: haiku, asOf: "2026-11-22"},
		{name: "unknown", id: "anthropic.claude-9", asOf: "2026-11-22"},
	}
	c := load(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := c.Successor(test.id, day(t, test.asOf))
			if got.ID != test.want || ok != (test.want != "") {
				t.Errorf("got %q, %t, want %q", got.ID, ok, test.want)
			}
		})
	}
}

func TestCost(t *testing.T) {
	price := catalog.Price{Input: 1, Output: 5, CacheRead: 0.1, CacheWrite: 1.25, LongPromptOver: 100_000, LongPromptFactor: 5}
	bare := catalog.Price{Input: 1, Output: 5}
	tests := []struct {
		name  string
		price catalog.Price
		usage inference.Usage
		want  float64
		known bool
	}{
		{name: "input and output", price: bare, usage: inference.Usage{Input: 1000, Output: 200}, want: 0.002, known: true},
		{name: "cache apart", price: price, usage: inference.Usage{Input: 1000, CacheRead: 10_000, CacheWrite: 800}, want: 0.003, known: true},
		{name: "at the long-prompt limit", price: price, usage: inference.Usage{Input: 100_000}, want: 0.1, known: true},
		{name: "over it, by cached tokens", price: price, usage: inference.Usage{Input: 1000, CacheRead: 100_000, Output: 200}, want: 0.06, known: true},
		{name: "no price", usage: inference.Usage{Input: 1}},
		{name: "cache rate unknown", price: bare, usage: inference.Usage{Input: 1, CacheRead: 1}},
		{name: "cache rate unknown but unused", price: bare, usage: inference.Usage{Input: 1_000_000}, want: 1, known: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, known := test.price.Cost(test.usage)
			if math.Abs(got-test.want) > 1e-12 || known != test.known {
				t.Errorf("got %v, %t, want %v, %t", got, known, test.want, test.known)
			}
		})
	}
}

func TestCallPriceFollowsTheForm(t *testing.T) {
	c := load(t)
	tests := []struct {
		name, id string
		want     float64
	}{
		{name: "global is the cheaper", id: "global." + haiku, want: 0.10},
		{name: "geography", id: "us." + haiku, want: 0.11},
		{name: "on demand", id: nova, want: 0.06},
		{name: "profile without a sourced price", id: "us." + nova, want: 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			call, err := c.Resolve(test.id)
			if err != nil {
				t.Fatal(err)
			}
			if got := call.Price().Input; got != test.want {
				t.Errorf("input price %v, want %v", got, test.want)
			}
		})
	}
}
