package reliability_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// surface is one API on the wire.
type surface struct {
	path string
	end  string // what a stream that went well ends with
	text func(member map[string]any) string
}

var surfaces = []surface{
	{"/v1/chat/completions", "data: [DONE]\n\n", func(m map[string]any) string {
		choices, _ := m["choices"].([]any)
		if len(choices) == 0 {
			return ""
		}
		choice, _ := choices[0].(map[string]any)
		for _, name := range []string{"message", "delta"} {
			if message, ok := choice[name].(map[string]any); ok {
				text, _ := message["content"].(string)
				return text
			}
		}
		return ""
	}},
	{"/v1/messages", "event: message_stop\n", func(m map[string]any) string {
		if delta, ok := m["delta"].(map[string]any); ok {
			text, _ := delta["text"].(string)
			return text
		}
		content, _ := m["content"].([]any)
		if len(content) == 0 {
			return ""
		}
		block, _ := content[0].(map[string]any)
		text, _ := block["text"].(string)
		return text
	}},
}

// body is a question on either surface.
func body(question string, stream bool) string {
	return fmt.Sprintf(`{"model":"haiku","max_tokens":1000,"stream":%t,"messages":[{"role":"user","content":%q}]}`, stream, question)
}

// answer is what came of a question.
type answer struct {
	status int
	text   string // put together again
	whole  bool   // it says itself that it is complete
	failed string // the type of the error, in a body or an event
	raw    string
	header http.Header
}

// ask asks one question and reads the answer to its end. The error is the connection's.
func ask(ctx context.Context, client *http.Client, url string, s surface, body string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+s.path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	a := answer{status: response.StatusCode, raw: string(raw), header: response.Header}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		a.take(s, a.raw)
		a.whole = a.failed == "" && a.status == http.StatusOK
		return a, err
	}
	for line := range strings.Lines(a.raw) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			a.take(s, data)
		}
	}
	a.whole = strings.Contains(a.raw, s.end)
	return a, err
}

// take reads one JSON object of an answer.
func (a *answer) take(s surface, text string) {
	var member map[string]any
	if json.Unmarshal([]byte(text), &member) != nil {
		return
	}
	if failure, ok := member["error"].(map[string]any); ok {
		a.failed, _ = failure["type"].(string)
		return
	}
	a.text += s.text(member)
}
