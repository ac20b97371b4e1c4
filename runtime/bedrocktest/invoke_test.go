package bedrocktest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

func messages(rest string) string {
	return `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,` + rest + `}`
}

func invoke(t *testing.T, client *bedrockruntime.Client, body string) map[string]any {
	t.Helper()
	out, err := client.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return object(t, out.Body)
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return m
}

func invokeStream(t *testing.T, client *bedrockruntime.Client, body string) []map[string]any {
	t.Helper()
	out, err := client.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: aws.String(haiku), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	var events []map[string]any
	for event := range stream.Events() {
		events = append(events, object(t, event.(*types.ResponseStreamMemberChunk).Value.Bytes))
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// joined puts a stream together as a client would, to compare it with the whole answer.
func joined(events []map[string]any) (message map[string]any, shape []string) {
	var pieces strings.Builder
	var block map[string]any
	for _, e := range events {
		kind := e["type"].(string)
		if len(shape) == 0 || shape[len(shape)-1] != kind {
			shape = append(shape, kind)
		}
		switch kind {
		case "message_start":
			message = e["message"].(map[string]any)
		case "content_block_start":
			block = e["content_block"].(map[string]any)
		case "content_block_delta":
			delta := e["delta"].(map[string]any)
			for _, key := range []string{"text", "partial_json"} {
				if piece, ok := delta[key].(string); ok {
					pieces.WriteString(piece)
				}
			}
		case "message_delta":
			for key, value := range e["delta"].(map[string]any) {
				message[key] = value
			}
			message["usage"].(map[string]any)["output_tokens"] = e["usage"].(map[string]any)["output_tokens"]
		}
	}
	switch {
	case block == nil:
	case block["type"] == "tool_use":
		var input any
		_ = json.Unmarshal([]byte(pieces.String()), &input) // the comparison shows what is wrong with it
		block["input"] = input
		message["content"] = []any{block}
	default:
		block["text"] = pieces.String()
		message["content"] = []any{block}
	}
	return message, shape
}

func TestInvoke(t *testing.T) {
	const tool = `"tools":[{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}]`
	full := []string{"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
	tests := []struct {
		name, body string
		content    string // the one block, without a tool use's id
		stop       string
		sequence   any
		usage      string
		shape      []string
	}{
		{
			name: "text as a string", body: messages(`"messages":[{"role":"user","content":"hello"}]`), shape: full,
			content: `{"type":"text","text":"Embedded Bedrock, no real model: claude-haiku-5-5 was asked: hello"}`, stop: "end_turn",
			usage: `{"input_tokens":2,"output_tokens":17,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}`,
		},
		{
			name: "stop sequence", body: messages(`"stop_sequences":[","],"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]`), shape: full,
			content: `{"type":"text","text":"Embedded Bedrock"}`, stop: "stop_sequence", sequence: ",",
			usage: `{"input_tokens":2,"output_tokens":4,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}`,
		},
		{
			name: "tool", body: messages(tool + `,"messages":[{"role":"user","content":"hello"}]`), shape: full,
			content: `{"type":"tool_use","name":"weather","input":{"city":"embedded"}}`, stop: "tool_use",
			usage: `{"input_tokens":18,"output_tokens":7,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}`,
		},
		{
			name: "no tool wanted", body: messages(tool + `,"tool_choice":{"type":"none"},"stop_sequences":[","],"messages":[{"role":"user","content":"hello"}]`), shape: full,
			content: `{"type":"text","text":"Embedded Bedrock"}`, stop: "stop_sequence", sequence: ",",
			usage: `{"input_tokens":18,"output_tokens":4,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}`,
		},
		{
			name: "tool result", body: messages(tool + `,"messages":[{"role":"user","content":"hello"},
				{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"weather","input":{}}]},
				{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"21"}]}]}]`), shape: full,
			content: `{"type":"text","text":"Embedded Bedrock, no real model: claude-haiku-5-5 got the tool result: 21"}`, stop: "end_turn",
			usage: `{"input_tokens":20,"output_tokens":19,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}`,
		},
		{
			name: "image and an unknown block", body: messages(`"stop_sequences":[": h"],"messages":[{"role":"user","content":[
				{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"document","content":1},{"type":"text","text":"hi"}]}]`), shape: full,
			content: `{"type":"text","text":"Embedded Bedrock, no real model: claude-haiku-5-5 was asked"}`, stop: "stop_sequence", sequence: ": h",
			usage: `{"input_tokens":1509,"output_tokens":15,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, client := start(t, bedrocktest.Options{ChunkBytes: 5})
			whole := invoke(t, client, test.body)
			streamed, shape := joined(invokeStream(t, client, test.body))
			if diff := cmp.Diff(whole, streamed); diff != "" {
				t.Errorf("whole and streamed differ (-whole +streamed):\n%s", diff)
			}
			if diff := cmp.Diff(test.shape, shape); diff != "" {
				t.Errorf("shape (-want +got):\n%s", diff)
			}
			block := whole["content"].([]any)[0].(map[string]any)
			delete(block, "id")
			want := map[string]any{"content": object(t, []byte(test.content)), "usage": object(t, []byte(test.usage)), "stop_reason": test.stop, "stop_sequence": test.sequence}
			got := map[string]any{"content": block, "usage": whole["usage"], "stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInvokeCacheControlAndMetrics(t *testing.T) {
	_, client := start(t, bedrocktest.Options{})
	body := messages(`"system":[{"type":"text","text":"12345678","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"1234"}]`)
	first := invoke(t, client, body)["usage"].(map[string]any)
	if first["cache_creation_input_tokens"] != 2.0 || first["input_tokens"] != 1.0 {
		t.Errorf("first usage %v, want 2 written and 1 input", first)
	}
	events := invokeStream(t, client, body)
	metrics := events[len(events)-1]["amazon-bedrock-invocationMetrics"].(map[string]any)
	if metrics["cacheReadInputTokenCount"] != 2.0 || metrics["inputTokenCount"] != 1.0 || metrics["outputTokenCount"] == 0.0 {
		t.Errorf("second metrics %v, want 2 read, 1 input and some output", metrics)
	}
}

func TestInvokeSendsTokenCountHeaders(t *testing.T) {
	server := newServer(bedrocktest.Options{})
	w := raw(server, http.MethodPost, "/model/"+haiku+"/invoke", messages(`"messages":[{"role":"user","content":"1234"}]`), signed)
	for name, want := range map[string]string{"X-Amzn-Bedrock-Input-Token-Count": "1", "X-Amzn-Bedrock-Cache-Read-Input-Token-Count": "0"} {
		if got := w.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if w.Header.Get("X-Amzn-Requestid") == "" {
		t.Error("no request id")
	}
	body, err := io.ReadAll(w.Body)
	if err != nil || object(t, body)["model"] != "claude-haiku-5-5" {
		t.Errorf("body %s, %v", body, err)
	}
}
