package conformance_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// anthropicClient is the official SDK, unmodified. Its own retries are off so that calls can be counted.
func anthropicClient(d *deployment) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(d.url), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

func ask(blocks ...anthropic.ContentBlockParamUnion) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:     "haiku",
		MaxTokens: 1000,
		System:    []anthropic.TextBlockParam{{Text: "Be brief."}},
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(blocks...)},
	}
}

func weather() anthropic.ToolUnionParam {
	return anthropic.ToolUnionParam{OfTool: &anthropic.ToolParam{
		Name:        "get_weather",
		Description: anthropic.String("The weather in a city."),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"}},
	}}
}

func TestAnthropic(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{})
			client := anthropicClient(d)
			for _, tt := range []struct {
				name string
				run  func(*testing.T, *deployment, anthropic.Client)
			}{
				{"text", anthropicText},
				{"stream", anthropicStream},
				{"tools", anthropicTools},
				{"image", anthropicImage},
				{"prompt cache", anthropicCache},
				{"models", anthropicModels},
			} {
				t.Run(tt.name, func(t *testing.T) {
					d.bedrock.Reset()
					tt.run(t, d, client)
				})
			}
		})
	}
}

func anthropicText(t *testing.T, d *deployment, client anthropic.Client) {
	message, err := client.Messages.New(t.Context(), ask(anthropic.NewTextBlock("What is Graviton?")), option.WithHeader("anthropic-beta", "one-2026,two-2026"))
	if err != nil {
		t.Fatal(err)
	}
	if message.Type != "message" || !strings.Contains(message.Content[0].Text, "What is Graviton?") || message.StopReason != anthropic.StopReasonEndTurn {
		t.Errorf("got %s", message.RawJSON())
	}
	if message.Usage.InputTokens == 0 || message.Usage.OutputTokens == 0 {
		t.Errorf("usage %s", message.Usage.RawJSON())
	}
	call := onlyCall(t, d)
	if call.Operation != "InvokeModel" || call.Model != "global.anthropic.claude-haiku-5-5" {
		t.Errorf("called %+v", call)
	}
	var body map[string]any
	if err := json.Unmarshal(call.Body, &body); err != nil {
		t.Fatal(err)
	}
	betas, _ := json.Marshal(body["anthropic_beta"])
	if body["anthropic_version"] != "bedrock-2023-05-31" || body["model"] != nil || body["stream"] != nil || string(betas) != `["one-2026","two-2026"]` {
		t.Errorf("sent %s", call.Body)
	}
}

func anthropicStream(t *testing.T, d *deployment, client anthropic.Client) {
	params := ask(anthropic.NewTextBlock("Count to three."))
	whole, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	stream := client.Messages.NewStreaming(t.Context(), params)
	var sum anthropic.Message
	events := 0
	for stream.Next() {
		events++
		if err := sum.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if sum.Content[0].Text != whole.Content[0].Text || sum.StopReason != whole.StopReason || events < 6 {
		t.Errorf("streamed %q (%s) in %d events, whole %q", sum.Content[0].Text, sum.StopReason, events, whole.Content[0].Text)
	}
	if sum.Usage.InputTokens != whole.Usage.InputTokens || sum.Usage.OutputTokens != whole.Usage.OutputTokens {
		t.Errorf("streamed usage %+v, whole %s", sum.Usage, whole.Usage.RawJSON())
	}
}

func anthropicTools(t *testing.T, _ *deployment, client anthropic.Client) {
	params := ask(anthropic.NewTextBlock("What is the weather in Turin?"))
	params.Tools = []anthropic.ToolUnionParam{weather()}
	asked, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if asked.StopReason != anthropic.StopReasonToolUse {
		t.Fatalf("got %s", asked.RawJSON())
	}
	var use anthropic.ToolUseBlock
	for _, block := range asked.Content {
		if b, ok := block.AsAny().(anthropic.ToolUseBlock); ok {
			use = b
		}
	}
	params.Messages = append(params.Messages, asked.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(use.ID, "17 degrees", false)))
	answered, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(answered.Content[0].Text, "17 degrees") {
		t.Errorf("got %s", answered.RawJSON())
	}
}

func anthropicImage(t *testing.T, _ *deployment, client anthropic.Client) {
	message, err := client.Messages.New(t.Context(), ask(anthropic.NewImageBlockBase64("image/png", pixel), anthropic.NewTextBlock("What is this?")))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(message.Content[0].Text, "png") {
		t.Errorf("the picture was not seen: %q", message.Content[0].Text)
	}
}

// The three input counters stay apart, end to end.
func anthropicCache(t *testing.T, d *deployment, client anthropic.Client) {
	params := ask(anthropic.NewTextBlock("And now?"))
	params.System = []anthropic.TextBlockParam{{Text: strings.Repeat("A long instruction. ", 50), CacheControl: anthropic.NewCacheControlEphemeralParam()}}
	first, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if first.Usage.CacheCreationInputTokens == 0 || first.Usage.CacheReadInputTokens != 0 {
		t.Errorf("first: %s", first.Usage.RawJSON())
	}
	if second.Usage.CacheReadInputTokens != first.Usage.CacheCreationInputTokens || second.Usage.InputTokens != first.Usage.InputTokens {
		t.Errorf("second: %s", second.Usage.RawJSON())
	}
	for n := 1; ; n++ {
		line := d.records(t, n)[n-1]
		if line["CacheReadTokens"] == float64(second.Usage.CacheReadInputTokens) && line["InputTokens"] == float64(second.Usage.InputTokens) {
			return // and records fails the test when there is none
		}
	}
}

func anthropicModels(t *testing.T, _ *deployment, client anthropic.Client) {
	page, err := client.Models.List(t.Context(), anthropic.ModelListParams{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Data) != 3 || page.Data[0].ID != "haiku" || page.Data[0].Type != "model" {
		t.Errorf("got %s", page.RawJSON())
	}
	one, err := client.Models.Get(t.Context(), "opus", anthropic.ModelGetParams{})
	if err != nil || one.ID != "opus" {
		t.Errorf("got %+v, %v", one, err)
	}
}

func TestAnthropicErrors(t *testing.T) {
	tests := []struct {
		name       string
		fault      bedrocktest.Kind
		change     func(*anthropic.MessageNewParams)
		status     int
		kind       anthropic.ErrorType
		field      string
		retryAfter bool
	}{
		{name: "throttled", fault: bedrocktest.Throttle, status: 429, kind: "rate_limit_error", retryAfter: true},
		{name: "no capacity", fault: bedrocktest.Capacity, status: 529, kind: "overloaded_error", retryAfter: true},
		{name: "timeout", fault: bedrocktest.Timeout, status: 504, kind: "timeout_error"},
		{name: "model failed", fault: bedrocktest.ModelError, status: 502, kind: "api_error"},
		{name: "not allowed", fault: bedrocktest.AccessDenied, status: 500, kind: "api_error"},
		{name: "refused by the model", fault: bedrocktest.Validation, status: 400, kind: "invalid_request_error"},
		{name: "no such model", change: func(p *anthropic.MessageNewParams) { p.Model = "claude-2" }, status: 404, kind: "not_found_error"},
		{name: "out of range", change: func(p *anthropic.MessageNewParams) { p.MaxTokens = -1 }, status: 400, kind: "invalid_request_error", field: "max_tokens"},
		{name: "no turns", change: func(p *anthropic.MessageNewParams) { p.Messages = []anthropic.MessageParam{} }, status: 400, kind: "invalid_request_error", field: "messages"},
		{name: "too large", change: func(p *anthropic.MessageNewParams) {
			p.Messages[0] = anthropic.NewUserMessage(anthropic.NewTextBlock(strings.Repeat("x", maxBody)))
		}, status: 413, kind: "request_too_large"},
	}
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{environment: map[string]string{"GENAI_MAX_CALLS": "1", "GENAI_MAX_BODY_BYTES": maxBodyText}})
			client := anthropicClient(d)
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					d.bedrock.Reset()
					params := ask(anthropic.NewTextBlock("hello"))
					if tt.fault != "" {
						d.bedrock.Script(bedrocktest.Fault{Kind: tt.fault})
					}
					if tt.change != nil {
						tt.change(&params)
					}
					_, err := client.Messages.New(t.Context(), params)
					var failure *anthropic.Error
					if !errors.As(err, &failure) {
						t.Fatalf("got %v", err)
					}
					if failure.StatusCode != tt.status || failure.Type() != tt.kind && tt.kind != "request_too_large" || !strings.Contains(failure.RawJSON(), tt.field) {
						t.Errorf("got %d %s", failure.StatusCode, failure.RawJSON())
					}
					if failure.RequestID == "" || strings.Contains(failure.RawJSON(), "arn:") {
						t.Errorf("request id %q in %s", failure.RequestID, failure.RawJSON())
					}
					if got := failure.Response.Header.Get("Retry-After") != ""; got != tt.retryAfter {
						t.Errorf("Retry-After is %q", failure.Response.Header.Get("Retry-After"))
					}
				})
			}
		})
	}
}
