package openai_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/openai"
)

// FuzzOpen: no body makes Open panic, and what it accepts keeps the domain's promises.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(hello + `,"stop":"x","temperature":1,` + tools + `}`))
	f.Add([]byte(`{` + tools + `,"model":"haiku","messages":[` + called + `,{"role":"tool","tool_call_id":"c1","content":"x"}]}`))
	f.Add([]byte(user(`[{"type":"image_url","image_url":{"url":"` + png + `"}},{"type":"text","text":"é"}]`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		exchange, err := openai.Surface{}.Open(body, "1", router{})
		if err != nil {
			if failure, ok := err.(*inference.Error); !ok || !utf8.ValidString(failure.Message+failure.Field) {
				t.Fatalf("not a good error: %#v", err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatal("accepted what is not JSON")
		}
		request := exchange.Request()
		if request.MaxTokens < 1 || request.MaxTokens > route.MaxTokens || request.Body != nil || len(request.Turns)%2 == 0 {
			t.Fatalf("got %+v", request)
		}
		for i, turn := range request.Turns {
			if user := i%2 == 0; user != (turn.Role == inference.User) || len(turn.Blocks) == 0 {
				t.Fatalf("turn %d is %+v", i, turn)
			}
			for _, block := range turn.Blocks {
				checkBlock(t, block)
			}
		}
		for _, tool := range request.Tools {
			if !json.Valid(tool.Schema) || tool.Name == "" {
				t.Fatalf("tool %+v", tool)
			}
		}
	})
}

func checkBlock(t *testing.T, block inference.Block) {
	t.Helper()
	set := 0
	text := block.Text
	if block.Text != "" {
		set++
	}
	if block.Image != nil {
		set++
	}
	if block.Use != nil {
		set++
		text += block.Use.ID + block.Use.Name
		if !json.Valid(block.Use.Input) {
			t.Fatalf("input %s", block.Use.Input)
		}
	}
	if block.Result != nil {
		set++
		text += block.Result.ID + block.Result.Text
	}
	if set != 1 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b") {
		t.Fatalf("block %+v", block)
	}
}

func BenchmarkOpen(b *testing.B) {
	body := []byte(`{"model":"haiku","messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"` +
		strings.Repeat("Tell me about Graviton. ", 40) + `"}],"max_tokens":256,"stream":true}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (openai.Surface{}).Open(body, "1", router{}); err != nil {
			b.Fatal(err)
		}
	}
}
