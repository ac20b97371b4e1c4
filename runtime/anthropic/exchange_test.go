package anthropic_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

func TestAppend(t *testing.T) {
	x := open(t, hello+"}")
	raw := func(kind, body string) *inference.Event {
		return &inference.Event{Kind: inference.EventRaw, Type: kind, Raw: []byte(body)}
	}
	failure := &inference.Error{Code: inference.Overloaded, Message: "Busy.", Cause: errors.New("secret")}
	for _, test := range []struct {
		name string
		got  []byte
		want string
	}{
		{"reply", x.AppendReply([]byte("x"), &inference.Reply{Body: []byte(`{"id" : "msg"}`)}), `x{"id" : "msg"}`},
		{"event", x.AppendEvent([]byte("x"), raw("message_stop", `{"type":"message_stop"}`)), "xevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
		{"event on lines", x.AppendEvent(nil, raw("ping", "{\n\"type\":\r\n\"ping\"}\n")), "event: ping\ndata: { \"type\":  \"ping\"} \n\n"},
		{"another kind of event", x.AppendEvent([]byte("x"), &inference.Event{Kind: inference.EventText, Text: "x"}), "x"},
		{"done", x.AppendDone([]byte("x")), "x"},
		{"ping", x.AppendPing([]byte("x")), "xevent: ping\ndata: {\"type\": \"ping\"}\n\n"},
		{"error", x.AppendStreamError([]byte("x"), failure, "req_1"),
			`xevent: error` + "\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Busy."},"request_id":"req_1"}` + "\n\n"},
		{"models", anthropic.Surface{}.AppendModels(nil, []string{"a", "b"}), `{"data":[` +
			`{"type":"model","id":"a","display_name":"a","created_at":"1970-01-01T00:00:00Z"},` +
			`{"type":"model","id":"b","display_name":"b","created_at":"1970-01-01T00:00:00Z"}],"has_more":false,"first_id":"a","last_id":"b"}`},
		{"no models", anthropic.Surface{}.AppendModels(nil, nil), `{"data":[],"has_more":false,"first_id":null,"last_id":null}`},
	} {
		if string(test.got) != test.want {
			t.Errorf("%s:\ngot  %q\nwant %q", test.name, test.got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		code   inference.Code
		status int
		kind   string
	}{
		{inference.InvalidRequest, 400, "invalid_request_error"},
		{inference.Unauthenticated, 401, "authentication_error"},
		{inference.PermissionDenied, 403, "permission_error"},
		{inference.NotFound, 404, "not_found_error"},
		{inference.MethodNotAllowed, 405, "invalid_request_error"},
		{inference.TooLarge, 413, "request_too_large"},
		{inference.RateLimited, 429, "rate_limit_error"},
		{inference.Overloaded, 529, "overloaded_error"},
		{inference.Timeout, 504, "timeout_error"},
		{inference.Upstream, 502, "api_error"},
		{inference.Internal, 500, "api_error"},
		{inference.Canceled, 499, "api_error"},
		{"new", 500, "api_error"},
	} {
		if got := (anthropic.Surface{}).Status(test.code); got != test.status {
			t.Errorf("%s: status %d, want %d", test.code, got, test.status)
		}
		body := anthropic.Surface{}.AppendError(nil, &inference.Error{Code: test.code, Message: "No \"way\".", Field: "a[0]"}, "req_1")
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"type": "error", "request_id": "req_1", "error": map[string]any{"type": test.kind, "message": `a[0]: No "way".`}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s", test.code, body)
		}
	}
	if got := (anthropic.Surface{}).RequestIDHeader(); got != "Request-Id" {
		t.Errorf("request id header %q", got)
	}
}

func TestAllocations(t *testing.T) {
	x := open(t, hello+"}")
	dst := make([]byte, 0, 4096)
	delta := []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}`)
	last := []byte(`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}`)
	event := &inference.Event{Kind: inference.EventRaw, Type: "content_block_delta", Raw: delta}
	for name, work := range map[string]func(){
		"AppendEvent":              func() { dst = x.AppendEvent(dst[:0], event) },
		"Inspect of a delta":       func() { _, _ = anthropic.Inspect(delta) },
		"Inspect of a final delta": func() { _, _ = anthropic.Inspect(last) },
	} {
		if got := testing.AllocsPerRun(100, work); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
