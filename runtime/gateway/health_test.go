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

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// patient is a gateway whose calls end as told.
type patient struct {
	handler http.Handler
	failure inference.Code // empty: the call is answered
}

func newPatient() *patient { return newPatientOf(0) }

func newPatientOf(window time.Duration) *patient {
	p := &patient{}
	o := optionsFor(auth.Off{}, model{complete: func(context.Context, *inference.Request) (*inference.Reply, error) {
		if p.failure != "" {
			return nil, &inference.Error{Code: p.failure, Message: "As told."}
		}
		return &inference.Reply{}, nil
	}}, nil, nil, unlimited())
	o.HealthWindow = window
	p.handler = gateway.New(o)
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

// A drill that is faster than real time has programs look back less far.
func TestHealthLooksBackAsFarAsItIsTold(t *testing.T) {
	for window, want := range map[time.Duration]bool{0: true, 10 * time.Second: false} { // 0 is a minute
		synctest.Test(t, func(t *testing.T) {
			p := newPatientOf(window)
			p.call(10, "")
			time.Sleep(11 * time.Second)
			p.call(9, inference.Timeout)
			if p.healthy() != want {
				t.Errorf("with a window of %s healthy is %v", window, !want)
			}
		})
	}
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
