package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// nowhere takes an answer and keeps nothing of it but what arrived at once.
type nowhere struct {
	header http.Header
	writes []string // with keep
	keep   bool
}

func (w *nowhere) Header() http.Header { return w.header }

func (w *nowhere) WriteHeader(int) {}

func (w *nowhere) Flush() {}

func (w *nowhere) Write(p []byte) (int, error) {
	if w.keep {
		w.writes = append(w.writes, string(p))
	}
	return len(p), nil
}

// chunks is a stream whose events arrive in bursts.
type chunks struct{ left, burst int }

func (c *chunks) Next() (inference.Event, error) {
	if c.left == 0 {
		return inference.Event{}, io.EOF
	}
	c.left--
	return inference.Event{Kind: inference.EventText, Text: "0123456789"}, nil
}

func (c *chunks) Buffered() bool { return c.left > 0 && c.left%c.burst != 0 }

func (c *chunks) Close() error { return nil }

// accounted is a gateway that writes its records, as the programs do.
func accounted(m model) http.Handler {
	return newGatewayFor(auth.Off{}, m, nil, record.NewWriter(io.Discard, "dev", "containers").Write)
}

func ask(handler http.Handler, w http.ResponseWriter, stream bool) {
	body := body
	if stream {
		body = strings.Replace(body, `{`, `{"stream":true,`, 1)
	}
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body)))
}

// The budgets hold the gateway's part of a request, with its record, but without the model's. About twenty allocations
// are the test's own request and header.
func TestARequestAllocatesLittle(t *testing.T) {
	handler := accounted(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
		return &inference.Reply{Blocks: []inference.Block{{Text: "Hello."}}, Usage: inference.Usage{Input: 1, Output: 2}}, nil
	}})
	const budget = 48
	if got := testing.AllocsPerRun(200, func() { ask(handler, &nowhere{header: http.Header{}}, false) }); got > budget {
		t.Errorf("%v allocations, want at most %d", got, budget)
	}
}

func TestAnEventAllocatesNothing(t *testing.T) {
	allocations := func(events int) float64 {
		handler := accounted(model{stream: func(context.Context, *inference.Request) (inference.Stream, error) {
			return &chunks{left: events, burst: 1}, nil
		}})
		return testing.AllocsPerRun(50, func() { ask(handler, &nowhere{header: http.Header{}}, true) })
	}
	few, many := allocations(10), allocations(1010)
	if each := (many - few) / 1000; each > 0.05 { // growing the buffer once is none
		t.Errorf("%.2f allocations an event, want none", each)
	}
}

func TestEventsThatArriveTogetherLeaveTogether(t *testing.T) {
	handler := accounted(model{stream: func(context.Context, *inference.Request) (inference.Stream, error) {
		return &chunks{left: 12, burst: 4}, nil
	}})
	w := &nowhere{header: http.Header{}, keep: true}
	ask(handler, w, true)
	var events []int
	for _, text := range w.writes {
		events = append(events, strings.Count(text, "0123456789"))
	}
	if len(events) != 4 || events[0] != 4 || events[1] != 4 || events[2] != 4 || !strings.Contains(w.writes[3], "[DONE]") {
		t.Errorf("%v events were written at a time, want 4 each and then the end", events)
	}
}

// broken is a stream that fails together with its last events.
type broken struct{ chunks }

func (b *broken) Buffered() bool { return true }

func (b *broken) Next() (inference.Event, error) {
	event, err := b.chunks.Next()
	if err != nil {
		err = &inference.Error{Code: inference.Upstream, Message: "Cut short."}
	}
	return event, err
}

func TestWhatArrivedWithAFailureIsNotLost(t *testing.T) {
	handler := accounted(model{stream: func(context.Context, *inference.Request) (inference.Stream, error) {
		return &broken{chunks{left: 2, burst: 1}}, nil
	}})
	w := httptest.NewRecorder()
	ask(handler, w, true)
	if got := w.Body.String(); w.Code != http.StatusOK || strings.Count(got, "0123456789") != 2 || !strings.Contains(got, "Cut short.") {
		t.Errorf("answered %d %s", w.Code, got)
	}
}
