package anthropic_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// router knows a model that takes Messages, and one that does not.
type router struct{}

var route = inference.Route{
	Alias:            "haiku",
	Targets:          []inference.Target{{Model: "global.example", Region: "us-east-1"}},
	DefaultMaxTokens: 1000,
	MaxTokens:        4000,
	Messages:         true,
}

func (router) Route(model string) (inference.Route, error) {
	switch model {
	case "haiku":
		return route, nil
	case "nova":
		return inference.Route{Alias: "nova", DefaultMaxTokens: 1, MaxTokens: 1}, nil
	default:
		return inference.Route{}, inference.Errorf(inference.NotFound, "There is no model %q; there is haiku.", model)
	}
}

func open(t *testing.T, body string) *anthropic.Exchange {
	t.Helper()
	exchange, err := anthropic.Surface{}.Open([]byte(body), "42", router{})
	if err != nil {
		t.Fatal(err)
	}
	return exchange
}

var png = base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\npixels"))

const hello = `{"model":"haiku","messages":[{"role":"user","content":"hello"}]`

func TestOpenPassesTheBodyThrough(t *testing.T) {
	const start = `{"anthropic_version":"bedrock-2023-05-31"`
	long := `"messages":[
		{"role":"user", "content":"\u00e9 <&>"},
		{"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use","id":"t1","name":"f","input":{"a" : 1.0e1}}],"role":"assistant"},
		{"role":"user","content":[
			{"type":"tool_result","tool_use_id":"t1","is_error":false,"content":[{"type":"text","text":"x"},{"source":{"data":"` + png + `","media_type":"image/png","type":"base64"},"type":"image"}]},
			{"type":"tool_result","tool_use_id":"t2","content":""},
			{"type":"tool_result","tool_use_id":"t3"},
			{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"},"citations":{"enabled":true}},
			{"type":"document","source":{"type":"content","content":[{"type":"text","text":"x"}]}},
			{"type":"search_result","source":"s","title":"t","content":[]},
			{"type":"text","text":"go","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
		{"role":"assistant","content":"Well,"}]`
	rest := `"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"stop_sequences":["a", "b"],"temperature":1,"top_p":0.5,"top_k":0,
		"tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"custom","name":"g","input_schema":{}},{"type":"bash_20250124","name":"bash"},{"type":"mcp_toolset"}],
		"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},"metadata":{"user_id":"u"},"thinking":{"type":"enabled","budget_tokens":1024},
		"output_config":{"effort":"low"},"context_management":{"edits":[]},"cache_control":null,"anthropic_beta":["x-1"]`
	for _, test := range []struct {
		name, body, want string
		stream           bool
		tokens           int
	}{
		{"least", hello + `}`, start + `,"messages":[{"role":"user","content":"hello"}],"max_tokens":1000}`, false, 1000},
		{"model, stream and version", `{"stream":true,"anthropic_version":"bedrock-2023-05-31",` + hello[1:] + `,"max_tokens": 12}`,
			start + `,"messages":[{"role":"user","content":"hello"}],"max_tokens":12}`, true, 12},
		{"everything", `{"max_tokens":4000, ` + long + ` , "model" : "haiku",` + rest + `,"stream":false} `, start + `,` + long + `,` + rest + `,"max_tokens":4000}`, false, 4000},
		{"system text", hello + `,"system":"s"}`, start + `,"messages":[{"role":"user","content":"hello"}],"system":"s","max_tokens":1000}`, false, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := open(t, test.body).Request()
			if squeeze(string(got.Body)) != squeeze(test.want) {
				t.Errorf("got  %s\nwant %s", got.Body, test.want)
			}
			if got.Stream != test.stream || got.MaxTokens != test.tokens || !reflect.DeepEqual(got.Route, route) || got.Turns != nil {
				t.Errorf("got %+v", got)
			}
			if !json.Valid(got.Body) {
				t.Error("the body is no JSON")
			}
		})
	}
}

// squeeze takes out the white space around the members of this file's bodies: what stands between members is not theirs.
func squeeze(s string) string {
	return strings.NewReplacer("],\n\t\t", "],", "},\n\t\t", "},", "0,\n\t\t", "0,").Replace(s)
}

func TestSetBeta(t *testing.T) {
	for _, test := range []struct {
		name, body string
		flags      []string
		want       any
	}{
		{"none", hello + "}", nil, nil},
		{"two", hello + "}", []string{"a-1", `b"2`}, []any{"a-1", `b"2`}},
		{"the body's own", hello + `,"anthropic_beta":["c"]}`, []string{"a-1"}, []any{"c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			exchange := open(t, test.body)
			exchange.SetBeta(test.flags)
			var got map[string]any
			if err := json.Unmarshal(exchange.Request().Body, &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got["anthropic_beta"], test.want) || got["max_tokens"] != 1000.0 {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestOpenReturnsTheRoutersError(t *testing.T) {
	_, err := anthropic.Surface{}.Open([]byte(strings.Replace(hello, "haiku", "claude", 1)+"}"), "1", router{})
	failure := inference.AsError(err)
	if failure.Code != inference.NotFound || failure.Field != "model" || !strings.Contains(failure.Message, "there is haiku") {
		t.Errorf("got %v", err)
	}
}

// FuzzOpen: no body makes Open panic, and what it accepts becomes a body that Bedrock can read.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(hello + `,"system":[{"type":"text","text":"s"}],"max_tokens":5,"stream":true,"top_k":1}`))
	f.Add([]byte(hello + `,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"any"},"anthropic_beta":["a"]}`))
	f.Add([]byte(`{"model":"haiku","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}},
		{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"}]}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		exchange, err := anthropic.Surface{}.Open(body, "1", router{})
		if err != nil {
			if _, ok := err.(*inference.Error); !ok {
				t.Fatalf("not a good error: %#v", err)
			}
			return
		}
		exchange.SetBeta([]string{"b"})
		request := exchange.Request()
		var sent, got map[string]json.RawMessage
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(request.Body, &got); err != nil {
			t.Fatalf("%s: %v", request.Body, err)
		}
		if got["model"] != nil || got["stream"] != nil || string(got["anthropic_version"]) != `"bedrock-2023-05-31"` ||
			got["max_tokens"] == nil || got["anthropic_beta"] == nil || request.MaxTokens < 1 || request.MaxTokens > route.MaxTokens {
			t.Fatalf("got %s", request.Body)
		}
		for key, value := range sent {
			if kept := got[key]; kept != nil && string(kept) != string(value) && key != "max_tokens" {
				t.Fatalf("%s was %s and is %s", key, value, kept)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	body := []byte(`{"model":"haiku","system":"You are terse.","messages":[{"role":"user","content":"` +
		strings.Repeat("Tell me about Graviton. ", 40) + `"}],"max_tokens":256,"stream":true}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (anthropic.Surface{}).Open(body, "1", router{}); err != nil {
			b.Fatal(err)
		}
	}
}
