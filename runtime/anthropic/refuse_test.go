package anthropic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// refusal is a body that Open must refuse, naming the field.
type refusal struct{ name, body, field, want string }

func wantRefused(t *testing.T, refusals []refusal) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			exchange, err := anthropic.Surface{}.Open([]byte(test.body), "1", router{})
			if err == nil || exchange != nil {
				t.Fatal("it is accepted")
			}
			failure := inference.AsError(err)
			if failure.Code != inference.InvalidRequest || failure.Field != test.field || !strings.Contains(failure.Message, test.want) {
				t.Errorf("got %v\nwant field %q, message %q", err, test.field, test.want)
			}
		})
	}
}

func messages(list string) string { return `{"model":"haiku","messages":[` + list + `]}` }

func user(content string) string { return messages(`{"role":"user","content":` + content + `}`) }

func TestOpenRefusesMessages(t *testing.T) {
	wantRefused(t, []refusal{
		{"no JSON", `hello`, "", "invalid JSON"},
		{"not an object", `"x"`, "", "expected an object, got a string"},
		{"trailing data", hello + `} x`, "", "more after"},
		{"no model", `{"messages":[{"role":"user","content":"x"}]}`, "model", "required"},
		{"empty model", `{"model":"",` + hello[17:] + `}`, "model", "required"},
		{"model of a wrong kind", `{"model":1}`, "model", "expected a string"},
		{"model twice", `{"model":"haiku","model":"haiku"}`, "model", "twice"},
		{"model without Messages", strings.Replace(hello, "haiku", "nova", 1) + `}`, "model", "/v1/chat/completions"},
		{"no messages", `{"model":"haiku"}`, "messages", "required"},
		{"empty messages", messages(``), "messages", "must not be empty"},
		{"messages of a wrong kind", `{"model":"haiku","messages":{}}`, "messages", "expected an array"},
		{"message of a wrong kind", messages(`1`), "messages[0]", "expected an object"},
		{"no role", messages(`{"content":"x"}`), "messages[0].role", "required"},
		{"system role", messages(`{"role":"system","content":"x"}`), "messages[0].role", "user or assistant"},
		{"assistant first", messages(`{"role":"assistant","content":"x"}`), "messages[0].role", "must be the user's"},
		{"no content", messages(`{"role":"user"}`), "messages[0].content", "required"},
		{"empty content", user(`""`), "messages[0].content", "empty"},
		{"no blocks", user(`[]`), "messages[0].content", "empty"},
		{"null content", user(`null`), "messages[0].content", "expected a string, got null"},
		{"block without a type", user(`[{"text":"x"}]`), "messages[0].content[0].type", "required"},
		{"unknown block", user(`[{"type":"video"}]`), "messages[0].content[0].type", `"video"`},
		{"empty text", user(`[{"type":"text","text":""}]`), "messages[0].content[0].text", "empty"},
		{"no text", user(`[{"type":"text"}]`), "messages[0].content[0].text", "required"},
		{"control character", user(`"\u0000"`), "messages[0].content", "U+0000"},
		{"control character deep down", user(`[{"type":"tool_use","id":"a","name":"b","input":{"c":["\u001b"]}}]`), "messages[0].content[0].input.c[0]", "U+001B"},
		{"invalid UTF-8", user("\"\xff\""), "messages[0].content", "UTF-8"},
		{"duplicate key", user(`[{"type":"text","text":"x","type":"image"}]`), "messages[0].content[0].type", "twice"},
		{"too deep", user(`[{"type":"tool_use","id":"a","name":"b","input":{"c":` + strings.Repeat("[", 99) + `}}]`), "messages[0].content[0].input.c" + strings.Repeat("[0]", 58), "deeper"},
		{"tool_use without an id", user(`[{"type":"tool_use","name":"b","input":{}}]`), "messages[0].content[0].id", "required"},
		{"tool_use without input", user(`[{"type":"tool_use","id":"a","name":"b"}]`), "messages[0].content[0].input", "required"},
		{"tool_use with a text as input", user(`[{"type":"tool_use","id":"a","name":"b","input":"{}"}]`), "messages[0].content[0].input", "expected an object"},
		{"tool_result without an id", user(`[{"type":"tool_result"}]`), "messages[0].content[0].tool_use_id", "required"},
		{"tool_result in a tool_result", user(`[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_result","tool_use_id":"b"}]}]`), "messages[0].content[0].content[0].type", "no \"tool_result\" blocks here"},
		{"tool_result of a wrong kind", user(`[{"type":"tool_result","tool_use_id":"a","content":{}}]`), "messages[0].content[0].content", "expected a string"},
	})
}

func TestOpenRefusesSources(t *testing.T) {
	image := func(source string) string { return user(`[{"type":"image","source":` + source + `}]`) }
	const at = "messages[0].content[0].source"
	wantRefused(t, []refusal{
		{"no source", user(`[{"type":"image"}]`), at, "required"},
		{"no type", image(`{}`), at + ".type", "required"},
		{"URL", image(`{"type":"url","url":"https://example.com/a.png"}`), at + ".type", "url sources are not supported"},
		{"file", image(`{"type":"file","file_id":"f"}`), at + ".type", "file sources are not supported"},
		{"unknown", image(`{"type":"s3"}`), at + ".type", `"s3"`},
		{"text", image(`{"type":"text","data":"x"}`), at + ".type", "base64"},
		{"media type", image(`{"type":"base64","media_type":"image/tiff","data":"x"}`), at + ".media_type", "image/tiff"},
		{"no media type", image(`{"type":"base64","data":"x"}`), at + ".media_type", "must be of type"},
		{"base64", image(`{"type":"base64","media_type":"image/png","data":"*"}`), at + ".data", "base64"},
		{"magic", image(`{"type":"base64","media_type":"image/jpeg","data":"` + png + `"}`), at + ".data", "not a jpeg"},
		{"no data", image(`{"type":"base64","media_type":"image/png"}`), at + ".data", "not a png"},
		{"in a result", user(`[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url"}}]}]`), "messages[0].content[0].content[0].source.type", "url"},
		{"document URL", user(`[{"type":"document","source":{"type":"url","url":"https://example.com"}}]`), at + ".type", "url"},
	})
}

func TestOpenRefusesParameters(t *testing.T) {
	wantRefused(t, []refusal{
		{"version", hello + `,"anthropic_version":"2023-06-01"}`, "anthropic_version", "bedrock-2023-05-31"},
		{"max_tokens 0", hello + `,"max_tokens":0}`, "max_tokens", "at least 1"},
		{"max_tokens above the cap", hello + `,"max_tokens":4001}`, "max_tokens", "at most 4000 for this model, got 4001"},
		{"max_tokens of a wrong kind", hello + `,"max_tokens":"5"}`, "max_tokens", "expected a number"},
		{"temperature", hello + `,"temperature":1.1}`, "temperature", "0 to 1"},
		{"top_p", hello + `,"top_p":-1}`, "top_p", "0 to 1"},
		{"top_k", hello + `,"top_k":-1}`, "top_k", "negative"},
		{"top_k no integer", hello + `,"top_k":0.5}`, "top_k", "integer"},
		{"stream", hello + `,"stream":"true"}`, "stream", "expected a boolean"},
		{"stop_sequences", hello + `,"stop_sequences":"x"}`, "stop_sequences", "expected an array"},
		{"empty stop sequence", hello + `,"stop_sequences":["x",""]}`, "stop_sequences[1]", "empty"},
		{"system of a wrong kind", hello + `,"system":{}}`, "system", "expected a string"},
		{"system image", hello + `,"system":[{"type":"image"}]}`, "system[0].type", "must be text"},
		{"system control character", hello + `,"system":"\u0007"}`, "system", "U+0007"},
		{"empty system block", hello + `,"system":[{"type":"text","text":""}]}`, "system[0].text", "empty"},
		{"tools", hello + `,"tools":{}}`, "tools", "expected an array"},
		{"tool without a name", hello + `,"tools":[{"input_schema":{}}]}`, "tools[0].name", "required"},
		{"tool without a schema", hello + `,"tools":[{"name":"f"}]}`, "tools[0].input_schema", "required"},
		{"tool schema", hello + `,"tools":[{"name":"f","input_schema":[]}]}`, "tools[0].input_schema", "expected an object"},
		{"tool choice", hello + `,"tool_choice":"auto"}`, "tool_choice", "expected an object"},
		{"unknown tool choice", hello + `,"tool_choice":{"type":"required"}}`, "tool_choice.type", `"required"`},
		{"nameless tool choice", hello + `,"tool_choice":{"type":"tool"}}`, "tool_choice.name", "required"},
		{"thinking", hello + `,"thinking":true}`, "thinking", "expected an object"},
		{"beta", hello + `,"anthropic_beta":"x"}`, "anthropic_beta", "expected an array"},
		{"unknown", hello + `,"frequency_penalty":0}`, "frequency_penalty", "not a parameter"},
		{"unknown and odd", hello + `,"a b":0}`, `["a b"]`, "not a parameter"},
	})
}

func TestOpenNamesUnsupportedParameters(t *testing.T) {
	for _, parameter := range []string{
		"container", "diagnostics", "fallback_credit_token", "fallbacks", "inference_geo", "mcp_servers", "service_tier", "speed", "user_profile_id",
	} {
		_, err := anthropic.Surface{}.Open(fmt.Appendf(nil, `%s,%q:"x"}`, hello, parameter), "1", router{})
		if err == nil {
			t.Errorf("%s is accepted", parameter)
			continue
		}
		if failure := inference.AsError(err); failure.Field != parameter || !strings.Contains(failure.Message, "not supported") {
			t.Errorf("%s: got %v", parameter, err)
		}
	}
}
