package conformance_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// openaiClient is the official SDK, unmodified. Its own retries are off so that calls can be counted.
func openaiClient(d *deployment) openai.Client {
	return openai.NewClient(option.WithBaseURL(d.url+"/v1"), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    "haiku",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be brief."), openai.UserMessage(text)},
	}
}

func weatherTool() openai.ChatCompletionToolUnionParam {
	return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name:        "get_weather",
		Description: openai.String("The weather in a city."),
		Parameters: shared.FunctionParameters{
			"type":       "object",
			"properties": map[string]any{"city": map[string]any{"type": "string"}, "days": map[string]any{"type": "integer"}},
			"required":   []string{"city"},
		},
	})
}

func TestOpenAI(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{})
			client := openaiClient(d)
			for _, tt := range []struct {
				name string
				run  func(*testing.T, *deployment, openai.Client)
			}{
				{"text", openaiText},
				{"stream", openaiStream},
				{"limits and sampling", openaiLimits},
				{"tools", openaiTools},
				{"tools in a stream", openaiToolStream},
				{"image", openaiImage},
				{"models", openaiModels},
			} {
				t.Run(tt.name, func(t *testing.T) {
					d.bedrock.Reset()
					tt.run(t, d, client)
				})
			}
		})
	}
}

func openaiText(t *testing.T, d *deployment, client openai.Client) {
	completion, err := client.Chat.Completions.New(t.Context(), question("What is Graviton?"))
	if err != nil {
		t.Fatal(err)
	}
	choice := completion.Choices[0]
	if !strings.Contains(choice.Message.Content, "What is Graviton?") || choice.FinishReason != "stop" {
		t.Errorf("got %q, %s", choice.Message.Content, choice.FinishReason)
	}
	if completion.Model != "haiku" || !strings.HasPrefix(completion.ID, "chatcmpl-") {
		t.Errorf("got model %q, id %q", completion.Model, completion.ID)
	}
	u := completion.Usage
	if u.PromptTokens == 0 || u.CompletionTokens == 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("usage %+v", u)
	}
	call := onlyCall(t, d)
	if call.Operation != "Converse" || call.Model != "global.anthropic.claude-haiku-5-5" || call.Region != "us-east-1" || call.Service != "bedrock" {
		t.Errorf("called %+v", call)
	}
}

func openaiStream(t *testing.T, d *deployment, client openai.Client) {
	whole, err := client.Chat.Completions.New(t.Context(), question("Count to three."))
	if err != nil {
		t.Fatal(err)
	}
	params := question("Count to three.")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openai.ChatCompletionAccumulator
	chunks := 0
	for stream.Next() {
		chunks++
		if !sum.AddChunk(stream.Current()) {
			t.Fatalf("chunk %d does not fit: %s", chunks, stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := sum.Choices[0].Message.Content, whole.Choices[0].Message.Content; got != want {
		t.Errorf("streamed %q, whole %q", got, want)
	}
	if got, want := sum.Usage.TotalTokens, whole.Usage.TotalTokens; got != want {
		t.Errorf("streamed usage %d, whole %d", got, want)
	}
	if chunks < 4 || sum.Choices[0].FinishReason != "stop" {
		t.Errorf("%d chunks, finish %q", chunks, sum.Choices[0].FinishReason)
	}
}

func openaiLimits(t *testing.T, d *deployment, client openai.Client) {
	params := question("Tell me everything.")
	params.MaxCompletionTokens = openai.Int(3)
	completion, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if completion.Choices[0].FinishReason != "length" || completion.Usage.CompletionTokens > 3 {
		t.Errorf("finish %q after %d tokens", completion.Choices[0].FinishReason, completion.Usage.CompletionTokens)
	}
	var body struct {
		InferenceConfig map[string]any
	}
	if err := json.Unmarshal(onlyCall(t, d).Body, &body); err != nil {
		t.Fatal(err)
	}
	if _, sent := body.InferenceConfig["temperature"]; sent || len(body.InferenceConfig) != 1 {
		t.Errorf("the caller set no sampling parameter, and yet: %v", body.InferenceConfig)
	}
}

func openaiTools(t *testing.T, _ *deployment, client openai.Client) {
	params := question("What is the weather in Turin?")
	params.Tools = []openai.ChatCompletionToolUnionParam{weatherTool()}
	asked, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	choice := asked.Choices[0]
	if choice.FinishReason != "tool_calls" || len(choice.Message.ToolCalls) != 1 {
		t.Fatalf("got %s", asked.RawJSON())
	}
	call := choice.Message.ToolCalls[0]
	var arguments map[string]any
	if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil || call.Function.Name != "get_weather" || arguments["city"] == nil {
		t.Errorf("got %s(%s), %v", call.Function.Name, call.Function.Arguments, err)
	}
	params.Messages = append(params.Messages, choice.Message.ToParam(), openai.ToolMessage("17 degrees", call.ID))
	answered, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(answered.Choices[0].Message.Content, "17 degrees") {
		t.Errorf("got %s", answered.RawJSON())
	}
}

func openaiToolStream(t *testing.T, _ *deployment, client openai.Client) {
	params := question("What is the weather in Turin?")
	params.Tools = []openai.ChatCompletionToolUnionParam{weatherTool()}
	params.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_weather"})
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		sum.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	calls := sum.Choices[0].Message.ToolCalls
	if len(calls) != 1 || calls[0].ID == "" || calls[0].Function.Name != "get_weather" || !json.Valid([]byte(calls[0].Function.Arguments)) {
		t.Errorf("got %+v", calls)
	}
	if sum.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("finish %q", sum.Choices[0].FinishReason)
	}
}

func openaiImage(t *testing.T, _ *deployment, client openai.Client) {
	params := question("")
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.TextContentPart("What is this?"),
		openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + pixel}),
	})}
	completion, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(completion.Choices[0].Message.Content, "png") {
		t.Errorf("the picture was not seen: %q", completion.Choices[0].Message.Content)
	}
}

func openaiModels(t *testing.T, d *deployment, client openai.Client) {
	page, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range page.Data {
		names = append(names, m.ID)
	}
	if strings.Join(names, " ") != "haiku sonnet opus" {
		t.Errorf("got %v", names)
	}
	one, err := client.Models.Get(t.Context(), "sonnet")
	if err != nil || one.ID != "sonnet" {
		t.Errorf("got %+v, %v", one, err)
	}
	_, err = client.Models.Get(t.Context(), "gpt-4")
	var failure *openai.Error
	if !errors.As(err, &failure) || failure.StatusCode != 404 || failure.Code != "model_not_found" {
		t.Errorf("got %v", err)
	}
	if n := len(d.bedrock.Calls()); n != 0 {
		t.Errorf("listing models made %d calls to Bedrock", n)
	}
}

func TestOpenAIErrors(t *testing.T) {
	tests := []struct {
		name       string
		fault      bedrocktest.Kind
		change     func(*openai.ChatCompletionNewParams)
		status     int
		kind, code string
		param      string
		retryAfter bool
	}{
		{name: "throttled", fault: bedrocktest.Throttle, status: 429, kind: "rate_limit_error", code: "rate_limit_exceeded", retryAfter: true},
		{name: "quota", fault: bedrocktest.QuotaExceeded, status: 429, kind: "rate_limit_error", code: "rate_limit_exceeded", retryAfter: true},
		{name: "no capacity", fault: bedrocktest.Capacity, status: 503, kind: "server_error", code: "overloaded", retryAfter: true},
		{name: "timeout", fault: bedrocktest.Timeout, status: 504},
		{name: "model failed", fault: bedrocktest.ModelError, status: 502},
		{name: "not allowed", fault: bedrocktest.AccessDenied, status: 500},
		{name: "refused by the model", fault: bedrocktest.Validation, status: 400, kind: "invalid_request_error"},
		{name: "no such model", change: func(p *openai.ChatCompletionNewParams) { p.Model = "gpt-4" }, status: 404, code: "model_not_found", param: "model"},
		{name: "out of range", change: func(p *openai.ChatCompletionNewParams) { p.TopP = openai.Float(3) }, status: 400, kind: "invalid_request_error", param: "top_p"},
		{name: "unsupported", change: func(p *openai.ChatCompletionNewParams) { p.Logprobs = openai.Bool(true) }, status: 400, kind: "invalid_request_error", param: "logprobs"},
		{name: "too large", change: func(p *openai.ChatCompletionNewParams) {
			p.Messages = append(p.Messages, openai.UserMessage(strings.Repeat("x", maxBody)))
		}, status: 413},
	}
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{environment: map[string]string{"GENAI_MAX_CALLS": "1", "GENAI_MAX_BODY_BYTES": maxBodyText}})
			client := openaiClient(d)
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					d.bedrock.Reset()
					params := question("hello")
					if tt.fault != "" {
						d.bedrock.Script(bedrocktest.Fault{Kind: tt.fault})
					}
					if tt.change != nil {
						tt.change(&params)
					}
					_, err := client.Chat.Completions.New(t.Context(), params)
					var failure *openai.Error
					if !errors.As(err, &failure) {
						t.Fatalf("got %v", err)
					}
					if failure.StatusCode != tt.status || tt.kind != "" && failure.Type != tt.kind || tt.code != "" && failure.Code != tt.code || failure.Param != tt.param {
						t.Errorf("got %d %s", failure.StatusCode, failure.RawJSON())
					}
					if failure.Message == "" || strings.Contains(failure.RawJSON(), "arn:") || failure.Response.Header.Get("X-Request-Id") == "" {
						t.Errorf("got %s, headers %v", failure.RawJSON(), failure.Response.Header)
					}
					if got := failure.Response.Header.Get("Retry-After") != ""; got != tt.retryAfter {
						t.Errorf("Retry-After is %q", failure.Response.Header.Get("Retry-After"))
					}
				})
			}
		})
	}
}
