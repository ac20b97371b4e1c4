package bedrock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Both ways to call Bedrock must send the same and make the same of what comes back. Each test here does something with
// the fast client and with the SDK's, on the same bytes, and compares all that can be seen from outside.

// scripted is an HTTP client that keeps what it was sent and answers with one response.
type scripted struct {
	status int
	header http.Header
	body   []byte
	sent   *http.Request
	text   []byte // the request's body
}

// Do implements the SDK's HTTP client.
func (s *scripted) Do(r *http.Request) (*http.Response, error) {
	s.sent = r
	s.text, _ = io.ReadAll(r.Body)
	header := s.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: s.status, Header: header, Body: io.NopCloser(bytes.NewReader(s.body)),
		ContentLength: int64(len(s.body)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// outcome is all that a caller sees.
type outcome struct {
	Reply  *inference.Reply
	Events []inference.Event
	Code   inference.Code // of the failure that ended it; empty for none
	Text   string         // of the failure
	Retry  string
	Trail  inference.Trail
}

// play does one request with one client.
func play(t testing.TB, s *scripted, sdk bool, request inference.Request) outcome {
	t.Helper()
	provider := bedrock.New(bedrock.Options{MaxCalls: 1, SDK: sdk, AWS: aws.Config{
		HTTPClient:   s,
		BaseEndpoint: aws.String("http://bedrock/base"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret", SessionToken: "token"}, nil
		}),
	}})
	var out outcome
	var err error
	if request.Stream {
		out.Events, err = drain(t, provider, &request)
	} else {
		out.Reply, err = provider.Complete(t.Context(), &request)
	}
	var failure *inference.Error
	switch {
	case err == nil || err == io.EOF:
	case errors.As(err, &failure):
		out.Code, out.Text, out.Retry = failure.Code, failure.Field+": "+failure.Message, failure.RetryAfter.String()
	default:
		t.Fatalf("ended with %T %v", err, err)
	}
	if out.Reply != nil {
		for i := range out.Reply.Blocks {
			if use := out.Reply.Blocks[i].Use; use != nil {
				use.Input = canonical(t, use.Input) // the SDK writes a tool's input anew
			}
		}
	}
	out.Trail = request.Trail
	return out
}

// drain reads a stream to its end and copies its events.
func drain(t testing.TB, provider *bedrock.Provider, request *inference.Request) (events []inference.Event, err error) {
	stream, err := provider.Stream(t.Context(), request)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for {
		event, err := stream.Next()
		if err != nil {
			return events, err
		}
		event.Raw = bytes.Clone(event.Raw)
		events = append(events, event)
	}
}

// canonical is JSON as encoding/json would write it.
func canonical(t testing.TB, raw []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// both plays a request with either client and compares the outcomes, which it returns.
func both(t testing.TB, s scripted, request inference.Request) outcome {
	t.Helper()
	fast, reference := s, s
	got, want := play(t, &fast, false, request), play(t, &reference, true, request)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the fast client differs from the SDK's (-) on %d %.300q:\n%s", s.status, s.body, diff)
	}
	compareSent(t, &fast, &reference)
	return got
}

// compareSent compares what was sent, but for the headers that only tell of the SDK.
func compareSent(t testing.TB, fast, reference *scripted) {
	t.Helper()
	if fast.sent == nil || reference.sent == nil {
		if fast.sent != reference.sent {
			t.Fatal("only one of the clients sent anything")
		}
		return
	}
	if got, want := fast.sent.URL.String(), reference.sent.URL.String(); got != want {
		t.Errorf("sent to %s, by the SDK to %s", got, want)
	}
	if got, want := canonical(t, fast.text), canonical(t, reference.text); !bytes.Equal(got, want) {
		t.Errorf("sent %s, by the SDK %s", got, want)
	}
	for _, name := range []string{"Content-Type", "X-Amz-Security-Token"} {
		if got, want := fast.sent.Header.Get(name), reference.sent.Header.Get(name); got != want {
			t.Errorf("%s is %q, by the SDK %q", name, got, want)
		}
	}
	if fast.sent.ContentLength != int64(len(fast.text)) {
		t.Errorf("Content-Length %d of %d bytes", fast.sent.ContentLength, len(fast.text))
	}
	scope := func(s *scripted) string { // all but the signed headers and the signature
		scope, _, _ := strings.Cut(s.sent.Header.Get("Authorization"), ", SignedHeaders=")
		return scope
	}
	if scope(fast) != scope(reference) {
		t.Errorf("signed by %s, by the SDK by %s", scope(fast), scope(reference))
	}
}

// requests are one for each form a request can take.
func requests() map[string]inference.Request {
	half, most := 0.7, 1.0
	tools := inference.Request{
		System: []string{"Be brief.", "Sag \"ja\" \n\u2028 <ü> \U0001F600"},
		Turns: []inference.Turn{
			{Role: inference.User, Blocks: []inference.Block{{Text: "Hi \x7f\t"}, {Image: &inference.Image{Format: "png", Data: []byte{0, 1, 254, 255}}}}},
			{Role: inference.Assistant, Blocks: []inference.Block{{Text: "Let me see."},
				{Use: &inference.ToolUse{ID: "1", Name: "look", Input: []byte(`{"a": [1, 2.50, -3e4], "b": {"c": null}}`)}},
				{Use: &inference.ToolUse{ID: "2", Name: "look"}}}},
			{Role: inference.User, Blocks: []inference.Block{{Result: &inference.ToolResult{ID: "1", Text: "seen"}},
				{Result: &inference.ToolResult{ID: "2", Error: true}}}},
		},
		Tools: []inference.Tool{
			{Name: "look", Description: "looks", Schema: []byte(`{"type":"object","properties":{"a":{"type":"array"}}}`)},
			{Name: "listen", Schema: []byte(`{"type":"object"}`)}},
		MaxTokens: 77, Temperature: &half, TopP: &most, Stop: []string{"END", "\n"},
	}
	all := map[string]inference.Request{"plain": *question(east), "tools": tools}
	for name, choice := range map[string]inference.ToolChoice{
		"required": {Mode: inference.ToolRequired}, "named": {Mode: inference.ToolNamed, Name: "listen"}, "none": {Mode: inference.ToolNone},
	} {
		r := tools
		r.ToolChoice = choice
		all[name] = r
	}
	unused := all["none"]
	unused.Turns = unused.Turns[:1]
	all["none, and none used"] = unused
	all["messages"] = inference.Request{Body: []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"messages":[]}`)}
	for name, r := range all {
		r.Route = question(billed).Route
		all[name] = r
	}
	return all
}

func TestBothClientsSendTheSame(t *testing.T) {
	for name, request := range requests() {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " stream ", stream), func(t *testing.T) {
				request := request
				request.Stream = stream
				both(t, scripted{status: 200, body: []byte(`{}`)}, request)
			})
		}
	}
}

// TestAProfileIsCalledInPlaceOfItsModel looks at the path, where an ARN's colons and slash must not be taken for its own.
func TestAProfileIsCalledInPlaceOfItsModel(t *testing.T) {
	clients(t, func(t *testing.T, sdk bool) {
		s := &scripted{status: 200, body: []byte(`{}`)}
		out := play(t, s, sdk, *question(billed))
		const want = "/base/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2F06vsfs68yb4g/converse"
		if got := s.sent.URL.EscapedPath(); got != want {
			t.Errorf("called %s, want %s", got, want)
		}
		if out.Trail.Target.Model != haiku {
			t.Errorf("the trail names the model %q, want %q", out.Trail.Target.Model, haiku)
		}
	})
}

func TestBothClientsReadTheSameAnswer(t *testing.T) {
	const usage = `"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3,"cacheReadInputTokens":4,"cacheWriteInputTokens":5}`
	tests := map[string]string{
		"text":            `{"output":{"message":{"role":"assistant","content":[{"text":"Hi \"\u00fc\ud83d\ude00\""},{"text":""}]}},"stopReason":"end_turn",` + usage + `,"metrics":{"latencyMs":7}}`,
		"tools":           `{"output":{"message":{"content":[{"toolUse":{"toolUseId":"1","name":"n","input":{"a":[1,2.5],"b":"x"}}},{"toolUse":{"toolUseId":"2","name":"m","input":{}}},{"toolUse":{"toolUseId":"3","name":"l"}}]}},"stopReason":"tool_use"}`,
		"unknown parts":   `{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"}]},"extra":1},"stopReason":"new_reason","trace":{"a":{}},` + usage + `}`,
		"nulls":           `{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":null,"usage":null,"additionalModelResponseFields":null}`,
		"null blocks":     `{"output":{"message":{"content":[null,{},{"text":null},{"toolUse":{"input":null}},{"text":"a"}]}}}`,
		"fractions":       `{"output":{"message":{"content":[]}},"usage":{"inputTokens":1.0}}`,
		"no content":      `{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn"}`,
		"no message":      `{"output":{},"stopReason":"end_turn"}`,
		"no output":       `{"stopReason":"end_turn"}`,
		"empty":           ``,
		"not JSON":        `<html>`,
		"cut":             `{"output":{"message":{"content":[{"text":"Hi`,
		"half a pair":     `{"output":{"message":{"content":[{"text":"cut \ud83d"},{"text":"\ude00 \ud83dx"}]}},"stopReason":"max_tokens"}`,
		"wrong kind":      `{"output":{"message":{"content":[{"text":5}]}},"stopReason":"end_turn"}`,
		"white space":     " \n{ \"output\" : {\"message\":\t{\"content\" : [ {\"text\" : \"a\"} ] } } , \"stopReason\" : \"end_turn\" }\n",
		"counts are text": `{"output":{"message":{"content":[]}},"usage":{"inputTokens":"many"}}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) { both(t, scripted{status: 200, body: []byte(body)}, *question(east)) })
	}
	for name, body := range map[string]string{
		"messages": `{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}`,
		"cut":      `{"type":"message"`, "empty": ``,
	} {
		t.Run("invoke "+name, func(t *testing.T) {
			both(t, scripted{status: 200, body: []byte(body)}, requests()["messages"])
		})
	}
}

// codes are all exceptions that the API reference lists for the four operations, those that come before them, and some
// that nobody has announced.
var codes = []string{
	"AccessDeniedException", "InternalServerException", "ModelErrorException", "ModelNotReadyException", "ModelTimeoutException",
	"ResourceNotFoundException", "ServiceQuotaExceededException", "ServiceUnavailableException", "ThrottlingException",
	"ValidationException", "ModelStreamErrorException", "ConflictException",
	"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "MissingAuthenticationTokenException",
	"UnknownOperationException", "BrandNewException", "",
}

func TestBothClientsJudgeTheSameException(t *testing.T) {
	bodies := []string{
		`{"message":"Too many tokens, please wait."}`, `{"Message":"Big M"}`, `{"message":"arn:aws:iam::123456789012:role/x may not"}`,
		`{"originalStatusCode":500,"resourceName":"r","message":"m"}`, `{}`, ``, `<html>503</html>`, `{"message":`,
	}
	for _, code := range codes {
		for _, status := range []int{301, 400, 403, 408, 424, 429, 500, 503} {
			for _, body := range bodies {
				for _, header := range []http.Header{
					{"X-Amzn-Errortype": {code}}, {"X-Amzn-Errortype": {"aws.bedrock#" + code + ":http://internal.amazon.com/"}}, {},
				} {
					s := scripted{status: status, header: header, body: []byte(body)}
					if len(header) == 0 {
						s.body = []byte(strings.Replace(body, `{"`, `{"__type":"com.amazon#`+code+`","`, 1))
					}
					for _, request := range []inference.Request{*question(east), *streamed(true)} {
						if got := both(t, s, request); got.Code == "" {
							t.Fatalf("%d %s is no failure", status, s.body)
						}
					}
				}
			}
		}
	}
	both(t, scripted{status: 400, body: []byte(`{"code":"ThrottlingException","message":"m"}`)}, *question(east))
	both(t, scripted{status: 400, body: []byte(`{"code":7,"message":"m"}`)}, *question(east))
}
