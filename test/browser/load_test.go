package browser_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// The load of one place: so many callers ask so many questions, each one after the other.
const (
	callers   = 6
	questions = 12 // of a caller
)

// tally is what was asked, and how it ended.
type tally struct {
	mu       sync.Mutex
	Requests int         // of models
	Ratings  int         // that were taken
	Statuses map[int]int // of requests
}

func (t *tally) add(status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Requests++
	t.Statuses[status]++
}

// question is a request to a model.
type question struct {
	path, tenant, body string
	faults             []bedrocktest.Fault // that Bedrock meets from then on
}

// load asks every place, all at the same time.
func (w *world) load() (*tally, error) {
	t := &tally{Statuses: map[int]int{}}
	problems := make([]error, len(w.places)*callers)
	var running sync.WaitGroup
	for i, p := range w.places {
		for c := range callers {
			running.Go(func() {
				for n := range questions {
					if err := w.ask(p, n*callers+c, t); err != nil {
						problems[i*callers+c] = fmt.Errorf("%s: %w", p.Stack.ID, err)
						return
					}
				}
			})
		}
	}
	running.Wait()
	return t, errors.Join(problems...)
}

// questionOf is the n-th one: both APIs, streamed and not, every model and tenant, some slow, throttled, failing, cut
// or wrong.
func questionOf(n int) question {
	model := []string{"haiku", "sonnet", "haiku", "opus", "haiku", "sonnet", "haiku"}[n%7]
	q := question{path: "/v1/chat/completions", tenant: tenants[n%5%len(tenants)]}
	body := map[string]any{"model": model, "max_tokens": 300, "stream": n/2%2 == 1,
		"messages": []any{map[string]any{"role": "user", "content": fmt.Sprintf("question %d%s", n, strings.Repeat(" and more", n%6))}}}
	if n%2 == 1 {
		q.path = "/v1/messages"
		body["system"] = []any{map[string]any{"type": "text", "text": fmt.Sprintf("Company %d has rules. %s", n%9, strings.Repeat("Be kind. ", 60)),
			"cache_control": map[string]any{"type": "ephemeral"}}}
	}
	slow := bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: -1, Delay: time.Duration(400+n%5*450) * time.Millisecond}
	switch {
	case n%16 == 3:
		q.faults = []bedrocktest.Fault{slow}
	case n%13 == 5:
		q.faults = []bedrocktest.Fault{{Kind: bedrocktest.Throttle}}
	case n%28 == 14: // of haiku, which has two targets
		q.faults = []bedrocktest.Fault{{Kind: bedrocktest.Capacity, Model: "global.anthropic.claude-haiku-5-5"}, {Kind: bedrocktest.Capacity, Model: "global.anthropic.claude-haiku-5-5"}}
	case n%40 == 19:
		q.faults = []bedrocktest.Fault{{Kind: bedrocktest.ModelError}, {Kind: bedrocktest.ModelError}, {Kind: bedrocktest.ModelError}}
	case n%40 == 26:
		q.faults = []bedrocktest.Fault{{Kind: bedrocktest.Truncate, AfterEvents: 2}}
	case n%30 == 11:
		body["temperature"] = 9
	}
	text, _ := json.Marshal(body) // of plain values
	q.body = string(text)
	return q
}

// ask asks the n-th question, and rates the answer where it can be.
func (w *world) ask(p place, n int, t *tally) error {
	q := questionOf(n)
	p.bedrock.Script(q.faults...)
	response, err := w.post(p.url+q.path, q.tenant, q.body)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body) // a stream may be cut, as was asked for
	_ = response.Body.Close()
	t.add(response.StatusCode)
	id := response.Header.Get("X-Feedback-Id")
	if response.StatusCode != http.StatusOK || id == "" {
		return nil
	}
	ratings := []string{`"thumbs":"up"`, `"score":4`, fmt.Sprintf(`"thumbs":"down","reason":%q`, []string{"incorrect", "incomplete"}[n%2]), `"score":5`, `"thumbs":"up"`}
	rated, err := w.post(p.url+"/v1/feedback", q.tenant, fmt.Sprintf(`{"feedback_id":%q,%s}`, id, ratings[n/3%len(ratings)]))
	if err != nil {
		return err
	}
	defer func() { _ = rated.Body.Close() }()
	if said, err := io.ReadAll(rated.Body); err != nil || rated.StatusCode != http.StatusOK {
		return fmt.Errorf("a rating is answered %s: %s, %v", rated.Status, said, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Ratings++
	return nil
}

func (w *world) post(url, tenant, body string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", w.keys[tenant])
	return http.DefaultClient.Do(r)
}
