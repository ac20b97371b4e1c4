package trace_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/runtime/trace"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

// collected is a collector: it takes OTLP over HTTP and keeps the spans. It is safe for concurrent use.
type collected struct {
	mu       sync.Mutex
	status   int           // of the answers; 0 is 200
	delay    time.Duration // before it answers
	paths    map[string]int
	resource map[string]any
	spans    []*tracepb.Span
}

// ServeHTTP implements http.Handler.
func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	status, delay := c.status, c.delay
	c.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	c.paths[r.URL.Path]++
	for _, of := range sent.ResourceSpans {
		c.resource = plain(of.Resource.Attributes)
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collected) named(name string) []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*tracepb.Span
	for _, span := range c.spans {
		if span.Name == name {
			found = append(found, span)
		}
	}
	return found
}

func (c *collected) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.spans)
}

func plain(attributes []*common.KeyValue) map[string]any {
	values := map[string]any{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			values[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			values[a.Key] = v.IntValue
		case *common.AnyValue_BoolValue:
			values[a.Key] = v.BoolValue
		case *common.AnyValue_DoubleValue:
			values[a.Key] = v.DoubleValue
		default:
			values[a.Key] = fmt.Sprint(v)
		}
	}
	return values
}

// model answers after two seconds with what a prompt's secret would be.
type model struct{ err error }

var target = inference.Target{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"}

// Complete implements inference.Provider.
func (m model) Complete(_ context.Context, r *inference.Request) (*inference.Reply, error) {
	r.Trail = inference.Trail{Target: target, Calls: 3}
	time.Sleep(2 * time.Second)
	if m.err != nil {
		return nil, m.err
	}
	return &inference.Reply{Blocks: []inference.Block{{Text: "the-secret-answer"}}, Usage: inference.Usage{Input: 1, CacheRead: 20, CacheWrite: 300, Output: 5}}, nil
}

// Stream implements inference.Provider.
func (m model) Stream(_ context.Context, r *inference.Request) (inference.Stream, error) {
	r.Trail = inference.Trail{Target: target, Calls: 1}
	time.Sleep(time.Second)
	if m.err != nil {
		return nil, m.err
	}
	return &events{left: 3}, nil
}

// events are texts, a second apart.
type events struct{ left int }

// Next implements inference.Stream.
func (e *events) Next() (inference.Event, error) {
	if e.left == 0 {
		return inference.Event{}, io.EOF
	}
	e.left--
	time.Sleep(time.Second)
	return inference.Event{Kind: inference.EventText, Text: "the-secret-answer"}, nil
}

// Buffered implements inference.Stream.
func (*events) Buffered() bool { return false }

// Close implements inference.Stream.
func (*events) Close() error { return nil }

// routes lead every name to one alias.
type routes struct{}

// Route implements inference.Router.
func (routes) Route(string) (inference.Route, error) {
	return inference.Route{Alias: "haiku", Targets: []inference.Target{target}, DefaultMaxTokens: 10, MaxTokens: 100, Messages: true}, nil
}

// Models implements gateway.Router.
func (routes) Models() []string { return []string{"haiku"} }

// Cost implements gateway.Router.
func (routes) Cost(inference.Target, inference.Usage) (float64, bool) { return 0, false }

// world is a gateway that traces, the collector and the log.
type world struct {
	*collected
	handler http.Handler
	tracer  gateway.Tracer
	records []record.Request
	log     bytes.Buffer
}

// in runs a test in a bubble of time. What the variant holds is sent at the end, unless the test has done so.
func in(t *testing.T, variant string, m model, test func(*testing.T, *world)) {
	t.Helper()
	t.Setenv(settings.EnvTracingEndpoint, "http://collector")
	synctest.Test(t, func(t *testing.T) {
		w := &world{collected: &collected{paths: map[string]int{}}}
		client, stop := memnet.Serve(w.collected)
		defer stop()
		var err error
		if w.tracer, err = trace.OpenOver(client, "dev", variant, slog.New(slog.NewJSONHandler(&w.log, nil))); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.tracer.Close(context.Background()) }()
		w.handler = gateway.New(gateway.Options{
			Auth: auth.Off{}, Provider: m, Router: routes{}, Ready: func(context.Context) error { return nil },
			Records: func(r *record.Request) { w.records = append(w.records, *r) }, Log: slog.New(slog.DiscardHandler), MaxBodyBytes: 1000,
			Limits:         gateway.Limits{Gate: limit.NewGate(limit.GateOptions{Running: 10}), Bodies: limit.NewBytes(1 << 20), Tenants: limit.NewTenants(limit.TenantsOptions{})},
			RequestTimeout: time.Minute, PingInterval: 15 * time.Second, Tracer: w.tracer,
		})
		test(t, w)
	})
}

const (
	question  = `{"model":"haiku","messages":[{"role":"user","content":"the-secret-question"}]}`
	streaming = `{"model":"haiku","stream":true,"messages":[{"role":"user","content":"the-secret-question"}]}`

	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

func (w *world) ask(body, traceparent string) *httptest.ResponseRecorder {
	answer, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
		r.Header.Set("Tracestate", "vendor=1")
	}
	w.handler.ServeHTTP(answer, r)
	return answer
}

// flush sends what is held.
func (w *world) flush(t *testing.T) {
	t.Helper()
	if err := w.tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// only returns the one span of a name.
func (w *world) only(t *testing.T, name string) *tracepb.Span {
	t.Helper()
	found := w.named(name)
	if len(found) != 1 {
		t.Fatalf("there are %d spans %q of %d", len(found), name, w.count())
	}
	return found[0]
}

const (
	ofRequest = "POST /v1/chat/completions"
	ofModel   = "chat global.anthropic.claude-haiku-5-5"
)

func took(span *tracepb.Span) time.Duration {
	return time.Duration(span.EndTimeUnixNano - span.StartTimeUnixNano)
}
