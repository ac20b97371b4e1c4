// Package smoke tests a new version of the gateway before callers reach it, and tells the service that deploys it
// whether to go on: AWS CodeDeploy of a function, Amazon ECS of containers.
//
// It must not know how the gateway works inside, only what it promises on the wire; no answer and no key of it is logged.
package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// Version is one that runs and that callers do not reach yet.
type Version interface {
	// Do sends a request and returns the whole answer.
	Do(context.Context, Request) (Answer, error)
}

// Request is what a version is asked.
type Request struct {
	Method, Path string
	Credential   string // an API key or a token, sent as a bearer's; empty for none
	Body         []byte // JSON; nil for none
}

// Answer is what a version answered.
type Answer struct {
	Status int
	Body   []byte
}

// Test is what a version must pass. The zero value only asks whether it is ready.
type Test struct {
	// Model and MessagesModel are the aliases that must answer, on OpenAI's surface and on Anthropic's; empty: none.
	Model, MessagesModel string
	// Key returns the API key or the token to ask with; nil where the version asks for none.
	Key func(context.Context) ([]byte, error)
	// Shut says that whoever has no credential must be refused.
	Shut bool
	// Wrong is a credential of nobody, which must be refused too; empty: none is tried.
	Wrong    string
	Attempts int           // of each step, for a model may be throttled for a moment; default 3
	Pause    time.Duration // between attempts; default 1 s
}

// step is a part of the test, with words for the log.
type step struct {
	name string
	run  func(context.Context, Version) error
}

// Run returns nil for a good version. Its error names the step that failed and why, and holds nothing of an answer.
func (t Test) Run(ctx context.Context, v Version) error {
	key := ""
	steps := []step{{"readiness", ready}}
	if t.Shut {
		steps = append(steps, step{"a request without credentials", refuses("")})
	}
	if t.Wrong != "" {
		steps = append(steps, step{"a request with credentials of nobody", refuses(t.Wrong)})
	}
	if t.Key != nil {
		steps = append(steps, step{"the key of the smoke test", func(ctx context.Context, _ Version) (err error) {
			key, err = t.key(ctx)
			return err
		}})
	}
	if t.Model != "" {
		steps = append(steps, step{"the list of models", func(ctx context.Context, v Version) error { return t.lists(ctx, v, key) }},
			step{"an inference", func(ctx context.Context, v Version) error { return completes(ctx, v, t.Model, key) }})
	}
	if t.MessagesModel != "" {
		steps = append(steps, step{"a message", func(ctx context.Context, v Version) error { return replies(ctx, v, t.MessagesModel, key) }})
	}
	for _, s := range steps {
		if err := t.persist(ctx, v, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// key reads the key. A line break at its end, as editors make it, is none of it.
func (t Test) key(ctx context.Context) (string, error) {
	text, err := t.Key(ctx)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, " \t\r\n{") {
		return "", errors.New("the secret holds no API key and no token; put one in, and nothing else: pipeline key makes a key, the issuer a token")
	}
	return key, nil
}

// persist runs a step until it passes, as often as allowed. The last error counts.
func (t Test) persist(ctx context.Context, v Version, s step) error {
	attempts, pause := t.Attempts, t.Pause
	if attempts == 0 {
		attempts = 3
	}
	if pause == 0 {
		pause = time.Second
	}
	for n := 1; ; n++ {
		err := s.run(ctx, v)
		if err == nil || n == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

func ready(ctx context.Context, v Version) error {
	_, err := get(ctx, v, endpoint.Readyz, "", http.StatusOK)
	return err
}

func refuses(credential string) func(context.Context, Version) error {
	return func(ctx context.Context, v Version) error {
		_, err := get(ctx, v, endpoint.Models, credential, http.StatusUnauthorized)
		return err
	}
}

func (t Test) lists(ctx context.Context, v Version, key string) error {
	body, err := get(ctx, v, endpoint.Models, key, http.StatusOK)
	if err != nil {
		return err
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list) != nil {
		return fmt.Errorf("GET %s answered no list", endpoint.Models)
	}
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	for _, model := range []string{t.Model, t.MessagesModel} {
		if model != "" && !slices.Contains(names, model) {
			return fmt.Errorf("GET %s lists %d models, and %q is not among them", endpoint.Models, len(names), model)
		}
	}
	return nil
}

// completes has a few tokens generated: nothing less shows that the version's role, network and models are right.
func completes(ctx context.Context, v Version, model, key string) error {
	var completion struct {
		Choices []json.RawMessage `json:"choices"`
		Usage   struct {
			Tokens int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if err := ask(ctx, v, endpoint.ChatCompletions, model, key, &completion); err != nil {
		return err
	}
	if len(completion.Choices) == 0 || completion.Usage.Tokens == 0 {
		return fmt.Errorf("model %q answered 200 without a completion", model)
	}
	return nil
}

// replies does the same on Anthropic's surface, which calls Bedrock by another operation.
func replies(ctx context.Context, v Version, model, key string) error {
	var message struct {
		Content []json.RawMessage `json:"content"`
		Usage   struct {
			Tokens int `json:"output_tokens"`
		} `json:"usage"`
	}
	if err := ask(ctx, v, endpoint.Messages, model, key, &message); err != nil {
		return err
	}
	if len(message.Content) == 0 || message.Usage.Tokens == 0 {
		return fmt.Errorf("model %q answered 200 without a message", model)
	}
	return nil
}

// ask reads the answer of a model. One that is no JSON leaves nothing in it.
func ask(ctx context.Context, v Version, path, model, key string, into any) error {
	body, err := json.Marshal(map[string]any{
		"model": model, "max_tokens": 16, "messages": []map[string]string{{"role": "user", "content": "Reply with: ok"}},
	})
	if err != nil {
		return err
	}
	answer, err := v.Do(ctx, Request{Method: http.MethodPost, Path: path, Credential: key, Body: body})
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("model %q answered %d, want 200", model, answer.Status)
	}
	if json.Unmarshal(answer.Body, into) != nil {
		return fmt.Errorf("model %q answered 200 and no JSON", model)
	}
	return nil
}

func get(ctx context.Context, v Version, path, credential string, want int) ([]byte, error) {
	answer, err := v.Do(ctx, Request{Method: http.MethodGet, Path: path, Credential: credential})
	if err != nil {
		return nil, err
	}
	if answer.Status != want {
		return nil, fmt.Errorf("GET %s answered %d, want %d", path, answer.Status, want)
	}
	return answer.Body, nil
}
