package router_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/router"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const (
	haiku  = "global.anthropic.claude-haiku-5-5"
	sonnet = "global.anthropic.claude-sonnet-5-5"
	here   = "us-east-1"
	there  = "us-west-2"
)

func aliases() []settings.Alias {
	return []settings.Alias{
		{Name: "fast", DefaultMaxTokens: 10, MaxTokens: 20, Targets: []settings.Target{{Model: haiku, Region: here}, {Model: haiku, Region: there}, {Model: sonnet, Region: here}}},
		{Name: "good", DefaultMaxTokens: 30, MaxTokens: 40, Targets: []settings.Target{{Model: sonnet, Region: there}}},
	}
}

func newRouter(t *testing.T, list []settings.Alias) *router.Router {
	t.Helper()
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(list, known)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRoute(t *testing.T) {
	tests := []struct {
		name, model, alias string
		targets            []inference.Target
	}{
		{"alias", "fast", "fast", []inference.Target{{Model: haiku, Region: here}, {Model: haiku, Region: there}, {Model: sonnet, Region: here}}},
		{"profile id keeps that model alone", haiku, "fast", []inference.Target{{Model: haiku, Region: here}, {Model: haiku, Region: there}}},
		{"foundation model id likewise", "anthropic.claude-haiku-5-5", "fast", []inference.Target{{Model: haiku, Region: here}, {Model: haiku, Region: there}}},
		{"first alias that has the model wins", sonnet, "fast", []inference.Target{{Model: sonnet, Region: here}}},
	}
	r := newRouter(t, aliases())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			route, err := r.Route(tt.model)
			if err != nil {
				t.Fatal(err)
			}
			if route.Alias != tt.alias || !route.Messages {
				t.Errorf("got alias %q, Messages %t", route.Alias, route.Messages)
			}
			if diff := cmp.Diff(tt.targets, route.Targets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnknownModelListsWhatThereIs(t *testing.T) {
	_, err := newRouter(t, aliases()).Route("gpt-4" + strings.Repeat("é", 500))
	var failure *inference.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v", err)
	}
	if failure.Code != inference.NotFound || failure.Field != "model" || !strings.Contains(failure.Message, "Available: fast, good.") || len(failure.Message) > 250 {
		t.Errorf("got %+v", failure)
	}
}

func TestNewNamesEveryUnknownModel(t *testing.T) {
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	bad := []settings.Alias{{Name: "a", Targets: []settings.Target{{Model: "nope-1", Region: here}, {Model: "nope-2", Region: here}}}}
	_, err = router.New(bad, known)
	if err == nil || !strings.Contains(err.Error(), "nope-1") || !strings.Contains(err.Error(), "nope-2") {
		t.Errorf("got %v", err)
	}
}

func TestCost(t *testing.T) {
	r := newRouter(t, aliases())
	// Catalog, global.anthropic.claude-sonnet-5-5: 2 and 10 dollars per million.
	usd, known := r.Cost(inference.Target{Model: sonnet, Region: here}, inference.Usage{Input: 1_000_000, Output: 100_000})
	if !known || usd != 3 {
		t.Errorf("got %v, %t; want 3", usd, known)
	}
	if _, known := r.Cost(inference.Target{}, inference.Usage{Input: 1}); known {
		t.Error("a price is known for no target at all")
	}
}
