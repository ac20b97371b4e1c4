// Package smoke tests a new version of the gateway before callers reach it, and tells the service that deploys it
// whether to go on: AWS CodeDeploy of a function, Amazon ECS of containers.
//
// It must not know how the gateway works inside, only what it promises on the wire; no answer of it is logged.
package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// Version is one that runs and that callers do not reach yet.
type Version interface {
	// Get asks for a path, without credentials.
	Get(ctx context.Context, path string) (Answer, error)
	// Ask sends a body of OpenAI's Chat Completions, without credentials.
	Ask(ctx context.Context, body []byte) (Answer, error)
}

// Answer is what a version answered.
type Answer struct {
	Status int
	Body   []byte
}

// Test is what a version must pass. The zero value is one for a version that lets nobody in without credentials.
type Test struct {
	Model    string        // alias that must answer; empty: requests without credentials must be refused
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
	steps := []step{{"readiness", ready}, {"a request without credentials", refuses}}
	if t.Model != "" {
		steps = []step{{"readiness", ready}, {"the list of models", t.lists}, {"an inference", t.answers}}
	}
	for _, s := range steps {
		if err := t.persist(ctx, v, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
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
	_, err := get(ctx, v, endpoint.Readyz, http.StatusOK)
	return err
}

func refuses(ctx context.Context, v Version) error {
	_, err := get(ctx, v, endpoint.Models, http.StatusUnauthorized)
	return err
}

func (t Test) lists(ctx context.Context, v Version) error {
	body, err := get(ctx, v, endpoint.Models, http.StatusOK)
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
	if !slices.Contains(names, t.Model) {
		return fmt.Errorf("GET %s lists %d models, and %q is not among them", endpoint.Models, len(names), t.Model)
	}
	return nil
}

// answers has a few tokens generated: nothing less shows that the version's role, network and models are right.
func (t Test) answers(ctx context.Context, v Version) error {
	body, err := json.Marshal(map[string]any{
		"model": t.Model, "max_tokens": 16, "messages": []map[string]string{{"role": "user", "content": "Reply with: ok"}},
	})
	if err != nil {
		return err
	}
	answer, err := v.Ask(ctx, body)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("model %q answered %d, want 200", t.Model, answer.Status)
	}
	var completion struct {
		Choices []json.RawMessage `json:"choices"`
		Usage   struct {
			CompletionTokens int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if json.Unmarshal(answer.Body, &completion) != nil || len(completion.Choices) == 0 || completion.Usage.CompletionTokens == 0 {
		return fmt.Errorf("model %q answered 200 without a completion", t.Model)
	}
	return nil
}

func get(ctx context.Context, v Version, path string, want int) ([]byte, error) {
	answer, err := v.Get(ctx, path)
	if err != nil {
		return nil, err
	}
	if answer.Status != want {
		return nil, fmt.Errorf("GET %s answered %d, want %d", path, answer.Status, want)
	}
	return answer.Body, nil
}
