package bedrock_test

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// message makes a frame.
func message(t testing.TB, payload string, headers ...string) []byte {
	t.Helper()
	m := eventstream.Message{Payload: []byte(payload)}
	for i := 0; i < len(headers); i += 2 {
		m.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	var out bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func event(t testing.TB, kind, payload string) []byte {
	return message(t, payload, ":message-type", "event", ":event-type", kind, ":content-type", "application/json")
}

// real is what the embedded Bedrock streams.
func real(t testing.TB, raw bool) []byte {
	t.Helper()
	w := &wire{server: bedrocktest.New(bedrocktest.Options{Latency: -1})}
	if _, end := read(t, w.provider(), raw); end != io.EOF {
		t.Fatal(end)
	}
	return w.kept
}

func TestBothClientsReadTheSameStream(t *testing.T) {
	start, stop := event(t, "messageStart", `{"role":"assistant"}`), event(t, "messageStop", `{"stopReason":"tool_use"}`)
	delta := event(t, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hi \ud83d\ude00 \ud83d"},"p":"abc"}`)
	counts := event(t, "metadata", `{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3,"cacheReadInputTokens":null},"metrics":{"latencyMs":7}}`)
	tests := map[string][][]byte{
		"text": {start, delta, delta, event(t, "contentBlockStop", `{"contentBlockIndex":0}`), stop, counts},
		"tools": {start, event(t, "contentBlockStart", `{"start":{"toolUse":{"toolUseId":"1","name":"n"}},"contentBlockIndex":0}`),
			event(t, "contentBlockDelta", `{"delta":{"toolUse":{"input":"{\"a\":"}}}`), event(t, "contentBlockDelta", `{"delta":{"toolUse":{"input":""}}}`),
			event(t, "contentBlockStart", `{"start":{"toolUse":{"toolUseId":"2","name":"m"}},"contentBlockIndex":1}`), stop, counts},
		"unknown parts": {start, event(t, "newEvent", `{"x":1}`), event(t, "contentBlockStart", `{"start":{"newBlock":{}}}`), event(t, "contentBlockStart", `{"contentBlockIndex":1}`),
			event(t, "contentBlockDelta", `{"delta":{"reasoningContent":{"text":"hm"}}}`), event(t, "contentBlockDelta", `{"contentBlockIndex":1}`), delta, stop},
		"no end":             {start, delta},
		"no content":         {start},
		"nothing":            {},
		"stop alone":         {stop},
		"no counts":          {start, delta, stop, event(t, "metadata", `{}`)},
		"not JSON":           {start, delta, event(t, "contentBlockDelta", `{"delta"`), stop},
		"no JSON first":      {event(t, "contentBlockDelta", `5`), stop},
		"no message type":    {start, message(t, `{}`, ":event-type", "contentBlockDelta"), stop},
		"no event type":      {start, delta, message(t, `{}`, ":message-type", "event"), stop},
		"new message type":   {start, delta, message(t, `{}`, ":message-type", "news"), stop},
		"error message":      {start, delta, message(t, ``, ":message-type", "error", ":error-code", "ThrottlingException", ":error-message", "slow")},
		"error, no code":     {message(t, ``, ":message-type", "error")},
		"exception, no type": {start, delta, message(t, `{"message":"m"}`, ":message-type", "exception")},
		"after the end":      {start, delta, stop, counts, message(t, `{"message":"m"}`, ":message-type", "exception", ":exception-type", "throttlingException")},
	}
	for _, code := range codes {
		camel := strings.ToLower(code[:min(1, len(code))]) + code[min(1, len(code)):]
		for i, payload := range []string{`{"message":"the words"}`, `{"originalStatusCode":500,"originalMessage":"o","message":"m"}`, `{}`, `{"message"`} {
			failed := message(t, payload, ":message-type", "exception", ":exception-type", camel)
			tests[fmt.Sprint("exception first ", code, i)] = [][]byte{start, failed}
			tests[fmt.Sprint("exception later ", code, i)] = [][]byte{start, delta, failed}
		}
	}
	request := *question(east)
	request.Stream = true
	for name, frames := range tests {
		t.Run(name, func(t *testing.T) { both(t, scripted{status: 200, body: bytes.Join(frames, nil)}, request) })
	}
}

// Text must outlive the buffer that it arrived in: whoever collects an answer keeps it.
func TestTextOutlivesItsEvent(t *testing.T) {
	var frames []byte
	for i := range 500 {
		frames = append(frames, event(t, "contentBlockDelta", fmt.Sprintf(`{"delta":{"text":"piece %d "}}`, i))...)
		frames = append(frames, event(t, "contentBlockStart", fmt.Sprintf(`{"start":{"toolUse":{"toolUseId":"id %d","name":"n %d"}}}`, i, i))...)
		frames = append(frames, event(t, "contentBlockDelta", fmt.Sprintf(`{"delta":{"toolUse":{"input":"in %d"}}}`, i))...)
	}
	request := *question(east)
	request.Stream = true
	both(t, scripted{status: 200, body: append(frames, event(t, "messageStop", `{"stopReason":"end_turn"}`)...)}, request)
}

// Where the SDK (bedrockruntime v1.63.11) is wrong, the fast client is not: of a content block whose kind it does not know
// the SDK repeats the block before, and an exception without a payload it takes for one that cannot be read, whatever its
// type. When this test fails after an update of the SDK, move its cases to those above.
func TestTheFastClientDoesNotRepeatTheSDKsMistakes(t *testing.T) {
	tests := []struct {
		name   string
		stream bool
		body   []byte
		want   outcome
	}{
		{"unknown block", false, []byte(`{"output":{"message":{"content":[{"text":"a"},{"newKind":{"x":[1]}}]}}}`),
			outcome{Reply: &inference.Reply{Blocks: []inference.Block{{Text: "a"}}}}},
		{"exception without a payload", true, message(t, ``, ":message-type", "exception", ":exception-type", "throttlingException"),
			outcome{Code: inference.RateLimited, Text: ": The model is throttled. Try again later.", Retry: "1s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := *question(east)
			request.Stream = tt.stream
			got, reference := play(t, &scripted{status: 200, body: tt.body}, false, request), play(t, &scripted{status: 200, body: tt.body}, true, request)
			got.Trail = inference.Trail{}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if reference.Trail = got.Trail; cmp.Equal(got, reference) {
				t.Error("the SDK is right by now")
			}
		})
	}
}

func TestBothClientsReadTheSameChunks(t *testing.T) {
	tests := map[string]string{
		"no bytes": `{}`, "null": `{"bytes":null}`, "no base64": `{"bytes":"?"}`, "no JSON": `{"bytes":"Pw=="}`, "number": `{"bytes":5}`,
		"error": `{"bytes":"eyJ0eXBlIjoiZXJyb3IiLCJlcnJvciI6eyJ0eXBlIjoib3ZlcmxvYWRlZF9lcnJvciJ9fQ==","p":"x"}`,
	}
	good := real(t, true)
	for name, payload := range tests {
		t.Run(name, func(t *testing.T) {
			both(t, scripted{status: 200, body: append(event(t, "chunk", payload), good...)}, *streamed(true))
			both(t, scripted{status: 200, body: append(bytes.Clone(good[:300]), event(t, "chunk", payload)...)}, *streamed(true))
		})
	}
	t.Run("unknown event", func(t *testing.T) {
		both(t, scripted{status: 200, body: append(event(t, "other", `{}`), good...)}, *streamed(true))
	})
}

// Wherever a stream is cut, both clients must see the same. Where a byte is changed, both must see a fault, or both none:
// the SDK takes some corrupt headers for the stream's end, so only the kind of end is compared.
func TestBothClientsNoticeCutAndCorruptStreams(t *testing.T) {
	for _, raw := range []bool{false, true} {
		stream := real(t, raw)
		for i := 0; i < len(stream); i += 3 {
			both(t, scripted{status: 200, body: stream[:i]}, *streamed(raw))
			bad := bytes.Clone(stream)
			bad[i] ^= 0x41
			fast, reference := scripted{status: 200, body: bad}, scripted{status: 200, body: bad}
			got, want := play(t, &fast, false, *streamed(raw)), play(t, &reference, true, *streamed(raw))
			if got.Code == "" || want.Code != "" && got.Code != want.Code || !reflect.DeepEqual(got.Events, want.Events) {
				t.Fatalf("byte %d changed: %q after %d events, the SDK's %q after %d", i, got.Code, len(got.Events), want.Code, len(want.Events))
			}
		}
	}
}

// FuzzClients gives both clients arbitrary answers.
func FuzzClients(f *testing.F) {
	f.Add([]byte(`{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"input":{}}}]}},"usage":{"inputTokens":1}}`), uint16(200), uint8(0))
	f.Add([]byte(`{"message":"m","__type":"ThrottlingException"}`), uint16(429), uint8(1))
	// Found by fuzzing: the SDK's mistake with a block that it does not know, see above.
	f.Add([]byte("{\"output\":{\"message\":{\"content\":[{\"text\":\"a\"},{\"tool:se\":{\"inp\xf1ut\":{}}}]}},\"usage\":{\"inputTokens\":1}}"), uint16(40), uint8(0))
	for i, raw := range []bool{false, true} {
		f.Add(real(f, raw), uint16(200), uint8(2+i))
	}
	f.Fuzz(func(t *testing.T, body []byte, status uint16, form uint8) {
		request := *question(east)
		if form%4 > 1 {
			request = *streamed(form%4 == 3)
		}
		s := scripted{status: 200 + int(status%400), body: body}
		fast, reference := s, s
		got, want := play(t, &fast, false, request), play(t, &reference, true, request)
		// Answers that are no Bedrock's may be refused by one and read by the other; what both read must be the same.
		once(got.Reply)
		once(want.Reply)
		if got.Code == "" && want.Code == "" && (!cmp.Equal(got.Reply, want.Reply) || !cmp.Equal(got.Events, want.Events)) {
			t.Fatalf("on %d %.300q:\n%s", s.status, body, cmp.Diff(want, got))
		}
	})
}

// once drops the blocks of a reply that are the same as the one before: the SDK repeats that one for a block it does not
// know.
func once(reply *inference.Reply) {
	if reply != nil {
		reply.Blocks = slices.CompactFunc(reply.Blocks, func(a, b inference.Block) bool { return cmp.Equal(a, b) })
	}
}
