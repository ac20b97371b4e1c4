package anthropic_test

import (
	"encoding/json"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

func TestInspect(t *testing.T) {
	for _, test := range []struct {
		name, chunk string
		want        anthropic.Chunk
	}{
		{"message_start", `{"type":"message_start","message":{"id":"m","model":"x","content":[],"stop_reason":null,
			"usage":{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":2},"output_tokens":1,"service_tier":"standard"}}}`,
			anthropic.Chunk{Type: "message_start", HasUsage: true, Usage: inference.Usage{Input: 10, CacheWrite: 2, CacheRead: 3, Output: 1}}},
		{"type last", `{"message":{"usage":{"input_tokens":1}},"type":"message_start"}`,
			anthropic.Chunk{Type: "message_start", HasUsage: true, Usage: inference.Usage{Input: 1}}},
		{"block start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, anthropic.Chunk{Type: "content_block_start", Content: true}},
		{"block delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"usage"}}`, anthropic.Chunk{Type: "content_block_delta", Content: true}},
		{"block stop", `{"type":"content_block_stop","index":0}`, anthropic.Chunk{Type: "content_block_stop", Content: true}},
		{"message_delta", `{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15,"cache_read_input_tokens":null}}`,
			anthropic.Chunk{Type: "message_delta", Content: true, HasUsage: true, Usage: inference.Usage{Output: 15}, Stop: inference.StopToolUse}},
		{"message_delta without usage", `{"type":"message_delta","delta":{"stop_reason":null},"usage":null}`, anthropic.Chunk{Type: "message_delta", Content: true}},
		{"message_stop", `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10}}`, anthropic.Chunk{Type: "message_stop", Content: true}},
		{"ping", `{"type": "ping"}`, anthropic.Chunk{Type: "ping"}},
		{"error", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","x":1}}`, anthropic.Chunk{Type: "error", Error: "overloaded_error: Overloaded"}},
		{"new", `{"type":"message_pause","usage":{"output_tokens":1}}`, anthropic.Chunk{Type: "message_pause"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := anthropic.Inspect([]byte(test.chunk))
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	for _, chunk := range []string{
		``, `[]`, `{}`, `{"type":1}`, `{"type":"ping\ndata: x"}`, `{"type":"message_start","message":{"usage":{"input_tokens":"1"}}}`,
		`{"type":"message_delta","delta":{"stop_reason":1}}`, `{"type":"error","error":"x"}`, `{"type":"message_delta"`,
	} {
		if got, err := anthropic.Inspect([]byte(chunk)); err == nil || inference.AsError(err).Code != inference.Upstream {
			t.Errorf("%s: got %+v, %v", chunk, got, err)
		}
	}
}

func TestReadReply(t *testing.T) {
	for reason, want := range map[string]inference.StopReason{
		`"end_turn"`: inference.StopEndTurn, `"pause_turn"`: inference.StopEndTurn, `"max_tokens"`: inference.StopMaxTokens,
		`"stop_sequence"`: inference.StopSequence, `"tool_use"`: inference.StopToolUse, `"refusal"`: inference.StopFiltered,
		`"model_context_window_exceeded"`: inference.StopContextWindow, `"new"`: "new", `null`: "",
	} {
		usage, stop, err := anthropic.ReadReply([]byte(`{"id":"m","content":[{"type":"text","text":"\u0000 usage"}],"stop_reason":` + reason +
			`,"usage":{"input_tokens":1,"cache_read_input_tokens":2,"cache_creation_input_tokens":3,"output_tokens":4}}`))
		if err != nil || stop != want || usage != (inference.Usage{Input: 1, CacheRead: 2, CacheWrite: 3, Output: 4}) {
			t.Errorf("%s: got %+v, %q, %v", reason, usage, stop, err)
		}
	}
	if usage, _, err := anthropic.ReadReply([]byte(`{"usage":null}`)); err != nil || usage != (inference.Usage{}) {
		t.Errorf("without usage: %+v, %v", usage, err)
	}
	for _, body := range []string{``, `[]`, `{"usage":1}`, `{"stop_reason":1}`, `{"content":[}`, `{} {}`} {
		if _, _, err := anthropic.ReadReply([]byte(body)); err == nil || inference.AsError(err).Code != inference.Upstream {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

// FuzzInspect: nothing a model could send makes Inspect or ReadReply panic, and they read what encoding/json reads.
func FuzzInspect(f *testing.F) {
	f.Add([]byte(`{"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}`))
	f.Add([]byte(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}`))
	f.Add([]byte(`{"type":"error","error":{"type":"a","message":"b"},"usage":{"cache_read_input_tokens":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		chunk, err := anthropic.Inspect(body)
		usage, _, replyErr := anthropic.ReadReply(body)
		var oracle struct {
			Type  json.RawMessage
			Usage struct {
				Output *int `json:"output_tokens"`
			}
		}
		if replyErr != nil || json.Unmarshal(body, &oracle) != nil {
			return
		}
		if err == nil && string(oracle.Type) == `"message_delta"` && chunk.Type != "message_delta" {
			t.Fatalf("%s is read as %+v", body, chunk)
		}
		if oracle.Usage.Output != nil && usage.Output == 0 && *oracle.Usage.Output != 0 && !ambiguous(body) {
			t.Fatalf("%s is read as %+v", body, usage)
		}
	})
}

// ambiguous tells whether encoding/json, which ignores the case of keys, may have taken another member.
func ambiguous(body []byte) bool {
	var exact map[string]json.RawMessage
	_ = json.Unmarshal(body, &exact)
	var usage map[string]json.RawMessage
	_ = json.Unmarshal(exact["usage"], &usage)
	return usage["output_tokens"] == nil
}

func BenchmarkInspect(b *testing.B) {
	delta := []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello, world"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := anthropic.Inspect(delta); err != nil {
			b.Fatal(err)
		}
	}
}
