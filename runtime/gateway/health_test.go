package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// patient is a gateway whose calls end as told.
type patient struct {
	handler http.Handler
	failure inference.Code // empty: the call is answered
}

func newPatient() *patient {
	p := &patient{}
	p.handler = newGateway(model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
		if p.failure != "" {
			return nil, &inference.Error{Code: p.failure, Message: "As told."}
		}
		return &inference.Reply{}, nil
	}}, nil, func(*record.Request) {})
	return p
}

// call makes calls that end with the code.
func (p *patient) call(n int, code inference.Code) {
	p.failure = code
	for range n {
		r := httptest.NewRequest(http.MethodPost, endpoint.ChatCompletions, strings.NewReader(`{"model":"haiku","messages":[{"role":"user","content":"Hi"}]}`))
		p.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func (p *patient) healthy() bool {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, endpoint.Healthz, nil))
	body, _ := io.ReadAll(w.Body)
	return w.Code == http.StatusOK && string(body) == `{"status":"healthy"}`
}

func TestWhatCountsAgainstHealth(t *testing.T) {
	for code, want := range map[inference.Code]bool{
		inference.Upstream: false, inference.Overloaded: false, inference.Timeout: false, inference.Internal: false,
		inference.RateLimited:    false, // each Region has a quota of its own
		inference.InvalidRequest: true, inference.NotFound: true, inference.Canceled: true, "": true,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPatient()
			p.call(4, code)
			if !p.healthy() {
				t.Errorf("%q: four calls are too few to be unhealthy", code)
			}
			p.call(1, code)
			if p.healthy() != want {
				t.Errorf("%q: healthy is %v after five; want %v", code, !want, want)
			}
		})
	}
}

func TestHalfOfTheCallsAreNotMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		p.call(5, "")
		p.call(5, inference.Upstream)
		if !p.healthy() {
			t.Error("unhealthy, and half of the calls were answered")
		}
		p.call(20, inference.Canceled)
		if !p.healthy() {
			t.Error("unhealthy by callers who left")
		}
		p.call(1, inference.Upstream)
		if p.healthy() {
			t.Error("healthy, and most calls failed")
		}
	})
}

// Callers go to another Region when this one is unhealthy. That nobody calls any more does not make it healthy.
func TestSilenceIsNotHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		p.call(10, inference.Upstream)
		if p.healthy() {
			t.Fatal("healthy, and every call failed")
		}
		for range 2 {
			time.Sleep(endpoint.HealthHold/2 - time.Second)
			if p.healthy() {
				t.Error("healthy, and nothing has been heard of since")
			}
		}
		time.Sleep(2 * time.Second)
		if !p.healthy() {
			t.Error("unhealthy for longer than it is held")
		}
		p.call(5, inference.Upstream)
		if p.healthy() {
			t.Error("healthy, and it failed again")
		}
	})
}

func TestAnswersEndTheHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		p.call(5, inference.Upstream)
		if p.healthy() {
			t.Fatal("healthy, and every call failed")
		}
		time.Sleep(endpoint.HealthWindow + time.Second)
		p.call(4, "")
		p.call(1, inference.Upstream)
		p.call(4, "")
		p.call(9, inference.Canceled)
		if p.healthy() {
			t.Error("healthy after four answers in a row")
		}
		p.call(1, "")
		if !p.healthy() {
			t.Error("unhealthy after five answers in a row")
		}
	})
}
