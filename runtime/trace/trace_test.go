package trace_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// A request's span goes on with the caller's trace, and has one within for the model, as the conventions name them.
func TestSpans(t *testing.T) {
	in(t, settings.VariantContainers, model{}, func(t *testing.T, w *world) {
		answer := w.ask(question, "00-"+callersTrace+"-"+callersSpan+"-01")
		w.flush(t)
		request, call := w.only(t, ofRequest), w.only(t, ofModel)
		if hex.EncodeToString(request.TraceId) != callersTrace || hex.EncodeToString(request.ParentSpanId) != callersSpan || request.TraceState != "vendor=1" {
			t.Errorf("the request's span is %v", request)
		}
		if !bytes.Equal(call.TraceId, request.TraceId) || !bytes.Equal(call.ParentSpanId, request.SpanId) {
			t.Errorf("the model's span is %v, not within %v", call, request)
		}
		if request.Kind != tracepb.Span_SPAN_KIND_SERVER || call.Kind != tracepb.Span_SPAN_KIND_CLIENT || took(request) != 2*time.Second || took(call) != 2*time.Second {
			t.Errorf("%s of %s, %s of %s", request.Kind, took(request), call.Kind, took(call))
		}
		id := answer.Header().Get("X-Request-Id")
		if diff := cmp.Diff(map[string]any{"http.request.method": "POST", "http.route": "/v1/chat/completions", "http.response.status_code": int64(200),
			"genai_gateway.request.id": id, "genai_gateway.tenant": "anonymous", "genai_gateway.alias": "haiku"}, plain(request.Attributes)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]any{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": target.Model,
			"gen_ai.request.stream": false, "cloud.region": "us-east-1", "genai_gateway.calls": int64(3), "gen_ai.usage.input_tokens": int64(321),
			"gen_ai.usage.cache_read.input_tokens": int64(20), "gen_ai.usage.cache_creation.input_tokens": int64(300),
			"gen_ai.usage.output_tokens": int64(5)}, plain(call.Attributes)); diff != "" {
			t.Error(diff)
		}
		if w.resource["service.name"] != "genai-gateway" || w.resource["deployment.environment.name"] != "dev" || w.resource["genai_gateway.variant"] != "containers" {
			t.Errorf("the resource is %v", w.resource)
		}
		if want := "00-" + callersTrace + "-" + hex.EncodeToString(request.SpanId) + "-01"; answer.Header().Get(gateway.TraceHeader) != want {
			t.Errorf("the caller is told %q, want %q", answer.Header().Get(gateway.TraceHeader), want)
		}
		if w.records[0].TraceID != callersTrace || w.records[0].RequestID != id {
			t.Errorf("the record has trace %q and request %q", w.records[0].TraceID, w.records[0].RequestID)
		}
		if len(w.paths) != 1 || w.paths["/v1/traces"] != 1 {
			t.Errorf("the collector was asked at %v", w.paths)
		}
	})
}

// slow is a client that takes a second for whatever it is sent: here three events and the end.
type slow struct{ http.ResponseWriter }

// Write takes a second.
func (s slow) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.ResponseWriter.Write(p)
}

func TestSpansOfAStream(t *testing.T) {
	in(t, settings.VariantContainers, model{}, func(t *testing.T, w *world) {
		w.handler.ServeHTTP(slow{httptest.NewRecorder()}, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(streaming)))
		w.flush(t)
		call := plain(w.only(t, ofModel).Attributes)
		if call["gen_ai.request.stream"] != true || call["gen_ai.response.time_to_first_chunk"] != 1.0 || took(w.only(t, ofModel)) != 8*time.Second {
			t.Errorf("%v took %s", call, took(w.only(t, ofModel)))
		}
		if request := w.only(t, ofRequest); len(request.ParentSpanId) != 0 || hex.EncodeToString(request.TraceId) != w.records[0].TraceID {
			t.Errorf("without a caller's trace: %v, recorded %q", request, w.records[0].TraceID)
		}
	})
}

// A caller whose trace is not sampled is not traced, and neither is anyone by what is no traceparent; the log has the
// trace.
func TestCallersDecide(t *testing.T) {
	in(t, settings.VariantContainers, model{}, func(t *testing.T, w *world) {
		answer := w.ask(question, "00-"+callersTrace+"-"+callersSpan+"-00")
		if got := answer.Header().Get(gateway.TraceHeader); !strings.HasPrefix(got, "00-"+callersTrace) || !strings.HasSuffix(got, "-00") || w.records[0].TraceID != callersTrace {
			t.Errorf("told %q, recorded %q", got, w.records[0].TraceID)
		}
		for _, wrong := range []string{"00-" + strings.Repeat("0", 32) + "-" + callersSpan + "-01", "ff-x", strings.Repeat("a", 5000)} {
			if got := w.ask(question, wrong).Header().Get(gateway.TraceHeader); len(got) != 55 || strings.Contains(got, strings.Repeat("0", 32)) {
				t.Errorf("%.60s: told %q", wrong, got)
			}
		}
		w.flush(t)
		if got := w.count(); got != 6 {
			t.Errorf("%d spans, want two for each of the three with a trace of their own", got)
		}
	})
}

func TestTheShareOfTheVariables(t *testing.T) {
	t.Setenv(settings.EnvTracingSampler, "parentbased_traceidratio")
	t.Setenv(settings.EnvTracingShare, "0")
	in(t, settings.VariantContainers, model{}, func(t *testing.T, w *world) {
		w.ask(question, "")
		w.ask(question, "00-"+callersTrace+"-"+callersSpan+"-01")
		w.flush(t)
		if len(w.named(ofRequest)) != 1 || hex.EncodeToString(w.named(ofRequest)[0].TraceId) != callersTrace {
			t.Errorf("%d requests are traced, want the one whose caller says so", len(w.named(ofRequest)))
		}
	})
}

// No span says what was asked or answered, or why something failed, but for a code.
func TestFailuresAndNoText(t *testing.T) {
	tests := []struct {
		name, body string
		err        error
		code       string
		status     tracepb.Status_StatusCode // of the request's span
		asked      bool
	}{
		{"refused", `{"model":"haiku","the-secret-member":1}`, nil, "invalid_request", tracepb.Status_STATUS_CODE_UNSET, false},
		{"the model's refusal", question, &inference.Error{Code: inference.InvalidRequest, Message: "the-secret-question is too long", Field: "messages"}, "invalid_request", tracepb.Status_STATUS_CODE_UNSET, true},
		{"failed", question, &inference.Error{Code: inference.Upstream, Message: "the-secret-question", Cause: io.ErrUnexpectedEOF}, "upstream", tracepb.Status_STATUS_CODE_ERROR, true},
		{"failed stream", streaming, &inference.Error{Code: inference.Timeout, Message: "the-secret-question"}, "timeout", tracepb.Status_STATUS_CODE_ERROR, true},
		{"answered", question, nil, "", tracepb.Status_STATUS_CODE_UNSET, true},
		{"streamed", streaming, nil, "", tracepb.Status_STATUS_CODE_UNSET, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, settings.VariantContainers, model{tt.err}, func(t *testing.T, w *world) {
				w.ask(tt.body, "")
				w.flush(t)
				request := w.only(t, ofRequest)
				if code, _ := plain(request.Attributes)["error.type"].(string); code != tt.code || request.GetStatus().GetCode() != tt.status {
					t.Errorf("the request's span has %q, %s", code, request.GetStatus())
				}
				calls := w.named(ofModel)
				if len(calls) > 0 != tt.asked {
					t.Fatalf("%d spans of the model", len(calls))
				}
				for _, call := range calls {
					code, _ := plain(call.Attributes)["error.type"].(string)
					if code != tt.code || (call.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR) != (tt.code != "") {
						t.Errorf("the model's span has %q, %s", code, call.GetStatus())
					}
				}
				if text := fmt.Sprint(w.spans, w.resource, w.log.String()); strings.Contains(text, "the-secret") {
					t.Errorf("what was said is in %s", text)
				}
			})
		})
	}
}

// A server's answers do not wait for a collector, and what it does not take is lost, and said so.
func TestAServerDoesNotWait(t *testing.T) {
	in(t, settings.VariantInstances, model{}, func(t *testing.T, w *world) {
		w.delay = time.Hour
		began := time.Now()
		w.ask(question, "")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("with a silent collector an answer took %s", took)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !strings.Contains(w.log.String(), `"msg":"spans are lost","spans":2`) {
			t.Errorf("the log says %s", w.log.String())
		}
		w.ask(question, "")
		limited, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began = time.Now()
		if err := w.tracer.Close(limited); err == nil || !strings.Contains(err.Error(), "spans are lost") || time.Since(began) != 5*time.Second {
			t.Errorf("the end took %s: %v", time.Since(began), err)
		}
	})
}

// A function sends each request's spans before it ends, for it is frozen then; and waits little.
func TestAFunctionSendsAtOnce(t *testing.T) {
	in(t, settings.VariantServerless, model{}, func(t *testing.T, w *world) {
		w.ask(question, "")
		if got := w.count(); got != 2 {
			t.Errorf("when the request ended, the collector had %d spans", got)
		}
		w.collected.mu.Lock()
		w.delay = time.Hour
		w.collected.mu.Unlock()
		began := time.Now()
		w.ask(question, "")
		if took := time.Since(began); took > 2*time.Second+time.Second {
			t.Errorf("with a silent collector an answer took %s", took)
		}
		w.collected.mu.Lock()
		w.delay, w.status = 0, http.StatusServiceUnavailable
		w.collected.mu.Unlock()
		began = time.Now()
		w.ask(question, "")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("with a failing collector an answer took %s", took)
		}
		if strings.Count(w.log.String(), `"msg":"spans are lost"`) != 2 {
			t.Errorf("the log says %s", w.log.String())
		}
	})
}
