package bedrocktest_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// told is an answer, however it came.
type told struct {
	text, tool, input string
	stop              types.StopReason
	usage             types.TokenUsage
	shape             string // of a stream: its events' initials in order, runs of deltas as one
}

func converse(t *testing.T, client *bedrockruntime.Client, in *bedrockruntime.ConverseInput) told {
	t.Helper()
	out, err := client.Converse(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got := told{stop: out.StopReason, usage: *out.Usage}
	for _, b := range out.Output.(*types.ConverseOutputMemberMessage).Value.Content {
		switch b := b.(type) {
		case *types.ContentBlockMemberText:
			got.text += b.Value
		case *types.ContentBlockMemberToolUse:
			input, err := b.Value.Input.MarshalSmithyDocument()
			if err != nil {
				t.Fatal(err)
			}
			got.tool, got.input = *b.Value.Name, string(input)
		}
	}
	return got
}

func converseStream(t *testing.T, client *bedrockruntime.Client, in *bedrockruntime.ConverseInput) told {
	t.Helper()
	out, err := client.ConverseStream(t.Context(), streaming(in))
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	var got told
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.ConverseStreamOutputMemberMessageStart:
			got.shape += "M"
		case *types.ConverseStreamOutputMemberContentBlockStart:
			got.shape += "S"
			got.tool = *e.Value.Start.(*types.ContentBlockStartMemberToolUse).Value.Name
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			got.shape = strings.TrimSuffix(got.shape, "D") + "D"
			switch d := e.Value.Delta.(type) {
			case *types.ContentBlockDeltaMemberText:
				got.text += d.Value
			case *types.ContentBlockDeltaMemberToolUse:
				got.input += *d.Value.Input
			}
		case *types.ConverseStreamOutputMemberContentBlockStop:
			got.shape += "E"
		case *types.ConverseStreamOutputMemberMessageStop:
			got.shape += "X"
			got.stop = e.Value.StopReason
		case *types.ConverseStreamOutputMemberMetadata:
			got.shape += "U"
			got.usage = *e.Value.Usage
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func weather() *types.ToolConfiguration {
	schema := map[string]any{"type": "object", "properties": map[string]any{
		"city": map[string]any{"type": "string"},
		"unit": map[string]any{"type": "string", "enum": []string{"celsius", "kelvin"}},
		"days": map[string]any{"type": "integer", "minimum": 2},
		"fine": map[string]any{"type": "boolean"},
		"at":   map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/hour"}},
	}, "$defs": map[string]any{"hour": map[string]any{"type": "number"}}}
	tool := func(name string, schema any) types.Tool {
		return &types.ToolMemberToolSpec{Value: types.ToolSpecification{Name: &name, InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(schema)}}}
	}
	return &types.ToolConfiguration{Tools: []types.Tool{tool("weather", schema), tool("clock", map[string]any{"type": "object"})}}
}

const weatherInput = `{"at":[1],"city":"embedded","days":2,"fine":true,"unit":"celsius"}`

func TestConverse(t *testing.T) {
	with := func(change func(*bedrockruntime.ConverseInput)) *bedrockruntime.ConverseInput {
		in := ask("hello wörld")
		change(in)
		return in
	}
	const hello = "Embedded Bedrock, no real model: claude-haiku-5-5 was asked: hello wörld"
	tests := []struct {
		name string
		in   *bedrockruntime.ConverseInput
		want told
	}{
		{"text", ask("hello wörld"), told{text: hello, stop: "end_turn", shape: "MDEXU"}},
		{"max tokens", with(func(in *bedrockruntime.ConverseInput) {
			in.InferenceConfig = &types.InferenceConfiguration{MaxTokens: aws.Int32(2)}
		}), told{text: hello[:8], stop: "max_tokens", shape: "MDEXU"}},
		{"stop sequence", with(func(in *bedrockruntime.ConverseInput) {
			in.InferenceConfig = &types.InferenceConfiguration{StopSequences: []string{"nowhere", ","}}
		}), told{text: "Embedded Bedrock", stop: "stop_sequence", shape: "MDEXU"}},
		{"stop sequence at once", with(func(in *bedrockruntime.ConverseInput) {
			in.InferenceConfig = &types.InferenceConfiguration{StopSequences: []string{"Em"}}
		}), told{stop: "stop_sequence", shape: "MXU"}},
		{"first tool", with(func(in *bedrockruntime.ConverseInput) { in.ToolConfig = weather() }),
			told{tool: "weather", input: weatherInput, stop: "tool_use", shape: "MSDEXU"}},
		{"named tool", with(func(in *bedrockruntime.ConverseInput) {
			in.ToolConfig = weather()
			in.ToolConfig.ToolChoice = &types.ToolChoiceMemberTool{Value: types.SpecificToolChoice{Name: aws.String("clock")}}
		}), told{tool: "clock", input: "{}", stop: "tool_use", shape: "MSDEXU"}},
		{"tool result", with(func(in *bedrockruntime.ConverseInput) {
			in.ToolConfig = weather()
			in.Messages = append(in.Messages, toolTurns("t1", "t1", "21 degrees")...)
		}), told{text: "Embedded Bedrock, no real model: claude-haiku-5-5 got the tool result: 21 degrees", stop: "end_turn", shape: "MDEXU"}},
		{"image", with(func(in *bedrockruntime.ConverseInput) {
			in.Messages[0].Content = append(in.Messages[0].Content, image("png", 5))
		}), told{text: hello + " [image: png, 5 bytes]", stop: "end_turn", shape: "MDEXU"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, client := start(t, bedrocktest.Options{ChunkBytes: 7})
			whole, streamed := converse(t, client, test.in), converseStream(t, client, test.in)
			if streamed.shape != test.want.shape {
				t.Errorf("stream of shape %s, want %s", streamed.shape, test.want.shape)
			}
			for name, got := range map[string]told{"whole": whole, "streamed": streamed} {
				if got.text != test.want.text || got.tool != test.want.tool || got.input != test.want.input || got.stop != test.want.stop {
					t.Errorf("%s: got %+v\nwant %+v", name, got, test.want)
				}
			}
			if a, b := counts(whole.usage), counts(streamed.usage); a != b {
				t.Errorf("whole %v and streamed %v count differently", a, b)
			}
			if got, want := *whole.usage.OutputTokens, (len(whole.text+whole.tool+whole.input)+3)/4; int(got) != want {
				t.Errorf("%d output tokens, want %d", got, want)
			}
		})
	}
}

func counts(u types.TokenUsage) [5]int32 {
	return [5]int32{*u.InputTokens, *u.CacheReadInputTokens, *u.CacheWriteInputTokens, *u.OutputTokens, *u.TotalTokens}
}

func toolTurns(use, result, said string) []types.Message {
	return []types.Message{
		{Role: types.ConversationRoleAssistant, Content: []types.ContentBlock{&types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
			ToolUseId: &use, Name: aws.String("weather"), Input: document.NewLazyDocument(map[string]any{}),
		}}}},
		user(&types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
			ToolUseId: &result, Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: said}},
		}}),
	}
}

func image(format types.ImageFormat, size int) types.ContentBlock {
	return &types.ContentBlockMemberImage{Value: types.ImageBlock{Format: format, Source: &types.ImageSourceMemberBytes{Value: make([]byte, size)}}}
}

func TestPromptCacheCounters(t *testing.T) {
	point := &types.CachePointBlock{Type: types.CachePointTypeDefault}
	question := func(system, last string) *bedrockruntime.ConverseInput {
		in := ask("first")
		in.System = []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: system}, &types.SystemContentBlockMemberCachePoint{Value: *point}}
		in.Messages[0].Content = append(in.Messages[0].Content, &types.ContentBlockMemberCachePoint{Value: *point}, text(last))
		return in
	}
	_, client := start(t, bedrocktest.Options{})
	long := strings.Repeat("x", 400)
	tests := []struct {
		name string
		in   *bedrockruntime.ConverseInput
		want [3]int32 // input, read, written
	}{
		{"no points", ask("12345678"), [3]int32{2, 0, 0}},
		{"first time", question(long, "12345678"), [3]int32{2, 0, 102}},
		{"again", question(long, "12345678"), [3]int32{2, 102, 0}},
		{"other ending", question(long, "1234567890123456"), [3]int32{4, 102, 0}},
		{"other beginning", question("y"+long, "12345678"), [3]int32{2, 0, 102}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := converse(t, client, test.in).usage
			if got := [3]int32{*u.InputTokens, *u.CacheReadInputTokens, *u.CacheWriteInputTokens}; got != test.want {
				t.Errorf("input, read, written %v, want %v", got, test.want)
			}
		})
	}
}

func TestReplyOption(t *testing.T) {
	_, client := start(t, bedrocktest.Options{Reply: strings.ToUpper})
	if got := converse(t, client, ask("hello")).text; got != "HELLO" {
		t.Errorf("got %q, want HELLO", got)
	}
}
