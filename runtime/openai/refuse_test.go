package openai_test

import (
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/openai"
)

// refusal is a body that Open must refuse, naming the field.
type refusal struct{ name, body, field, want string }

func wantRefused(t *testing.T, refusals []refusal) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			exchange, err := openai.Surface{}.Open([]byte(test.body), "1", router{})
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

func TestOpenRefusesBodies(t *testing.T) {
	wantRefused(t, []refusal{
		{"no JSON", `hello`, "", "invalid JSON"},
		{"not an object", `[]`, "", "expected an object, got an array"},
		{"trailing data", hello + `} x`, "", "more after"},
		{"too deep", user(strings.Repeat("[", 100)), "messages[0].content[0]", "expected an object"},
		{"too deep in a schema", hello + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"a":` + strings.Repeat("[", 100) + `}}}]}`, "tools[0].function.parameters.a" + strings.Repeat("[0]", 59), "deeper"},
		{"no model", `{"messages":[{"role":"user","content":"x"}]}`, "model", "required"},
		{"empty model", `{"model":"","messages":[{"role":"user","content":"x"}]}`, "model", "required"},
		{"model of a wrong kind", `{"model":1}`, "model", "expected a string, got a number"},
		{"no messages", `{"model":"haiku"}`, "messages", "required"},
		{"empty messages", messages(``), "messages", "must not be empty"},
		{"messages of a wrong kind", `{"model":"haiku","messages":"hi"}`, "messages", "expected an array"},
		{"message of a wrong kind", messages(`"hi"`), "messages[0]", "expected an object"},
	})
}

func TestOpenRefusesMessages(t *testing.T) {
	wantRefused(t, []refusal{
		{"no role", messages(`{"content":"x"}`), "messages[0].role", "required"},
		{"unknown role", messages(`{"role":"bot","content":"x"}`), "messages[0].role", `got "bot"`},
		{"function role", messages(`{"role":"function","content":"x"}`), "messages[0].role", "use tools"},
		{"unknown member", messages(`{"role":"user","content":"x","mood":1}`), "messages[0].mood", "not a member"},
		{"participant's name", messages(`{"role":"user","content":"x","name":"Ann"}`), "messages[0].name", "not supported"},
		{"member of another role", messages(`{"role":"user","content":"x","tool_calls":[]}`), "messages[0].tool_calls", "not a member"},
		{"no content", messages(`{"role":"user"}`), "messages[0].content", "required"},
		{"null content", user(`null`), "messages[0].content", "null"},
		{"empty content", user(`""`), "messages[0].content", "blank"},
		{"blank content", user(`" \n"`), "messages[0].content", "blank"},
		{"no parts", user(`[]`), "messages[0].content", "must not be empty"},
		{"content of a wrong kind", user(`{}`), "messages[0].content", "expected a string, got an object"},
		{"empty part", user(`[{"type":"text","text":""}]`), "messages[0].content[0].text", "blank"},
		{"part without a type", user(`[{"text":"x"}]`), "messages[0].content[0].type", "required"},
		{"part without its text", user(`[{"type":"text"}]`), "messages[0].content[0].text", "required"},
		{"unknown part", user(`[{"type":"video"}]`), "messages[0].content[0].type", `got "video"`},
		{"audio part", user(`[{"type":"input_audio","input_audio":{}}]`), "messages[0].content[0].type", "not supported"},
		{"unknown member of a part", user(`[{"type":"text","text":"x","y":1}]`), "messages[0].content[0].y", "not a member"},
		{"control character", user(`"a\u0000b"`), "messages[0].content", "U+0000"},
		{"escape character", user(`[{"type":"text","text":"\u001b[0m"}]`), "messages[0].content[0].text", "U+001B"},
		{"invalid UTF-8", user("\"\xff\""), "messages[0].content", "UTF-8"},
		{"surrogate", user(`"\ud800"`), "messages[0].content", "surrogate"},
		{"duplicate key", messages(`{"role":"user","content":"x","content":"y"}`), "messages[0].content", "twice"},
	})
}

func TestOpenRefusesImages(t *testing.T) {
	big := "data:image/png;base64," + strings.Repeat("A", 5242884)
	images := strings.Repeat(`{"type":"image_url","image_url":{"url":"`+png+`"}},`, 21)
	wantRefused(t, []refusal{
		{"image in a system message", messages(`{"role":"system","content":[{"type":"image_url","image_url":{"url":"` + png + `"}}]}`), "messages[0].content[0].type", "not supported"},
		{"image URL", user(`[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]`), "messages[0].content[0].image_url.url", "only data: URLs"},
		{"image without base64", user(`[{"type":"image_url","image_url":{"url":"data:image/png,abc"}}]`), "messages[0].content[0].image_url.url", "base64"},
		{"image type", user(`[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,Qk0="}}]`), "messages[0].content[0].image_url.url", "image/bmp"},
		{"image magic", user(`[{"type":"image_url","image_url":{"url":"data:image/gif;base64,Qk0="}}]`), "messages[0].content[0].image_url.url", "not a gif"},
		{"image base64", user(`[{"type":"image_url","image_url":{"url":"data:image/gif;base64,!"}}]`), "messages[0].content[0].image_url.url", "not valid base64"},
		{"image size", user(`[{"type":"image_url","image_url":{"url":"` + big + `"}}]`), "messages[0].content[0].image_url.url", "3.75 MB"},
		{"image count", user(`[` + images[:len(images)-1] + `]`), "messages[0].content[20].image_url.url", "too many"},
		{"image detail", user(`[{"type":"image_url","image_url":{"url":"` + png + `","detail":"high"}}]`), "messages[0].content[0].image_url.detail", "not supported"},
		{"image without a URL", user(`[{"type":"image_url","image_url":{}}]`), "messages[0].content[0].image_url.url", "required"},
		{"image as a string", user(`[{"type":"image_url","image_url":"` + png + `"}]`), "messages[0].content[0].image_url", "expected an object"},
	})
}

func TestOpenRefusesOrders(t *testing.T) {
	wantRefused(t, []refusal{
		{"only system", messages(`{"role":"system","content":"x"}`), "messages", "message of the user"},
		{"late system", messages(`{"role":"user","content":"x"},{"role":"system","content":"y"}`), "messages[1].role", "before all others"},
		{"assistant first", messages(`{"role":"assistant","content":"x"}`), "messages[0].role", "must be the user's"},
		{"assistant last", messages(`{"role":"user","content":"x"},{"role":"assistant","content":"y"}`), "messages[1].role", "last message"},
		{"empty assistant", messages(`{"role":"user","content":"x"},{"role":"assistant","content":""}`), "messages[1].content", "must not be empty"},
		{"tool first", messages(`{"role":"tool","tool_call_id":"c","content":"x"}`), "messages[0].tool_call_id", "no open call"},
		{"tool without an id", messages(called + `,{"role":"tool","content":"x"}`), "messages[2].tool_call_id", "required"},
		{"tool without content", messages(called + `,{"role":"tool","tool_call_id":"c1"}`), "messages[2].content", "required"},
		{"tool of another call", messages(called + `,{"role":"tool","tool_call_id":"c2","content":"x"}`), "messages[2].tool_call_id", `"c2"`},
		{"tool answered twice", messages(called + `,{"role":"tool","tool_call_id":"c1","content":"x"},{"role":"tool","tool_call_id":"c1","content":"x"}`), "messages[3].tool_call_id", "no open call"},
		{"call not answered", messages(called + `,{"role":"user","content":"x"}`), "messages[2]", `"c1"`},
		{"call not answered at the end", messages(called), "messages", `"c1"`},
		{"calls without tools", messages(called + `,{"role":"tool","tool_call_id":"c1","content":"x"}`), "tools", "required"},
		{"call without an id", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"{}"}}]}`), "messages[1].tool_calls[0].id", "required"},
		{"call with an odd id", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a b","type":"function"}]}`), "messages[1].tool_calls[0].id", "letters"},
		{"call twice", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}`), "messages[1].tool_calls[1].id", "twice"},
		{"call of another type", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"custom"}]}`), "messages[1].tool_calls[0].type", `"custom"`},
		{"arguments no JSON", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]}`), "messages[1].tool_calls[0].function.arguments", "JSON object"},
		{"arguments no object", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"[]"}}]}`), "messages[1].tool_calls[0].function.arguments", "JSON object"},
		{"arguments with a control character", messages(`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\u0000\"}"}}]}`), "messages[1].tool_calls[0].function.arguments", "U+0000"},
	})
}

func TestOpenRefusesTools(t *testing.T) {
	wantRefused(t, []refusal{
		{"tool type", hello + `,"tools":[{"type":"custom","custom":{}}]}`, "tools[0].type", `"custom"`},
		{"tool without a name", hello + `,"tools":[{"type":"function","function":{}}]}`, "tools[0].function.name", "required"},
		{"tool without a function", hello + `,"tools":[{"type":"function"}]}`, "tools[0].function", "required"},
		{"tool name", hello + `,"tools":[{"type":"function","function":{"name":"a.b"}}]}`, "tools[0].function.name", "letters"},
		{"long tool name", hello + `,"tools":[{"type":"function","function":{"name":"` + strings.Repeat("a", 65) + `"}}]}`, "tools[0].function.name", "letters"},
		{"strict tool", hello + `,"tools":[{"type":"function","function":{"name":"f","strict":true}}]}`, "tools[0].function.strict", "not supported"},
		{"tool parameters", hello + `,"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]}`, "tools[0].function.parameters", "expected an object"},
		{"tool twice", hello + `,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]}`, "tools[1].function.name", "twice"},
		{"choice of no tool", hello + `,"tool_choice":{"type":"function","function":{"name":"f"}},` + tools + `}`, "tool_choice.function.name", `"f"`},
		{"choice unknown", hello + `,"tool_choice":"any"}`, "tool_choice", `"any"`},
		{"choice without a name", hello + `,"tool_choice":{"type":"function"}}`, "tool_choice.function.name", "required"},
		{"allowed tools", hello + `,"tool_choice":{"type":"allowed_tools"}}`, "tool_choice.type", "not supported"},
		{"required without tools", hello + `,"tool_choice":"required"}`, "tool_choice", "no tools"},
		{"serial tools", hello + `,"parallel_tool_calls":false}`, "parallel_tool_calls", "not supported"},
	})
}

func TestOpenRefusesParameters(t *testing.T) {
	wantRefused(t, []refusal{
		{"stops", hello + `,"stop":["a","b","c","d","e"]}`, "stop[4]", "at most 4"},
		{"empty stop", hello + `,"stop":[""]}`, "stop[0]", "empty"},
		{"stop of a wrong kind", hello + `,"stop":1}`, "stop", "not supported"},
		{"max_tokens 0", hello + `,"max_tokens":0}`, "max_tokens", "at least 1"},
		{"max_tokens above the cap", hello + `,"max_tokens":4001}`, "max_tokens", "at most 4000 for this model, got 4001"},
		{"max_completion_tokens above the cap", hello + `,"max_completion_tokens":4001}`, "max_completion_tokens", "at most 4000"},
		{"max_tokens no integer", hello + `,"max_tokens":1.5}`, "max_tokens", "integer"},
		{"different limits", hello + `,"max_tokens":1,"max_completion_tokens":2}`, "max_tokens", "send one"},
		{"temperature", hello + `,"temperature":1.5}`, "temperature", "Bedrock's range"},
		{"temperature below 0", hello + `,"temperature":-0.1}`, "temperature", "0 to 1"},
		{"top_p", hello + `,"top_p":2}`, "top_p", "0 to 1"},
		{"stream", hello + `,"stream":"yes"}`, "stream", "expected a boolean"},
		{"stream options without a stream", hello + `,"stream_options":{}}`, "stream_options", "stream set to true"},
		{"unknown stream option", hello + `,"stream":true,"stream_options":{"x":1}}`, "stream_options.x", "not a stream option"},
		{"obfuscation", hello + `,"stream":true,"stream_options":{"include_obfuscation":true}}`, "stream_options.include_obfuscation", "not supported"},
		{"unknown parameter", hello + `,"top_k":5}`, "top_k", "not a parameter"},
		{"unknown odd parameter", hello + `,"a b":5}`, `["a b"]`, "not a parameter"},
		{"json mode", hello + `,"response_format":{"type":"json_object"}}`, "response_format", "not supported"},
		{"modalities", hello + `,"modalities":["text","audio"]}`, "modalities[1]", "not supported"},
		{"logit_bias", hello + `,"logit_bias":{"50256":-100}}`, "logit_bias.50256", "not supported"},
	})
}
