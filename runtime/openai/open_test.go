package openai_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/openai"
)

// router knows one model.
type router struct{}

var route = inference.Route{
	Alias:            "haiku",
	Targets:          []inference.Target{{Model: "global.example", Region: "us-east-1"}},
	DefaultMaxTokens: 1000,
	MaxTokens:        4000,
}

func (router) Route(model string) (inference.Route, error) {
	if model != "haiku" {
		return inference.Route{}, inference.Errorf(inference.NotFound, "There is no model %q; there is haiku.", model)
	}
	return route, nil
}

func open(t *testing.T, body string) *openai.Exchange {
	t.Helper()
	exchange, err := openai.Surface{}.Open([]byte(body), "42", router{})
	if err != nil {
		t.Fatal(err)
	}
	return exchange
}

var (
	png    = "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\npixels"))
	hello  = `{"model":"haiku","messages":[{"role":"user","content":"hello"}]`
	tools  = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`
	called = `{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]}`
)

func TestOpenReadsEverything(t *testing.T) {
	got := open(t, `{"model":"haiku","stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"top_p":1,
		"max_completion_tokens":77,"stop":["a","b"],"user":"u","metadata":{"k":"v"},
		"tools":[{"type":"function","function":{"name":"weather","description":"Tells it.","strict":false,"parameters":{"type" : "object"}}},
			{"type":"function","function":{"name":"now"}}],
		"tool_choice":{"type":"function","function":{"name":"weather"}},
		"messages":[
			{"role":"system","content":"Be terse."},
			{"role":"developer","content":[{"type":"text","text":"Be kind."},{"type":"text","text":"Be \u00e9."}]},
			{"content":"Look:","role":"user"},
			{"role":"user","content":[{"type":"image_url","image_url":{"url":"`+png+`","detail":"auto"}},{"type":"text","text":"What?"}]},
			{"role":"assistant","content":"","refusal":null,"annotations":[],"audio":null,"function_call":null,"tool_calls":[
				{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Oslo\"}"}},
				{"id":"c2","type":"function","function":{"name":"now","arguments":""}}]},
			{"role":"tool","tool_call_id":"c2","name":"now","content":[{"type":"text","text":"12:"},{"type":"text","text":"00"}]},
			{"role":"tool","tool_call_id":"c1","content":""},
			{"role":"user","content":"And?"},
			{"role":"assistant","content":[{"type":"text","text":"\n"},{"type":"refusal","refusal":"No."}]},
			{"role":"user","content":"Please."}
		]}`).Request()
	half, one := 0.5, 1.0
	want := &inference.Request{
		Route: route, Stream: true, MaxTokens: 77, Temperature: &half, TopP: &one, Stop: []string{"a", "b"},
		System: []string{"Be terse.", "Be kind.", "Be é."},
		Tools: []inference.Tool{
			{Name: "weather", Description: "Tells it.", Schema: []byte(`{"type" : "object"}`)},
			{Name: "now", Schema: []byte(`{"type":"object","properties":{}}`)},
		},
		ToolChoice: inference.ToolChoice{Mode: inference.ToolNamed, Name: "weather"},
		Turns: []inference.Turn{
			{Role: inference.User, Blocks: []inference.Block{
				{Text: "Look:"}, {Image: &inference.Image{Format: "png", Data: []byte("\x89PNG\r\n\x1a\npixels")}}, {Text: "What?"},
			}},
			{Role: inference.Assistant, Blocks: []inference.Block{
				{Use: &inference.ToolUse{ID: "c1", Name: "weather", Input: []byte(`{"city": "Oslo"}`)}},
				{Use: &inference.ToolUse{ID: "c2", Name: "now", Input: []byte(`{}`)}},
			}},
			{Role: inference.User, Blocks: []inference.Block{
				{Result: &inference.ToolResult{ID: "c2", Text: "12:00"}}, {Result: &inference.ToolResult{ID: "c1"}}, {Text: "And?"},
			}},
			{Role: inference.Assistant, Blocks: []inference.Block{{Text: "No."}}},
			{Role: inference.User, Blocks: []inference.Block{{Text: "Please."}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		gotJSON, _ := json.MarshalIndent(got, "", " ")
		wantJSON, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("got %s\nwant %s", gotJSON, wantJSON)
	}
}

func TestOpenAcceptsDefaults(t *testing.T) {
	got := open(t, hello+`,"frequency_penalty":0,"presence_penalty":0.0,"n":1,"logprobs":false,"top_logprobs":null,"store":false,
		"parallel_tool_calls":true,"service_tier":"auto","verbosity":"medium","response_format":{"type": "text"},"modalities":["text"],
		"logit_bias":{},"seed":null,"audio":null,"function_call":null,"functions":null,"prediction":null,"web_search_options":null,
		"reasoning_effort":null,"prompt_cache_retention":"in_memory","safety_identifier":"s","prompt_cache_key":"k",
		"temperature":null,"top_p":null,"max_tokens":null,"max_completion_tokens":null,"stop":null,"stream":null,"stream_options":null,
		"tools":null,"tool_choice":null}`).Request()
	if got.Temperature != nil || got.TopP != nil || got.Stop != nil || got.Stream || got.Tools != nil || got.MaxTokens != 1000 {
		t.Errorf("got %+v", got)
	}
}

func TestOpenReadsChoices(t *testing.T) {
	for _, test := range []struct {
		name, more string
		check      func(r *inference.Request) bool
	}{
		{"max_tokens", `,"max_tokens":5`, func(r *inference.Request) bool { return r.MaxTokens == 5 }},
		{"both limits, equal", `,"max_tokens":5,"max_completion_tokens":5`, func(r *inference.Request) bool { return r.MaxTokens == 5 }},
		{"the most tokens", `,"max_tokens":4000`, func(r *inference.Request) bool { return r.MaxTokens == 4000 }},
		{"stop string", `,"stop":"x"`, func(r *inference.Request) bool { return len(r.Stop) == 1 && r.Stop[0] == "x" }},
		{"auto without tools", `,"tool_choice":"auto"`, func(r *inference.Request) bool { return r.ToolChoice.Mode == inference.ToolAuto }},
		{"none", `,"tool_choice":"none",` + tools, func(r *inference.Request) bool { return r.ToolChoice.Mode == inference.ToolNone }},
		{"required", `,"tool_choice":"required",` + tools, func(r *inference.Request) bool { return r.ToolChoice.Mode == inference.ToolRequired }},
		{"temperature 0", `,"temperature":0`, func(r *inference.Request) bool { return r.Temperature != nil && *r.Temperature == 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := open(t, hello+test.more+"}").Request(); !test.check(got) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func messages(list string) string { return `{"model":"haiku","messages":[` + list + `]}` }

func user(content string) string { return messages(`{"role":"user","content":` + content + `}`) }

func TestOpenNamesUnsupportedParameters(t *testing.T) {
	for parameter, value := range map[string]string{
		"frequency_penalty": "0.5", "presence_penalty": "-1", "logprobs": "true", "top_logprobs": "2", "n": "2", "store": "true",
		"seed": "1", "audio": "{}", "function_call": `"auto"`, "functions": "[]", "prediction": "{}", "web_search_options": "{}",
		"reasoning_effort": `"low"`, "verbosity": `"high"`, "service_tier": `"flex"`, "moderation": "{}",
		"prompt_cache_retention": `"24h"`, "prompt_cache_options": "{}",
	} {
		_, err := openai.Surface{}.Open(fmt.Appendf(nil, "%s,%q:%s}", hello, parameter, value), "1", router{})
		if err == nil {
			t.Errorf("%s is accepted", parameter)
			continue
		}
		if failure := inference.AsError(err); failure.Field != parameter || !strings.Contains(failure.Message, "not supported") {
			t.Errorf("%s: got %v", parameter, err)
		}
	}
}

func TestOpenReturnsTheRoutersError(t *testing.T) {
	_, err := openai.Surface{}.Open([]byte(strings.Replace(hello, "haiku", "gpt-4o", 1)+"}"), "1", router{})
	failure := inference.AsError(err)
	if failure.Code != inference.NotFound || failure.Field != "model" || !strings.Contains(failure.Message, "there is haiku") {
		t.Errorf("got %v", err)
	}
}
