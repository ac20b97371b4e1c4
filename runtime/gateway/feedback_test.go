package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/feedback"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// byKey takes the tenant from the request's key.
type byKey struct{}

// Authenticate implements gateway.Authenticator.
func (byKey) Authenticate(r *http.Request) (auth.Caller, error) {
	if key := auth.Bearer(r); key != "" {
		return auth.Caller{Tenant: key, Method: auth.MethodKeys}, nil
	}
	return auth.Caller{}, inference.Errorf(inference.Unauthenticated, "Who are you?")
}

// sealed is the feedback secret.
type sealed struct{}

func (sealed) Read(context.Context) ([]byte, error) { return []byte(strings.Repeat("s", 40)), nil }

// rated is a gateway that takes ratings, and what it recorded.
type rated struct {
	http.Handler
	requests []record.Request
	ratings  []record.Feedback
}

func newRated(m model) *rated {
	g := &rated{}
	g.Handler = gateway.New(gateway.Options{
		Auth: byKey{}, Provider: m, Router: routes{}, Ready: func(context.Context) error { return nil },
		Records: func(r *record.Request) { g.requests = append(g.requests, *r) }, Log: slog.New(slog.DiscardHandler),
		Limits: unlimited(), MaxBodyBytes: 100_000, RequestTimeout: time.Minute, PingInterval: 15 * time.Second,
		Feedback: feedback.New(feedback.Options{Secret: sealed{}, Log: slog.New(slog.DiscardHandler)}),
		Ratings:  func(f *record.Feedback) { g.ratings = append(g.ratings, *f) },
	})
	return g
}

func (g *rated) post(path, tenant, body string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+tenant)
	g.ServeHTTP(w, r)
	return w
}

// asks are an answer in one piece and streams, one of which pings before its first event, on both surfaces.
var asks = []struct {
	name, path, idHeader, body string
	silence                    time.Duration
}{
	{"openai", endpoint.ChatCompletions, "X-Request-Id", body, 0},
	{"openai stream", endpoint.ChatCompletions, "X-Request-Id", strings.Replace(body, "{", `{"stream":true,`, 1), 0},
	{"openai stream that pings", endpoint.ChatCompletions, "X-Request-Id", strings.Replace(body, "{", `{"stream":true,`, 1), 20 * time.Second},
	{"anthropic", endpoint.Messages, "Request-Id", strings.Replace(body, "{", `{"max_tokens":5,`, 1), 0},
	{"anthropic stream", endpoint.Messages, "Request-Id", strings.Replace(body, "{", `{"max_tokens":5,"stream":true,`, 1), 0},
}

// talks answers after a silence.
func talks(silence time.Duration) model {
	return model{
		complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
			time.Sleep(silence)
			return &inference.Reply{Blocks: []inference.Block{{Text: "Hello."}}, Body: []byte(`{"id":"msg_1"}`)}, nil
		},
		stream: func(_ context.Context, r *inference.Request) (inference.Stream, error) {
			time.Sleep(silence)
			if len(r.Body) > 0 { // Anthropic's surface passes events through
				return &events{func() (inference.Event, error) {
					return inference.Event{Kind: inference.EventRaw, Type: "message_stop", Raw: []byte(`{"type":"message_stop"}`)}, nil
				}}, nil
			}
			return &events{text("Hello.")}, nil
		},
	}
}

func TestAnAnswerIsRatedByTheTenantThatGotIt(t *testing.T) {
	for _, tt := range asks {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRated(talks(tt.silence))
				began := time.Now()
				answer := g.post(tt.path, "team-a", tt.body)
				id, request := answer.Header().Get(gateway.FeedbackHeader), answer.Header().Get(tt.idHeader)
				if answer.Code != 200 || !strings.HasPrefix(id, feedback.Prefix) {
					t.Fatalf("%d %q %s", answer.Code, id, answer.Body)
				}
				time.Sleep(time.Hour)
				rate := fmt.Sprintf(`{"feedback_id":%q,"thumbs":"down","reason":"incorrect"}`, id)
				if got := g.post(endpoint.Feedback, "team-b", rate); got.Code != 404 || len(g.ratings) != 0 {
					t.Errorf("another tenant: %d %s", got.Code, got.Body)
				}
				if got := g.post(endpoint.Feedback, "team-a", rate); got.Code != 200 || got.Body.String() != `{"object":"feedback","request_id":"`+request+`"}` {
					t.Errorf("the tenant itself: %d %s", got.Code, got.Body)
				}
				if got := g.post(endpoint.Feedback, "team-a", rate); got.Code != 409 || !strings.Contains(got.Body.String(), `"param":"feedback_id","code":"conflict"`) {
					t.Errorf("again: %d %s", got.Code, got.Body)
				}
				if len(g.ratings) != 1 || len(g.requests) != 1 {
					t.Fatalf("recorded %v of %v", g.ratings, g.requests)
				}
				got, of := g.ratings[0], g.requests[0]
				if answered := got.Answered.Sub(began); answered < 0 || answered > tt.silence+time.Second || !got.Time.Equal(time.Now()) {
					t.Errorf("answered %s after the request, rated at %s", answered, got.Time)
				}
				got.Answered, got.Time = time.Time{}, time.Time{}
				want := record.Feedback{RequestID: of.RequestID, Tenant: of.Tenant, Auth: auth.MethodKeys, Alias: of.Alias, Thumbs: "down", Reason: "incorrect"}
				if got != want || want.RequestID != request || want.Tenant != "team-a" || want.Alias != "haiku" {
					t.Errorf("recorded %+v, want %+v of %s", got, want, request)
				}
			})
		})
	}
}

func TestRefusalsHaveNoFeedbackID(t *testing.T) {
	failing := &inference.Error{Code: inference.Upstream, Message: "Down."}
	g := newRated(model{
		complete: func(context.Context, *inference.Request) (*inference.Reply, error) { return nil, failing },
		stream:   func(context.Context, *inference.Request) (inference.Stream, error) { return nil, failing },
	})
	for _, tt := range asks {
		for _, body := range []string{tt.body, "{"} {
			if got := g.post(tt.path, "team-a", body); got.Code < 400 || got.Header().Get(gateway.FeedbackHeader) != "" {
				t.Errorf("%s: %d %q", tt.name, got.Code, got.Header())
			}
		}
	}
}

func TestFeedbackSpeaksTheCallersLanguage(t *testing.T) {
	g := newRated(talks(0))
	for version, want := range map[string]string{
		"":           `{"error":{"message":"comment: is not known here`,
		"2023-06-01": `{"type":"error","error":{"type":"invalid_request_error","message":"comment: is not known here`,
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, endpoint.Feedback, strings.NewReader(`{"comment":"It said 'a secret'."}`))
		r.Header.Set("Authorization", "Bearer team-a")
		if version != "" {
			r.Header.Set("Anthropic-Version", version)
		}
		g.ServeHTTP(w, r)
		if w.Code != 400 || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("version %q: %d %s", version, w.Code, w.Body)
		}
	}
	if got := g.post(endpoint.Feedback, "team-a", `{"feedback_id":"`+strings.Repeat("x", feedback.MaxBodyBytes)+`"}`); got.Code != 413 {
		t.Errorf("a large body: %d %s", got.Code, got.Body)
	}
}

// A gateway without feedback gives no ids and takes no ratings, whoever asks.
func TestFeedbackThatIsOff(t *testing.T) {
	handler := newGateway(talks(0), nil, nil)
	if got := post(handler, body); got.Code != 200 || got.Header().Get(gateway.FeedbackHeader) != "" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, endpoint.Feedback, strings.NewReader("{}")))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "takes no feedback") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// unsure is feedback that cannot tell at the moment.
type unsure struct{ gateway.Feedback }

func (unsure) Rate(context.Context, []byte, string) (feedback.Rating, error) {
	return feedback.Rating{}, &inference.Error{Code: inference.Internal, Message: "Not now.", Cause: errors.New("AccessDenied for role/x")}
}

func TestTheOperatorIsToldWhyRatingsFail(t *testing.T) {
	var said strings.Builder
	handler := gateway.New(gateway.Options{Auth: byKey{}, Router: routes{}, MaxBodyBytes: 1000, Feedback: unsure{}, Log: slog.New(slog.NewTextHandler(&said, nil))})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, endpoint.Feedback, strings.NewReader("{}"))
	r.Header.Set("Authorization", "Bearer team-a")
	handler.ServeHTTP(w, r)
	if w.Code != 500 || strings.Contains(w.Body.String(), "role/x") || !strings.Contains(said.String(), "AccessDenied for role/x") {
		t.Errorf("%d %s; the log says %s", w.Code, w.Body, said.String())
	}
}
