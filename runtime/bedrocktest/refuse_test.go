package bedrocktest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

var signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64)

// raw sends what the SDK would not.
func raw(server http.Handler, method, path, body, authorization string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	return w.Result()
}

type refusal struct {
	name, path, body, auth string
	status                 int
	want                   string // the exception
	says                   string
}

func (r refusal) run(t *testing.T, server *bedrocktest.Server) {
	t.Helper()
	reply := raw(server, http.MethodPost, r.path, r.body, r.auth)
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode != r.status || reply.Header.Get("X-Amzn-Errortype") != r.want {
		t.Errorf("got %d %s %s, want %d %s", reply.StatusCode, reply.Header.Get("X-Amzn-Errortype"), body, r.status, r.want)
	}
	if message, _ := object(t, body)["message"].(string); !strings.Contains(message, r.says) {
		t.Errorf("message %q does not say %q", message, r.says)
	}
	calls := server.Calls()
	if got := calls[len(calls)-1].Outcome; got != r.want {
		t.Errorf("recorded outcome %q, want %q", got, r.want)
	}
}

func TestRefusesCallersAndModels(t *testing.T) {
	const hello = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
	path := func(model string) string { return "/model/" + model + "/converse" }
	elsewhere := strings.Replace(signed, "us-east-1", "eu-west-1", 1)
	tests := []refusal{
		{"no signature", path(haiku), hello, "", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"other scheme", path(haiku), hello, "Bearer abc", 403, "UnrecognizedClientException", "security token"},
		{"other service", path(haiku), hello, strings.Replace(signed, "/bedrock/", "/s3/", 1), 403, "UnrecognizedClientException", "security token"},
		{"short signature", path(haiku), hello, signed[:len(signed)-1], 403, "UnrecognizedClientException", "security token"},
		{"unknown operation", "/model/" + haiku + "/count-tokens", hello, signed, 404, "UnknownOperationException", "count-tokens"},
		{"unknown path", "/foundation-models", hello, signed, 404, "UnknownOperationException", "/foundation-models"},
		{"unknown model", path("us.anthropic.claude-9"), hello, signed, 400, "ValidationException", "The provided model identifier is invalid."},
		{"needs a profile", path("anthropic.claude-haiku-5-5"), hello, signed, 400, "ValidationException", "with on-demand throughput isn’t supported"},
		{"another continent's profile", path(haiku), hello, elsewhere, 400, "ValidationException", "identifier is invalid"},
		{"a profile that nobody made", path("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Funknown"), hello, signed, 400, "ValidationException", "The provided model identifier is invalid."},
		{"a profile of another Region", path("arn:aws:bedrock:us-west-2:123456789012:application-inference-profile%2Fwest"), hello, signed, 400, "ValidationException", "invalid for the service region"},
		{"a profile of an ended model", path("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fended"), hello, signed, 404, "ResourceNotFoundException", "end of its life"},
		{"an ARN cut short", path("arn:aws:bedrock"), hello, signed, 400, "ValidationException", "invalid for the service region"},
		{"ended", path("anthropic.claude-3-haiku-20240307-v1%3A0"), hello, signed, 404, "ResourceNotFoundException", "end of its life"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, newServer(bedrocktest.Options{Profiles: profiles})) })
	}
}

// profiles are what exists, and one whose model has ended.
var profiles = map[string]string{
	"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/06vsfs68yb4g": haiku,
	"arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/west":         haiku,
	"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ended":        "anthropic.claude-3-haiku-20240307-v1:0",
}

// TestAProfileAnswersAsWhatItWasCopiedFrom also finds the faults that are meant for its model.
func TestAProfileAnswersAsWhatItWasCopiedFrom(t *testing.T) {
	const arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/06vsfs68yb4g"
	server, client := start(t, bedrocktest.Options{Profiles: profiles})
	server.Script(bedrocktest.Fault{Kind: bedrocktest.Throttle, Model: haiku}, bedrocktest.Fault{Kind: bedrocktest.Capacity, Model: nova})
	ask := func() error {
		_, err := client.Converse(t.Context(), &bedrockruntime.ConverseInput{ModelId: aws.String(arn), Messages: []types.Message{user(text("hello"))}})
		return err
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Errorf("the fault for its model: %v", err)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	if calls := server.Calls(); len(calls) != 2 || calls[1].Model != arn || calls[1].Outcome != "ok" {
		t.Errorf("recorded %+v", calls)
	}
}

func TestRefusesConverseBodies(t *testing.T) {
	say := func(content string) string { return `{"messages":[{"role":"user","content":[` + content + `]}]}` }
	with := func(rest string) string {
		return `{"messages":[{"role":"user","content":[{"text":"hello"}]}],` + rest + `}`
	}
	const use = `{"toolUse":{"toolUseId":"t1","name":"x","input":{}}}`
	const config = `,"toolConfig":{"tools":[{"toolSpec":{"name":"x","inputSchema":{"json":{}}}}]}}`
	turns := func(a, b string) string {
		return `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[` + a + `]},{"role":"user","content":[` + b + `]}]`
	}
	const validation = "ValidationException"
	tests := []refusal{
		{name: "not JSON", body: "{", want: "SerializationException", says: "cannot be read"},
		{name: "no messages", body: "{}", want: validation, says: "must start with a user message"},
		{name: "assistant first", body: `{"messages":[{"role":"assistant","content":[{"text":"x"}]}]}`, want: validation, says: "must start with a user message"},
		{name: "unknown role", body: `{"messages":[{"role":"system","content":[{"text":"x"}]}]}`, want: validation, says: "messages.0.role"},
		{name: "same role twice", body: `{"messages":[{"role":"user","content":[{"text":"x"}]},{"role":"user","content":[{"text":"x"}]}]}`, want: validation, says: "must alternate"},
		{name: "no content", body: say(""), want: validation, says: "messages.0 is empty"},
		{name: "blank text", body: say(`{"text":" "}`), want: validation, says: "messages.0.content.0 is blank"},
		{name: "two members", body: say(`{"text":"a","image":{}}`), want: validation, says: "image, text"},
		{name: "image format", body: say(`{"image":{"format":"bmp","source":{"bytes":"AAAA"}}}`), want: validation, says: "'bmp'"},
		{name: "image without bytes", body: say(`{"image":{"format":"png","source":{}}}`), want: validation, says: "image.source.bytes"},
		{name: "max tokens 0", body: with(`"inferenceConfig":{"maxTokens":0}`), want: validation, says: "greater than or equal to 1"},
		{name: "max tokens over the model's", body: with(`"inferenceConfig":{"maxTokens":128001}`), want: validation, says: "exceeds the model limit of 128000"},
		{name: "temperature", body: with(`"inferenceConfig":{"temperature":0}`), want: validation, says: "`temperature` is deprecated"},
		{name: "top_p", body: with(`"inferenceConfig":{"topP":1}`), want: validation, says: "`top_p` is deprecated"},
		{name: "no tools", body: with(`"toolConfig":{"tools":[]}`), want: validation, says: "toolConfig.tools"},
		{name: "unknown named tool", body: with(`"toolConfig":{"tools":[{"toolSpec":{"name":"x"}}],"toolChoice":{"tool":{"name":"y"}}}`), want: validation, says: `"y"`},
		{name: "tools used without toolConfig", body: turns(use, `{"toolResult":{"toolUseId":"t1","content":[]}}`) + "}", want: validation, says: "toolConfig field must be defined"},
		{name: "result of no use", body: turns(use, `{"toolResult":{"toolUseId":"t2","content":[]}}`) + config, want: validation, says: "t2"},
		{name: "use without result", body: turns(use, `{"text":"x"}`) + config, want: validation, says: "following Ids: t1"},
	}
	for _, test := range tests {
		test.path, test.auth, test.status = "/model/"+haiku+"/converse", signed, 400
		t.Run(test.name, func(t *testing.T) { test.run(t, newServer(bedrocktest.Options{})) })
	}
}

func TestRefusesInvokeBodies(t *testing.T) {
	say := func(content string) string { return messages(`"messages":[{"role":"user","content":` + content + `}]`) }
	const hello = `"messages":[{"role":"user","content":"hello"}]`
	tests := []refusal{
		{name: "not JSON", body: "{", says: "Malformed input request"},
		{name: "null", body: "null", says: "anthropic_version: Field required"},
		{name: "no version", body: `{"max_tokens":1,` + hello + `}`, says: "anthropic_version: Field required"},
		{name: "the API's version", body: `{"anthropic_version":"2023-06-01","max_tokens":1,` + hello + `}`, says: "bedrock-2023-05-31"},
		{name: "no max_tokens", body: `{"anthropic_version":"bedrock-2023-05-31",` + hello + `}`, says: "max_tokens: Field required"},
		{name: "max_tokens 0", body: `{"anthropic_version":"bedrock-2023-05-31","max_tokens":0,` + hello + `}`, says: "max_tokens"},
		{name: "model", body: messages(`"model":"x",` + hello), says: "model: Extra inputs are not permitted"},
		{name: "stream", body: messages(`"stream":true,` + hello), says: "stream: Extra inputs are not permitted"},
		{name: "temperature", body: messages(`"temperature":1,` + hello), says: "`temperature` is deprecated"},
		{name: "no messages", body: messages(`"messages":[]`), says: "at least one message"},
		{name: "assistant first", body: messages(`"messages":[{"role":"assistant","content":"x"}]`), says: "first message"},
		{name: "empty text", body: say(`""`), says: "messages.0.content.0"},
		{name: "no content", body: say(`[]`), says: "messages.0"},
		{name: "media type", body: say(`[{"type":"image","source":{"type":"base64","media_type":"image/bmp","data":"AAAA"}}]`), says: "media_type"},
		{name: "image by URL", body: say(`[{"type":"image","source":{"type":"url","url":"https://example.com/x.png"}}]`), says: "base64"},
		{name: "tool result without tools", body: say(`[{"type":"tool_result","tool_use_id":"t1"}]`), says: "must define tools"},
		{name: "result of no use", body: messages(`"tools":[{"name":"x","input_schema":{}}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"}]}]`), says: "unexpected `tool_use_id`"},
		{name: "unknown named tool", body: messages(`"tool_choice":{"type":"tool","name":"y"},` + hello), says: "'y'"},
	}
	for _, test := range tests {
		test.path, test.auth, test.status, test.want = "/model/"+haiku+"/invoke", signed, 400, "ValidationException"
		t.Run(test.name, func(t *testing.T) { test.run(t, newServer(bedrocktest.Options{})) })
	}
	other := refusal{"another vendor", "/model/" + nova + "/invoke", messages(hello), signed, 400, "ValidationException", "not Anthropic's"}
	t.Run(other.name, func(t *testing.T) { other.run(t, newServer(bedrocktest.Options{})) })
}

func TestAcceptsWhatIsAllowed(t *testing.T) {
	const warm = `{"messages":[{"role":"user","content":[{"text":"hello"}]}],"inferenceConfig":{"temperature":0.5}}`
	tests := []struct {
		name, model string
		now         time.Time
	}{
		{"sampling on an older model", haiku45, today()},
		{"an id of its own, escaped", "amazon.nova-lite-v1%3A0", today()},
		{"the ARN of a profile", "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F" + haiku45, today()},
		{"the day before the end", "anthropic.claude-3-haiku-20240307-v1%3A0", time.Date(2026, 9, 9, 23, 59, 0, 0, time.UTC)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(bedrocktest.Options{Now: func() time.Time { return test.now }})
			if got := raw(server, http.MethodPost, "/model/"+test.model+"/converse", warm, signed).StatusCode; got != 200 {
				t.Errorf("status %d, want 200", got)
			}
		})
	}
}
