package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// stream feeds an SSE body to the official SDK.
func stream(body []byte) *ssestream.Stream[sdk.ChatCompletionChunk] {
	return ssestream.NewStream[sdk.ChatCompletionChunk](ssestream.NewDecoder(&http.Response{
		Header: http.Header{"Content-Type": {"text/event-stream"}},
		Body:   io.NopCloser(strings.NewReader(string(body))),
	}), nil)
}

func TestSDKReadsStreams(t *testing.T) {
	exchange := open(t, hello+`,"stream":true,"stream_options":{"include_usage":true}}`)
	body := exchange.AppendPing(nil)
	for i := range events {
		body = exchange.AppendEvent(body, &events[i])
	}
	chunks, collected := stream(exchange.AppendDone(body)), sdk.ChatCompletionAccumulator{}
	for chunks.Next() {
		if !collected.AddChunk(chunks.Current()) {
			t.Fatalf("the SDK does not add %s", chunks.Current().RawJSON())
		}
	}
	if err := chunks.Err(); err != nil {
		t.Fatal(err)
	}
	choice := collected.Choices[0]
	if choice.Message.Content != "Let me\n" || choice.FinishReason != "tool_calls" || len(choice.Message.ToolCalls) != 2 ||
		choice.Message.ToolCalls[0].Function.Arguments != `{"city":"Oslo"}` || choice.Message.ToolCalls[1].Function.Arguments != `{}` ||
		collected.Usage.TotalTokens != 7 {
		t.Errorf("got %+v", collected.ChatCompletion)
	}
}

func TestSDKSeesStreamErrors(t *testing.T) {
	exchange := open(t, hello+`,"stream":true}`)
	body := exchange.AppendEvent(nil, &events[0])
	chunks := stream(exchange.AppendStreamError(body, inference.Errorf(inference.Upstream, "It broke."), "req_1"))
	count := 0
	for chunks.Next() {
		count++
	}
	if err := chunks.Err(); count != 2 || err == nil || !strings.Contains(err.Error(), "It broke.") {
		t.Errorf("%d chunks, then %v", count, err)
	}
}

func TestSDKReadsReplies(t *testing.T) {
	body := open(t, hello+"}").AppendReply(nil, &inference.Reply{
		Blocks: []inference.Block{{Text: "é"}}, Stop: inference.StopMaxTokens, Usage: inference.Usage{Input: 1, CacheRead: 2, Output: 3},
	})
	var got sdk.ChatCompletion
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != "chatcmpl-42" || got.Choices[0].Message.Content != "é" || got.Choices[0].FinishReason != "length" ||
		got.Usage.PromptTokens != 3 || got.Usage.PromptTokensDetails.CachedTokens != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestOpenReadsWhatTheSDKSends closes the loop: an answer of ours, sent back by the SDK with a tool's result.
func TestOpenReadsWhatTheSDKSends(t *testing.T) {
	var reply sdk.ChatCompletion
	body := open(t, hello+"}").AppendReply(nil, &inference.Reply{Stop: inference.StopToolUse, Blocks: []inference.Block{
		{Use: &inference.ToolUse{ID: "c1", Name: "weather", Input: []byte(`{"city":"Oslo"}`)}},
	}})
	if err := json.Unmarshal(body, &reply); err != nil {
		t.Fatal(err)
	}
	sent, err := json.Marshal(sdk.ChatCompletionNewParams{
		Model: "haiku",
		Messages: []sdk.ChatCompletionMessageParamUnion{
			sdk.DeveloperMessage("Be terse."),
			sdk.UserMessage([]sdk.ChatCompletionContentPartUnionParam{
				sdk.TextContentPart("Weather?"), sdk.ImageContentPart(sdk.ChatCompletionContentPartImageImageURLParam{URL: png}),
			}),
			reply.Choices[0].Message.ToParam(),
			sdk.ToolMessage("Rain.", "c1"),
		},
		Tools: []sdk.ChatCompletionToolUnionParam{
			sdk.ChatCompletionFunctionTool(sdk.FunctionDefinitionParam{Name: "weather", Strict: sdk.Bool(false)}),
		},
		ToolChoice: sdk.ToolChoiceOptionFunctionToolChoice(sdk.ChatCompletionNamedToolChoiceFunctionParam{Name: "weather"}),
		MaxTokens:  sdk.Int(9),
		Stop:       sdk.ChatCompletionNewParamsStopUnion{OfStringArray: []string{"x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := open(t, string(sent)).Request()
	if len(got.Turns) != 3 || got.Turns[1].Blocks[0].Use == nil || got.Turns[2].Blocks[0].Result.Text != "Rain." || got.MaxTokens != 9 {
		t.Errorf("got %+v", got)
	}
}
