package conformance_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/genai-pipeline/genai-pipeline/test/output"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// traced is the variant with the program that can trace.
func (v variant) traced(t *testing.T) variant {
	t.Helper()
	program := "./runtime/cmd/tracedserver"
	if v.function != nil {
		program = "./runtime/cmd/tracedlambda"
	}
	v.program = filepath.Join(t.TempDir(), filepath.Base(program))
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := synthesis.Build(root, program, v.program); err != nil {
		t.Fatal(err)
	}
	return v
}

// traces is a collector. It is safe for concurrent use.
type traces struct {
	mu      sync.Mutex
	bodies  []string
	spans   []*tracepb.Span
	changed chan struct{} // closed and replaced with every export
}

// ServeHTTP takes OTLP over HTTP.
func (c *traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, string(body))
	for _, of := range sent.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait returns the spans and all that was sent, once there are as many as wanted.
func (c *traces) wait(t *testing.T, want int) ([]*tracepb.Span, string) {
	t.Helper()
	limit := time.After(output.Patience)
	for {
		c.mu.Lock()
		spans, sent, changed := c.spans, strings.Join(c.bodies, ""), c.changed
		c.mu.Unlock()
		if len(spans) >= want {
			return spans, sent
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d of %d spans arrived", len(spans), want)
		}
	}
}

func TestTraces(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			taken := &traces{changed: make(chan struct{})}
			server := httptest.NewServer(taken)
			t.Cleanup(server.Close)
			d := v.traced(t).start(t, options{environment: map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_BSP_SCHEDULE_DELAY": "100", "GENAI_LOG_LEVEL": "debug"}})
			ids := map[string]bool{}
			for _, s := range surfaces() {
				for _, body := range []string{`{"model":"haiku","max_tokens":50,"messages":[{"role":"user","content":"the-secret-question"}]}`,
					`{"model":"haiku","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"the-secret-question"}]}`} {
					request, _ := http.NewRequest(http.MethodPost, d.url+s.path, strings.NewReader(body))
					request.Header.Set("Content-Type", "application/json")
					request.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
					ids[response.Header.Get("X-Request-Id")+response.Header.Get("Request-Id")] = true
					if got := response.Header.Get("Traceresponse"); response.StatusCode != 200 || !strings.HasPrefix(got, "00-"+trace+"-") {
						t.Errorf("%s: %d, traceresponse %q", s.name, response.StatusCode, got)
					}
				}
			}
			for _, line := range d.records(t, len(ids)) {
				if id, _ := line["request_id"].(string); !ids[id] || line["trace_id"] != trace {
					t.Errorf("the log has request %v in trace %v", line["request_id"], line["trace_id"])
				}
			}
			spans, sent := taken.wait(t, 2*len(ids))
			names := map[string]int{}
			for _, span := range spans {
				names[span.Name]++
				if hex.EncodeToString(span.TraceId) != trace {
					t.Errorf("%s is in trace %x", span.Name, span.TraceId)
				}
				for _, a := range span.Attributes {
					if a.Key == "genai_gateway.request.id" {
						delete(ids, a.Value.GetStringValue())
					}
				}
			}
			if names["POST /v1/chat/completions"] != 2 || names["POST /v1/messages"] != 2 || names["chat global.anthropic.claude-haiku-5-5"] != 4 || len(ids) > 0 {
				t.Errorf("the spans are %v; without one are the requests %v", names, ids)
			}
			if strings.Contains(sent, "the-secret") || strings.Contains(sent, "Embedded Bedrock") {
				t.Error("what was said is in a span")
			}
		})
	}
}

// A program that cannot trace says so, and serves all the same.
func TestPlainProgramsDoNotTrace(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}})
			response, _, err := surfaces()[0].post(t, d, false)
			if err != nil || response.StatusCode != 200 || response.Header.Get("Traceresponse") != "" {
				t.Errorf("%v, %v", response, err)
			}
			d.saw(t, "this program cannot trace")
		})
	}
}
