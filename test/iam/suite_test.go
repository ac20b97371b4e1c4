package iam_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// observations are the calls of each subject, by its stack's id and what runs the program.
var observations sync.Map

// observed returns the calls of a subject, which runs once. Tests that ask for the same subject must do so one after the
// other.
func observed(t *testing.T, s subject) []call {
	t.Helper()
	key := s.stack.ID + "/" + s.told.resource
	if calls, ok := observations.Load(key); ok {
		return calls.([]call)
	}
	calls := s.observe(t, s)
	if !t.Failed() {
		observations.Store(key, calls)
	}
	return calls
}

// observe runs the program of a subject through everything that makes it call AWS, and returns the calls, each once.
func observe(t *testing.T, s subject) []call {
	t.Helper()
	told, err := settings.Load(func(name string) string { return s.told.environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	var calls []call
	// Every part has a process of its own: the retry budget and the cooling of targets outlive a request. What it calls
	// while it ends counts too.
	part := func(name string, run func(*testing.T, client)) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			t.Run("asked", func(t *testing.T) {
				run(t, client{s.start(t, s, w.standIns), told.Auth.Mode == settings.AuthKeys, w})
			})
			calls = append(calls, w.calls(t)...)
		})
	}
	part("without a model", askNoModel)
	for _, alias := range told.Aliases {
		part(alias.Name, func(t *testing.T, c client) { askAlias(t, c, alias, told.MaxCalls) })
	}
	for _, kind := range bedrocktest.Kinds() {
		part("fault "+string(kind), func(t *testing.T, c client) { askInTrouble(t, c, told.Aliases[0].Name, kind, told.MaxCalls) })
	}
	slices.SortFunc(calls, func(a, b call) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(calls)
}

// client asks a running program.
type client struct {
	url   string
	keyed bool // callers have API keys
	world *world
}

// shape is one way to ask a model.
type shape struct {
	path   string
	stream bool
}

// shapes make the four operations: Chat Completions becomes Converse, Messages InvokeModel, each whole and streamed.
var shapes = []shape{
	{endpoint.ChatCompletions, false},
	{endpoint.ChatCompletions, true},
	{endpoint.Messages, false},
	{endpoint.Messages, true},
}

// ask sends a request with the API key, or signed as far as an API can tell without the secret, and reads the whole answer.
func (c client) ask(t *testing.T, method, path, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Amz-Date", "20261122T000000Z")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIACALLER/20261122/us-east-1/execute-api/aws4_request, "+
		"SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64))
	if c.keyed {
		request.Header.Set("Authorization", "Bearer "+callerKey)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // a fault may break it off
	return response.StatusCode
}

func (c client) askModel(t *testing.T, model string, s shape) int {
	t.Helper()
	return c.ask(t, http.MethodPost, s.path,
		fmt.Sprintf(`{"model":%q,"max_tokens":100,"stream":%t,"messages":[{"role":"user","content":"Count to three."}]}`, model, s.stream))
}

// askNoModel asks every endpoint that calls no model.
func askNoModel(t *testing.T, c client) {
	for _, e := range endpoint.All() {
		if e.Method != http.MethodGet {
			continue
		}
		path := strings.ReplaceAll(e.Path, "{id}", "none")
		if status := c.ask(t, e.Method, path, ""); status != http.StatusOK && e.Path != endpoint.Model {
			t.Errorf("%s %s answered %d", e.Method, path, status)
		}
	}
	if calls := c.world.bedrock.Calls(); len(calls) > 0 {
		t.Errorf("Bedrock got %+v", calls)
	}
}

// askAlias asks an alias in every shape, so that every target of it answers once, and the first once more after all
// have failed.
func askAlias(t *testing.T, c client, alias settings.Alias, maxCalls int) {
	for _, s := range shapes {
		if s.path == endpoint.Messages && !allAnthropic(alias) {
			before := len(c.world.bedrock.Calls())
			if status := c.askModel(t, alias.Name, s); status == http.StatusOK || len(c.world.bedrock.Calls()) != before {
				t.Errorf("%+v: Messages answered %d for a model that is not Anthropic's", s, status)
			}
			continue
		}
		for failures := range min(len(alias.Targets)+1, maxCalls) {
			c.world.bedrock.Script(slices.Repeat([]bedrocktest.Fault{{Kind: bedrocktest.Capacity}}, failures)...)
			before := len(c.world.bedrock.Calls())
			status := c.askModel(t, alias.Name, s)
			if got := len(c.world.bedrock.Calls()) - before; status != http.StatusOK || got != failures+1 {
				t.Errorf("%+v after %d failures: answered %d with %d calls", s, failures, status, got)
			}
		}
	}
}

func allAnthropic(alias settings.Alias) bool {
	return !slices.ContainsFunc(alias.Targets, func(t settings.Target) bool { return !strings.Contains("."+t.Model, ".anthropic.") })
}

// askInTrouble asks while every call fails in one way.
func askInTrouble(t *testing.T, c client, model string, kind bedrocktest.Kind, maxCalls int) {
	fault := bedrocktest.Fault{Kind: kind}
	if kind == bedrocktest.Silence {
		fault.Delay = time.Millisecond
	}
	for _, s := range shapes {
		before := len(c.world.bedrock.Calls())
		c.world.bedrock.Script(slices.Repeat([]bedrocktest.Fault{fault}, maxCalls-len(c.world.bedrock.Scripted()))...)
		_ = c.askModel(t, model, s)
		if len(c.world.bedrock.Calls()) == before {
			t.Errorf("%+v: Bedrock got no call", s)
		}
	}
}
