package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/ssestream"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

func TestOpenReadsWhatTheSDKSends(t *testing.T) {
	sent, err := json.Marshal(sdk.MessageNewParams{
		Model:       "haiku",
		MaxTokens:   9,
		System:      []sdk.TextBlockParam{{Text: "Be terse.", CacheControl: sdk.NewCacheControlEphemeralParam()}},
		Temperature: sdk.Float(0.5),
		Messages: []sdk.MessageParam{
			sdk.NewUserMessage(sdk.NewTextBlock("Weather?"), sdk.NewImageBlockBase64("image/png", png)),
			sdk.NewAssistantMessage(sdk.NewToolUseBlock("t1", map[string]any{"city": "Oslo"}, "weather")),
			sdk.NewUserMessage(sdk.NewToolResultBlock("t1", "Rain.", false)),
		},
		Tools:         []sdk.ToolUnionParam{sdk.ToolUnionParamOfTool(sdk.ToolInputSchemaParam{Properties: map[string]any{}}, "weather")},
		ToolChoice:    sdk.ToolChoiceParamOfTool("weather"),
		StopSequences: []string{"x"},
		Thinking:      sdk.ThinkingConfigParamOfEnabled(1024),
	})
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(sent, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(open(t, string(sent)).Request().Body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) { // the model went, the version came
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestSDKReadsStreamsAndTheirErrors(t *testing.T) {
	x := open(t, hello+`,"stream":true}`)
	body := x.AppendPing(nil)
	for _, raw := range []string{
		`{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}`,
	} {
		chunk, err := anthropic.Inspect([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		body = x.AppendEvent(body, &inference.Event{Kind: inference.EventRaw, Type: chunk.Type, Raw: []byte(raw)})
	}
	body = x.AppendStreamError(body, inference.Errorf(inference.Upstream, "It broke."), "req_1")
	events := ssestream.NewStream[sdk.MessageStreamEventUnion](ssestream.NewDecoder(&http.Response{
		Header: http.Header{"Content-Type": {"text/event-stream"}},
		Body:   io.NopCloser(strings.NewReader(string(body))),
	}), nil)
	message := sdk.Message{}
	for events.Next() {
		if err := message.Accumulate(events.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if len(message.Content) != 1 || message.Content[0].Text != "Hello" || message.Usage.InputTokens != 3 {
		t.Errorf("got %+v", message)
	}
	if err := events.Err(); err == nil || !strings.Contains(err.Error(), "It broke.") {
		t.Errorf("the stream ends with %v", err)
	}
}
