package smoke_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/smoke"
)

// version answers in turn; the last answer stays.
type version struct {
	gets, asks []smoke.Answer
	err        error
	asked      int
}

func next(answers *[]smoke.Answer) smoke.Answer {
	answer := (*answers)[0]
	if len(*answers) > 1 {
		*answers = (*answers)[1:]
	}
	return answer
}

// Get implements smoke.Version.
func (v *version) Get(_ context.Context, path string) (smoke.Answer, error) {
	if path == "/readyz" {
		return smoke.Answer{Status: 200}, v.err
	}
	return next(&v.gets), v.err
}

// Ask implements smoke.Version.
func (v *version) Ask(context.Context, []byte) (smoke.Answer, error) {
	v.asked++
	return next(&v.asks), v.err
}

var (
	list     = smoke.Answer{Status: 200, Body: []byte(`{"data":[{"id":"haiku"}]}`)}
	answered = smoke.Answer{Status: 200, Body: []byte(`{"choices":[{"message":{"content":"Secret."}}],"usage":{"completion_tokens":2}}`)}
)

func TestAnswersThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    version
		want string
	}{
		{"good", version{gets: []smoke.Answer{list}, asks: []smoke.Answer{answered}}, ""},
		{"throttled for a moment", version{gets: []smoke.Answer{list}, asks: []smoke.Answer{{Status: 429}, {Status: 503}, answered}}, ""},
		{"throttled for long", version{gets: []smoke.Answer{list}, asks: []smoke.Answer{{Status: 429}}}, `an inference: model "haiku" answered 429, want 200`},
		{"no list", version{gets: []smoke.Answer{{Status: 200, Body: []byte("<html>")}}}, "the list of models: GET /v1/models answered no list"},
		{"no tokens", version{gets: []smoke.Answer{list}, asks: []smoke.Answer{{Status: 200, Body: []byte(`{"choices":[{"message":{"content":"Secret."}}],"usage":{}}`)}}},
			`an inference: model "haiku" answered 200 without a completion`},
		{"no choices", version{gets: []smoke.Answer{list}, asks: []smoke.Answer{{Status: 200, Body: []byte(`{"choices":[],"usage":{"completion_tokens":2}}`)}}},
			`an inference: model "haiku" answered 200 without a completion`},
		{"unreachable", version{gets: []smoke.Answer{list}, err: errors.New("no route")}, "readiness: no route"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := ""
				if err := (smoke.Test{Model: "haiku"}).Run(t.Context(), &tt.v); err != nil {
					got = err.Error()
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if tt.v.asked > 3 {
					t.Errorf("the model was asked %d times", tt.v.asked)
				}
			})
		})
	}
}

// TestVerdictComesBeforeTheHookIsEnded lets the time run out that Lambda gives.
func TestVerdictComesBeforeTheHookIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		hook := smoke.Hook{Version: &version{err: errors.New("no route")}, Test: smoke.Test{Attempts: 1000}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		began := time.Now()
		answer, err := hook.Handle(ctx, []byte(`{"serviceArn":"arn"}`))
		if err != nil || answer != (smoke.Verdict{HookStatus: "FAILED"}) {
			t.Errorf("got %v, %v", answer, err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("the verdict took %s of 30 s; 15 s are for telling it", took)
		}
	})
}

func TestHalfAnEventIsRefused(t *testing.T) {
	for _, event := range []string{`{"DeploymentId":"d-1"}`, `{"LifecycleEventHookExecutionId":"e"}`, `[]`} {
		answer, err := smoke.Hook{}.Handle(t.Context(), []byte(event))
		if err == nil || answer != nil || !strings.Contains(err.Error(), "the event is") {
			t.Errorf("%s: got %v, %v", event, answer, err)
		}
	}
}
