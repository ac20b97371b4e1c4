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

// version answers the requests for each path in turn; the last answer stays.
type version struct {
	answers map[string][]smoke.Answer // by path, and whom it is asked as: "/v1/models of key"
	err     error
	asked   map[string]int
}

// Do implements smoke.Version.
func (v *version) Do(_ context.Context, r smoke.Request) (smoke.Answer, error) {
	what := r.Path
	if r.Credential != "" {
		what += " of " + r.Credential
	}
	if v.asked == nil {
		v.asked = map[string]int{}
	}
	v.asked[what]++
	if r.Path == "/readyz" {
		return smoke.Answer{Status: 200}, v.err
	}
	answers := v.answers[what]
	if len(answers) == 0 {
		return smoke.Answer{Status: 401}, v.err
	}
	return answers[min(v.asked[what], len(answers))-1], v.err
}

func status(codes ...int) (answers []smoke.Answer) {
	for _, code := range codes {
		answers = append(answers, smoke.Answer{Status: code})
	}
	return answers
}

func body(text string) []smoke.Answer { return []smoke.Answer{{Status: 200, Body: []byte(text)}} }

var (
	list    = body(`{"data":[{"id":"haiku"}]}`)
	chat    = body(`{"choices":[{"message":{"content":"Secret."}}],"usage":{"completion_tokens":2}}`)
	message = body(`{"content":[{"text":"Secret."}],"usage":{"output_tokens":2}}`)
)

// with is a good version, but for one path.
func with(path string, answers []smoke.Answer) version {
	good := map[string][]smoke.Answer{"/v1/models": list, "/v1/chat/completions": chat, "/v1/messages": message}
	if path != "" {
		good[path] = answers
	}
	return version{answers: good}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    version
		want string
	}{
		{"good", with("", nil), ""},
		{"throttled for a moment", with("/v1/chat/completions", append(status(429, 503), chat...)), ""},
		{"throttled for long", with("/v1/chat/completions", status(429)), `an inference: model "haiku" answered 429, want 200`},
		{"no list", with("/v1/models", body("<html>")), "the list of models: GET /v1/models answered no list"},
		{"another list", with("/v1/models", body(`{"data":[{"id":"nova"}]}`)), `the list of models: GET /v1/models lists 1 models, and "haiku" is not among them`},
		{"no tokens", with("/v1/chat/completions", body(`{"choices":[{"message":{"content":"Secret."}}],"usage":{}}`)),
			`an inference: model "haiku" answered 200 without a completion`},
		{"no choices", with("/v1/chat/completions", body(`{"choices":[],"usage":{"completion_tokens":2}}`)),
			`an inference: model "haiku" answered 200 without a completion`},
		{"no JSON", with("/v1/chat/completions", body("Secret.")), `an inference: model "haiku" answered 200 and no JSON`},
		{"no message", with("/v1/messages", body(`{"content":[],"usage":{"output_tokens":2}}`)), `a message: model "haiku" answered 200 without a message`},
		{"one surface fails", with("/v1/messages", status(500)), `a message: model "haiku" answered 500, want 200`},
		{"unreachable", version{err: errors.New("no route")}, "readiness: no route"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := ""
				if err := (smoke.Test{Model: "haiku", MessagesModel: "haiku"}).Run(t.Context(), &tt.v); err != nil {
					got = err.Error()
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				for path, times := range tt.v.asked {
					if times > 3 {
						t.Errorf("%s was asked %d times", path, times)
					}
				}
			})
		})
	}
}

// TestWhoIsLetIn asks a version that has keys with no key, with nobody's and with the smoke test's own.
func TestWhoIsLetIn(t *testing.T) {
	keyed := func() version {
		return version{answers: map[string][]smoke.Answer{
			"/v1/models of key": list, "/v1/chat/completions of key": chat, "/v1/messages of key": message,
		}}
	}
	open, fooled := with("", nil), keyed()
	fooled.answers["/v1/models of wrong"] = list
	read := func(text string, err error) func(context.Context) ([]byte, error) {
		return func(context.Context) ([]byte, error) { return []byte(text), err }
	}
	guarded := smoke.Test{Model: "haiku", MessagesModel: "haiku", Shut: true, Wrong: "wrong", Key: read("key\n", nil)}
	unread, empty, filled := guarded, guarded, guarded
	unread.Key, empty.Key, filled.Key = read("", errors.New("no such secret")), read(" \n", nil), read(`{"key":"key"}`, nil)
	for _, tt := range []struct {
		name string
		test smoke.Test
		v    version
		want string
	}{
		{"good", guarded, keyed(), ""},
		{"shut, and no key", smoke.Test{Shut: true}, keyed(), ""},
		{"open", guarded, open, "a request without credentials: GET /v1/models answered 200, want 401"},
		{"takes any key", guarded, fooled, "a request with credentials of nobody: GET /v1/models answered 200, want 401"},
		{"does not know the key", guarded, version{}, "the list of models: GET /v1/models answered 401, want 200"},
		{"no secret", unread, keyed(), "the key of the smoke test: no such secret"},
		{"an empty secret", empty, keyed(), "the key of the smoke test: the secret holds no API key"},
		{"a secret with something else", filled, keyed(), "the key of the smoke test: the secret holds no API key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := tt.test.Run(t.Context(), &tt.v)
				if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if inferences := tt.v.asked["/v1/chat/completions of key"] + tt.v.asked["/v1/messages of key"]; tt.name == "good" && inferences != 2 {
					t.Errorf("%d inferences, want one on each surface", inferences)
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
