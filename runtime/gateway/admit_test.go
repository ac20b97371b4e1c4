package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

const messages = `{"model":"haiku","max_tokens":20,"messages":[{"role":"user","content":"hi"}]}`

// busy is a gateway with one place to run and one to wait, whose every answer ends when release is closed.
func busy(t *testing.T, records *[]record.Request) (handler http.Handler, release chan struct{}) {
	t.Helper()
	limits := unlimited()
	limits.Gate = limit.NewGate(limit.GateOptions{Running: 1, Waiting: 1, Wait: time.Second})
	release = make(chan struct{})
	m := model{
		complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
			<-release
			return &inference.Reply{Blocks: []inference.Block{{Text: "hello"}}, Stop: inference.StopEndTurn}, nil
		},
		stream: func(context.Context, *inference.Request) (inference.Stream, error) {
			return &events{text("one"), func() (inference.Event, error) {
				<-release
				return inference.Event{}, io.EOF
			}}, nil
		},
	}
	return newLimited(auth.Off{}, m, nil, into(records), limits), release
}

// into collects records, of requests that may end at once.
func into(records *[]record.Request) func(*record.Request) {
	var mu sync.Mutex
	return func(r *record.Request) {
		mu.Lock()
		defer mu.Unlock()
		*records = append(*records, *r)
	}
}

// askAt asks in the background and returns where the answer will be.
func askAt(handler http.Handler, path, body string) (w *httptest.ResponseRecorder, done chan struct{}) {
	w, done = httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	}()
	return w, done
}

// A stream has its place until it ends, the next waits for a second, and whoever comes then is refused at once, unread,
// in the surface's own words. What is no inference request is answered as ever.
func TestBusyGatewayRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []record.Request
		handler, release := busy(t, &records)
		stream, streamed := askAt(handler, endpoint.ChatCompletions, body[:len(body)-1]+`,"stream":true}`)
		synctest.Wait()
		began := time.Now()
		waited, gaveUp := askAt(handler, endpoint.Messages, messages)
		synctest.Wait()
		for path, want := range map[string]struct {
			status int
			text   string
		}{
			endpoint.ChatCompletions: {503, `"type":"server_error","param":null,"code":"overloaded"`},
			endpoint.Messages:        {529, `{"type":"error","error":{"type":"overloaded_error"`},
		} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, unread{t}))
			if after := w.Header().Get("Retry-After"); w.Code != want.status || !strings.Contains(w.Body.String(), want.text) || after < "1" || after > "3" {
				t.Errorf("%s: got %d, come back after %q: %s", path, w.Code, after, w.Body)
			}
		}
		for _, path := range []string{endpoint.Livez, endpoint.Readyz, endpoint.Healthz, endpoint.Models} {
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)); w.Code != http.StatusOK {
				t.Errorf("%s: got %d", path, w.Code)
			}
		}
		if time.Since(began) != 0 {
			t.Error("a refusal waited")
		}
		<-gaveUp
		if took := time.Since(began); waited.Code != 529 || took != time.Second {
			t.Errorf("the request that waited got %d after %s", waited.Code, took)
		}
		close(release)
		<-streamed
		if !strings.HasSuffix(stream.Body.String(), "data: [DONE]\n\n") {
			t.Errorf("the stream got %s", stream.Body)
		}
		if w := post(handler, body); w.Code != http.StatusOK {
			t.Errorf("an idle gateway answers %d", w.Code)
		}
		shed := 0
		for _, r := range records {
			if r.Shed != (r.Code == inference.Overloaded) || r.Limited {
				t.Errorf("the record says %+v", r)
			}
			if r.Shed {
				shed++
			}
		}
		if shed != 3 || len(records) != 5 {
			t.Errorf("%d of %d records were shed, want 3 of 5", shed, len(records))
		}
	})
}

func TestWaitingRequestHasItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []record.Request
		handler, release := busy(t, &records)
		_, first := askAt(handler, endpoint.ChatCompletions, body)
		synctest.Wait()
		second, done := askAt(handler, endpoint.ChatCompletions, body)
		synctest.Wait()
		close(release)
		<-first
		<-done
		if second.Code != http.StatusOK {
			t.Errorf("got %d %s", second.Code, second.Body)
		}
	})
}

// A place that a request had is free again however it ends.
func TestPlacesAreGivenBack(t *testing.T) {
	limits := unlimited()
	limits.Gate = limit.NewGate(limit.GateOptions{Running: 1})
	limits.Bodies = limit.NewBytes(1000)
	limits.Tenants = limit.NewTenants(limit.TenantsOptions{Default: limit.Quota{Streams: 1}})
	var outcome func() (*inference.Reply, error)
	m := model{
		complete: func(context.Context, *inference.Request) (*inference.Reply, error) { return outcome() },
		stream: func(context.Context, *inference.Request) (inference.Stream, error) {
			_, err := outcome()
			return &events{text("one"), func() (inference.Event, error) { return inference.Event{}, err }}, nil
		},
	}
	handler := newLimited(auth.Off{}, m, nil, nil, limits)
	for _, how := range []func() (*inference.Reply, error){
		func() (*inference.Reply, error) { return &inference.Reply{}, nil },
		func() (*inference.Reply, error) { return nil, errors.New("no") },
		func() (*inference.Reply, error) { panic("no") },
	} {
		outcome = how
		for _, b := range []string{body, body[:len(body)-1] + `,"stream":true}`, "{", strings.Repeat(" ", 900)} {
			if w := post(handler, b); w.Code == http.StatusServiceUnavailable || w.Code == http.StatusTooManyRequests {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		}
	}
}

func TestBodiesTogetherAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.Bodies = limit.NewBytes(int64(len(body)) + 10)
		release := make(chan struct{})
		var records []record.Request
		handler := newLimited(auth.Off{}, model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
			<-release
			return &inference.Reply{}, nil
		}}, nil, into(&records), limits)
		_, done := askAt(handler, endpoint.ChatCompletions, body)
		synctest.Wait()
		if w := post(handler, body); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !records[0].Shed {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
		close(release)
		<-done
		if w := post(handler, body); w.Code != http.StatusOK {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// tenants notes what is asked of it and how each lease ends.
type tenants struct {
	asked   limit.Ask
	err     error
	settled []int
	undone  int
}

// Admit implements gateway.Tenants.
func (s *tenants) Admit(_ context.Context, ask limit.Ask) (limit.Lease, error) {
	s.asked = ask
	return s, s.err
}

// Settle implements limit.Lease.
func (s *tenants) Settle(tokens int) { s.settled = append(s.settled, tokens) }

// Cancel implements limit.Lease.
func (s *tenants) Cancel() { s.undone++ }

func TestTenantsOverTheirLimitAreRefused(t *testing.T) {
	failure := inference.Errorf(inference.RateLimited, "Later.")
	failure.RetryAfter = 1500 * time.Millisecond
	limits := unlimited()
	limits.Tenants = &tenants{err: failure}
	var got record.Request
	handler := newLimited(auth.Off{}, model{}, nil, func(r *record.Request) { got = *r }, limits)
	for path, want := range map[string]string{
		endpoint.ChatCompletions: `"code":"rate_limit_exceeded"`,
		endpoint.Messages:        `"type":"rate_limit_error"`,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(messages)))
		if w.Code != 429 || w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), "Later.") {
			t.Errorf("%s: got %d after %s: %s", path, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		if !got.Limited || got.Shed || got.Trail.Calls != 0 {
			t.Errorf("the record says %+v", got)
		}
	}
}

// What a tenant is charged is what the answer took; of one that was cut, what was reserved for it.
func TestCharges(t *testing.T) {
	usage := func(u inference.Usage) func() (inference.Event, error) {
		return func() (inference.Event, error) {
			return inference.Event{Kind: inference.EventUsage, Usage: u, HasUsage: true}, nil
		}
	}
	all := inference.Usage{Input: 5, CacheRead: 1000, CacheWrite: 2, Output: 4}
	broken := func() (inference.Event, error) { return inference.Event{}, errors.New("cut") }
	tests := []struct {
		name   string
		events events
		whole  func() (*inference.Reply, error)
		want   int
	}{
		{"stream", events{text("a"), usage(all)}, nil, 11},
		{"stream cut before the counts", events{text("a"), broken}, nil, 20},
		{"stream cut after some", events{text("a"), usage(inference.Usage{Input: 5, Output: 1}), broken}, nil, 25},
		{"stream without counts", events{text("a")}, nil, 20},
		{"whole", nil, func() (*inference.Reply, error) { return &inference.Reply{Usage: all}, nil }, 11},
		{"refused by the model", nil, func() (*inference.Reply, error) { return nil, inference.Errorf(inference.Upstream, "No.") }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			noted := &tenants{}
			limits := unlimited()
			limits.Tenants = noted
			handler := newLimited(auth.Off{}, model{
				complete: func(context.Context, *inference.Request) (*inference.Reply, error) { return tt.whole() },
				stream:   func(context.Context, *inference.Request) (inference.Stream, error) { return &tt.events, nil },
			}, nil, nil, limits)
			asked := limit.Ask{Tenant: auth.TenantAnonymous, Tokens: 20, Stream: tt.whole == nil}
			b := body[:len(body)-1] + `,"max_tokens":20}`
			if asked.Stream {
				b = b[:len(b)-1] + `,"stream":true}`
			}
			post(handler, b)
			if noted.asked != asked || len(noted.settled) != 1 || noted.settled[0] != tt.want || noted.undone != 0 {
				t.Errorf("asked %+v, charged %v, want %d", noted.asked, noted.settled, tt.want)
			}
		})
	}
}

// What does not come to run is not charged, and not counted.
func TestShedRequestsAreNotCharged(t *testing.T) {
	noted := &tenants{}
	limits := gateway.Limits{Gate: limit.NewGate(limit.GateOptions{Running: 1, Waiting: 1}), Bodies: limit.NewBytes(1000), Tenants: noted}
	if err := limits.Gate.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := post(newLimited(auth.Off{}, model{}, nil, nil, limits), body); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if noted.undone != 1 || len(noted.settled) != 0 {
		t.Errorf("undone %d, charged %v", noted.undone, noted.settled)
	}
}
