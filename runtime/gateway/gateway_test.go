package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

// model is a provider that does what a test says.
type model struct {
	complete func(context.Context, *inference.Request) (*inference.Reply, error)
	stream   func(context.Context, *inference.Request) (inference.Stream, error)
}

// Complete implements inference.Provider.
func (m model) Complete(ctx context.Context, r *inference.Request) (*inference.Reply, error) {
	r.Trail.Calls = 1
	return m.complete(ctx, r)
}

// Stream implements inference.Provider.
func (m model) Stream(ctx context.Context, r *inference.Request) (inference.Stream, error) {
	r.Trail.Calls = 1
	return m.stream(ctx, r)
}

// events is a stream of things to do, one for each Next.
type events []func() (inference.Event, error)

// Next implements inference.Stream.
func (e *events) Next() (inference.Event, error) {
	if len(*e) == 0 {
		return inference.Event{}, io.EOF
	}
	next := (*e)[0]
	*e = (*e)[1:]
	return next()
}

// Buffered implements inference.Stream.
func (e *events) Buffered() bool { return false }

// Close implements inference.Stream.
func (*events) Close() error { return nil }

func text(s string) func() (inference.Event, error) {
	return func() (inference.Event, error) { return inference.Event{Kind: inference.EventText, Text: s}, nil }
}

// routes lead every name to one alias.
type routes struct{}

// Route implements inference.Router.
func (routes) Route(string) (inference.Route, error) {
	return inference.Route{Alias: "haiku", Targets: []inference.Target{{Model: "m"}}, DefaultMaxTokens: 10, MaxTokens: 100, Messages: true}, nil
}

// Models implements gateway.Router.
func (routes) Models() []string { return []string{"haiku"} }

// Cost implements gateway.Router.
func (routes) Cost(inference.Target, inference.Usage) (float64, bool) { return 0, false }

func newGateway(m model, ready error, records func(*record.Request)) http.Handler {
	return newGatewayFor(auth.Off{}, m, ready, records)
}

// unlimited are limits that no test here meets.
func unlimited() gateway.Limits {
	return gateway.Limits{
		Gate:    limit.NewGate(limit.GateOptions{Running: 1000}),
		Bodies:  limit.NewBytes(1 << 20),
		Tenants: limit.NewTenants(limit.TenantsOptions{}),
	}
}

func newGatewayFor(callers gateway.Authenticator, m model, ready error, records func(*record.Request)) http.Handler {
	return newLimited(callers, m, ready, records, unlimited())
}

func newLimited(callers gateway.Authenticator, m model, ready error, records func(*record.Request), limits gateway.Limits) http.Handler {
	return gateway.New(optionsFor(callers, m, ready, records, limits))
}

func optionsFor(callers gateway.Authenticator, m model, ready error, records func(*record.Request), limits gateway.Limits) gateway.Options {
	if records == nil {
		records = func(*record.Request) {}
	}
	return gateway.Options{
		Auth:           callers,
		Provider:       m,
		Router:         routes{},
		Ready:          func(context.Context) error { return ready },
		Records:        records,
		Limits:         limits,
		Log:            slog.New(slog.DiscardHandler),
		MaxBodyBytes:   1000,
		RequestTimeout: time.Minute,
		PingInterval:   15 * time.Second,
	}
}

const body = `{"model":"haiku","messages":[{"role":"user","content":"hi"}]}`

func post(handler http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body)))
	return w
}

func TestPanicIsAnsweredAndRecorded(t *testing.T) {
	var got record.Request
	handler := newGateway(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) { panic("a secret") }},
		nil, func(r *record.Request) { got = *r })
	w := post(handler, body)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), `"error"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got.Code != inference.Internal || got.Status != http.StatusInternalServerError {
		t.Errorf("the record says %q, %d", got.Code, got.Status)
	}
}

func TestErrorsThatAreNotTypedSayNothing(t *testing.T) {
	handler := newGateway(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
		return nil, errors.New("dial tcp 10.0.0.7: refused")
	}}, nil, nil)
	if w := post(handler, body); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "10.0.0.7") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestReadinessSaysNoMoreThanItMust(t *testing.T) {
	w := httptest.NewRecorder()
	newGateway(model{}, errors.New("no credentials in /root/.aws"), nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "credentials") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestBodiesThatAreRefusedUnread(t *testing.T) {
	tests := []struct {
		name, header, value, body string
		status                    int
		want                      string
	}{
		{"compressed", "Content-Encoding", "gzip", body, 400, "uncompressed"},
		{"another type", "Content-Type", "text/xml", body, 400, "application/json"},
		{"type with parameters is fine", "Content-Type", "Application/JSON; charset=utf-8", body, 200, "hello"},
		{"too large, announced", "", "", strings.Repeat(" ", 1001), 413, "1000 bytes"},
	}
	handler := newGateway(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
		return &inference.Reply{Blocks: []inference.Block{{Text: "hello"}}, Stop: inference.StopEndTurn}, nil
	}}, nil, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(tt.body))
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	t.Run("too large, unannounced", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", io.MultiReader(strings.NewReader(strings.Repeat(" ", 1001))))
		r.ContentLength = -1
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// Pings fill every silence, before the first token and between tokens, and none follows the end.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(d time.Duration, then func() (inference.Event, error)) func() (inference.Event, error) {
			return func() (inference.Event, error) {
				time.Sleep(d) // the bubble's time
				return then()
			}
		}
		client, stop := memnet.Serve(newGateway(model{stream: func(context.Context, *inference.Request) (inference.Stream, error) {
			time.Sleep(16 * time.Second)
			return &events{text("one"), wait(14*time.Second, text("two")), wait(31*time.Second, text("three"))}, nil
		}}, nil, nil))
		defer stop()
		response, err := client.Post("http://gateway/v1/chat/completions", "application/json", strings.NewReader(body[:len(body)-1]+`,"stream":true}`))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		all, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for event := range strings.SplitSeq(strings.TrimSpace(string(all)), "\n\n") {
			for _, word := range []string{"ping", "one", "two", "three", "[DONE]"} {
				if strings.Contains(event, word) {
					order = append(order, word)
				}
			}
		}
		if got, want := strings.Join(order, " "), "ping one two ping ping three [DONE]"; got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	})
}

// A client that leaves during the silence before the first token is noticed by the ping that cannot be written.
func TestPingThatFailsEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		began := time.Now()
		handler := newGateway(model{stream: func(ctx context.Context, _ *inference.Request) (inference.Stream, error) {
			<-ctx.Done()
			ended <- time.Since(began)
			return nil, inference.Errorf(inference.Canceled, "gone")
		}}, nil, nil)
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body[:len(body)-1]+`,"stream":true}`))
		handler.ServeHTTP(deaf{httptest.NewRecorder()}, r)
		if got := <-ended; got != 15*time.Second {
			t.Errorf("the call ended after %s", got)
		}
	})
}

// deaf is a connection whose client has left.
type deaf struct{ *httptest.ResponseRecorder }

// Write fails.
func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// The gateway's own time leaves out the waiting for Bedrock.
func TestOverheadIsTheGatewaysOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got record.Request
		handler := newGateway(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
			time.Sleep(3 * time.Second)
			return &inference.Reply{Blocks: []inference.Block{{Text: "hello"}}}, nil
		}}, nil, func(r *record.Request) { got = *r })
		post(handler, body)
		if got.Duration != 3*time.Second || got.Upstream != 3*time.Second || got.FirstToken != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// Bedrock's own words about a bad request may quote it, and are for the caller alone.
func TestWhatTheCallerGotWrongIsNotRecorded(t *testing.T) {
	var got record.Request
	handler := newGateway(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
		return nil, &inference.Error{Code: inference.InvalidRequest, Message: "not that", Cause: errors.New("ValidationException: my secret prompt")}
	}}, nil, func(r *record.Request) { got = *r })
	if w := post(handler, body); w.Code != http.StatusBadRequest {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got.Code != inference.InvalidRequest || got.Cause != "" {
		t.Errorf("the record says %q, cause %q", got.Code, got.Cause)
	}
}
