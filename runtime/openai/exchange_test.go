package openai_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/openai"
)

// object decodes a JSON object and takes out "created", which is the time.
func object(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if created, ok := got["created"].(float64); ok && created > 1.7e9 {
		delete(got, "created")
	}
	return got
}

func wantJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	if got, want := object(t, got), object(t, []byte(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAppendReply(t *testing.T) {
	usage := inference.Usage{Input: 10, CacheRead: 5, CacheWrite: 2, Output: 7}
	const wantUsage = `"usage":{"prompt_tokens":17,"completion_tokens":7,"total_tokens":24,"prompt_tokens_details":{"cached_tokens":5,"cache_write_tokens":2}}`
	call := inference.Block{Use: &inference.ToolUse{ID: "c1", Name: "weather", Input: []byte(`{"city":"Oslo"}`)}}
	bare := inference.Block{Use: &inference.ToolUse{ID: "c2", Name: "now"}}
	const wantCall = `{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}`
	for _, test := range []struct {
		name    string
		blocks  []inference.Block
		stop    inference.StopReason
		message string
		finish  string
	}{
		{"text", []inference.Block{{Text: "a\n\"b\""}, {Text: "c"}}, inference.StopEndTurn, `"content":"a\n\"b\"c","refusal":null`, "stop"},
		{"nothing", nil, inference.StopSequence, `"content":"","refusal":null`, "stop"},
		{"cut", []inference.Block{{Text: "a"}}, inference.StopMaxTokens, `"content":"a","refusal":null`, "length"},
		{"too long", nil, inference.StopContextWindow, `"content":"","refusal":null`, "length"},
		{"filtered", nil, inference.StopFiltered, `"content":"","refusal":null`, "content_filter"},
		{"guarded", nil, inference.StopGuardrail, `"content":"","refusal":null`, "content_filter"},
		{"unknown", nil, "new_reason", `"content":"","refusal":null`, "stop"},
		{"call", []inference.Block{call}, inference.StopToolUse, `"content":null,"refusal":null,"tool_calls":[` + wantCall + `]`, "tool_calls"},
		{"text and calls", []inference.Block{{Text: "a"}, call, bare}, inference.StopToolUse, `"content":"a","refusal":null,"tool_calls":[` + wantCall +
			`,{"id":"c2","type":"function","function":{"name":"now","arguments":"{}"}}]`, "tool_calls"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := open(t, hello+"}").AppendReply(nil, &inference.Reply{Blocks: test.blocks, Stop: test.stop, Usage: usage})
			wantJSON(t, got, `{"id":"chatcmpl-42","object":"chat.completion","model":"haiku","choices":[{"index":0,"message":{"role":"assistant",`+
				test.message+`},"logprobs":null,"finish_reason":"`+test.finish+`"}],`+wantUsage+`}`)
		})
	}
}

// events is a stream with everything in it: text, a call with arguments, one without, the end.
var events = []inference.Event{
	{Kind: inference.EventText, Text: "Let me\n"},
	{Kind: inference.EventText, Text: ""},
	{Kind: inference.EventToolStart, Index: 0, ToolID: "c1", ToolName: "weather"},
	{Kind: inference.EventToolInput, Index: 0, Text: ""},
	{Kind: inference.EventToolInput, Index: 0, Text: `{"city":`},
	{Kind: inference.EventToolInput, Index: 0, Text: `"Oslo"}`},
	{Kind: inference.EventToolStart, Index: 1, ToolID: "c2", ToolName: "now"},
	{Kind: inference.EventStop, Stop: inference.StopToolUse},
	{Kind: inference.EventUsage, Usage: inference.Usage{Input: 3, Output: 4}, HasUsage: true},
	{Kind: inference.EventRaw, Type: "ping", Raw: []byte(`{}`)},
}

func TestAppendEvent(t *testing.T) {
	for _, test := range []struct{ name, more, usage, last string }{
		{"plain", `,"stream":true}`, "", ""},
		{"with usage", `,"stream":true,"stream_options":{"include_usage":true}}`, `,"usage":null`,
			`,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			exchange := open(t, hello+test.more)
			var got []byte
			for i := range events {
				got = exchange.AppendEvent(got, &events[i])
			}
			var want []string
			for _, delta := range []string{
				`{"role":"assistant","content":"","refusal":null}`,
				`{"content":"Let me\n"}`,
				`{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"weather","arguments":""}}]}`,
				`{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}`,
				`{"tool_calls":[{"index":0,"function":{"arguments":"\"Oslo\"}"}}]}`,
				`{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"now","arguments":""}}]}`,
				`{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}`,
			} {
				want = append(want, `,"choices":[{"index":0,"delta":`+delta+`,"logprobs":null,"finish_reason":null}]`+test.usage)
			}
			want = append(want, `,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]`+test.usage)
			if test.last != "" {
				want = append(want, test.last)
			}
			chunks := strings.Split(strings.TrimSuffix(string(got), "\n\n"), "\n\n")
			if len(chunks) != len(want) {
				t.Fatalf("got %d chunks, want %d:\n%s", len(chunks), len(want), got)
			}
			for i, chunk := range chunks {
				data, ok := strings.CutPrefix(chunk, "data: ")
				if !ok || strings.Contains(data, "\n") {
					t.Errorf("no SSE event: %q", chunk)
				}
				wantJSON(t, []byte(data), `{"id":"chatcmpl-42","object":"chat.completion.chunk","model":"haiku"`+want[i]+`}`)
			}
		})
	}
}

func TestAppendEventDoesNotAllocate(t *testing.T) {
	exchange := open(t, hello+`,"stream":true}`)
	dst := make([]byte, 0, 64<<10)
	got := testing.AllocsPerRun(100, func() {
		dst = dst[:0]
		for i := range events {
			dst = exchange.AppendEvent(dst, &events[i])
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestEndsOfStreams(t *testing.T) {
	exchange := open(t, hello+`,"stream":true}`)
	for _, test := range []struct {
		name string
		got  []byte
		want string
	}{
		{"done", exchange.AppendDone([]byte("x")), "xdata: [DONE]\n\n"},
		{"ping", exchange.AppendPing([]byte("x")), "x: ping\n\n"},
		{"error", exchange.AppendStreamError([]byte("x"), inference.Errorf(inference.Overloaded, "Busy."), "req_1"),
			`xdata: {"error":{"message":"Busy.","type":"server_error","param":null,"code":"overloaded"}}` + "\n\n"},
	} {
		if string(test.got) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		code   inference.Code
		status int
		want   string
	}{
		{inference.InvalidRequest, 400, `"type":"invalid_request_error","param":"a[0]","code":null`},
		{inference.Unauthenticated, 401, `"type":"authentication_error","param":"a[0]","code":"invalid_api_key"`},
		{inference.PermissionDenied, 403, `"type":"permission_error","param":"a[0]","code":"permission_denied"`},
		{inference.NotFound, 404, `"type":"not_found_error","param":"a[0]","code":"model_not_found"`},
		{inference.MethodNotAllowed, 405, `"type":"invalid_request_error","param":"a[0]","code":"method_not_allowed"`},
		{inference.TooLarge, 413, `"type":"invalid_request_error","param":"a[0]","code":"request_too_large"`},
		{inference.RateLimited, 429, `"type":"rate_limit_error","param":"a[0]","code":"rate_limit_exceeded"`},
		{inference.Overloaded, 503, `"type":"server_error","param":"a[0]","code":"overloaded"`},
		{inference.Timeout, 504, `"type":"server_error","param":"a[0]","code":"timeout"`},
		{inference.Upstream, 502, `"type":"server_error","param":"a[0]","code":"upstream_error"`},
		{inference.Internal, http.StatusInternalServerError, `"type":"server_error","param":"a[0]","code":"internal_error"`},
		{inference.Canceled, 499, `"type":"invalid_request_error","param":"a[0]","code":"canceled"`},
		{"new", 500, `"type":"server_error","param":"a[0]","code":"internal_error"`},
	} {
		failure := &inference.Error{Code: test.code, Message: "No \"way\".", Field: "a[0]", Cause: errors.New("secret")}
		if got := (openai.Surface{}).Status(test.code); got != test.status {
			t.Errorf("%s: status %d, want %d", test.code, got, test.status)
		}
		got := openai.Surface{}.AppendError(nil, failure, "req_1")
		wantJSON(t, got, `{"error":{"message":"a[0]: No \"way\".",`+test.want+`}}`)
	}
	if got := (openai.Surface{}).RequestIDHeader(); got != "X-Request-Id" {
		t.Errorf("request id header %q", got)
	}
}

func TestAppendModels(t *testing.T) {
	got := openai.Surface{}.AppendModels(nil, []string{"haiku", `o"pus`})
	wantJSON(t, got, `{"object":"list","data":[{"id":"haiku","object":"model","created":0,"owned_by":"bedrock"},
		{"id":"o\"pus","object":"model","created":0,"owned_by":"bedrock"}]}`)
	wantJSON(t, openai.Surface{}.AppendModels(nil, nil), `{"object":"list","data":[]}`)
}
