package lambdahttp_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth/identity"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/lambdahttp"
)

func handle(t *testing.T, handler http.HandlerFunc, event any) (any, error) {
	t.Helper()
	raw, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return lambdahttp.New(handler).Handle(t.Context(), raw)
}

func TestProxyRequestArrivesWhole(t *testing.T) {
	var got *http.Request
	var body string
	answer, err := handle(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, body = r, string(raw)
		w.Header().Add("X-Many", "1")
		w.Header().Add("X-Many", "2")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "answer")
	}, events.APIGatewayProxyRequest{
		HTTPMethod:                      http.MethodPut,
		Path:                            "//v1/models/a b",
		MultiValueHeaders:               map[string][]string{"X-In": {"1", "2"}, "Host": {"api.example.com"}},
		MultiValueQueryStringParameters: map[string][]string{"q": {"x y", "z"}},
		Body:                            base64.StdEncoding.EncodeToString([]byte("body")),
		IsBase64Encoded:                 true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPut || got.URL.Path != "//v1/models/a b" || got.Host != "api.example.com" || body != "body" {
		t.Errorf("got %s %s at %s with %q", got.Method, got.URL.Path, got.Host, body)
	}
	if strings.Join(got.Header["X-In"], ",") != "1,2" || strings.Join(got.URL.Query()["q"], ",") != "x y,z" {
		t.Errorf("got header %v and query %v", got.Header, got.URL.Query())
	}
	response, ok := answer.(events.APIGatewayProxyResponse)
	if !ok {
		t.Fatalf("got %T", answer)
	}
	if response.StatusCode != http.StatusTeapot || response.Body != "answer" || strings.Join(response.MultiValueHeaders["X-Many"], ",") != "1,2" {
		t.Errorf("got %+v", response)
	}
}

// post is an event on an endpoint that streams.
func post() events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{HTTPMethod: http.MethodPost, Path: endpoint.ChatCompletions, Body: "{}"}
}

func TestStreamIsHandedOnWhileItIsWritten(t *testing.T) {
	proceed := make(chan struct{})
	answer, err := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "first")
		<-proceed
		_, _ = io.WriteString(w, "second")
	}, post())
	if err != nil {
		t.Fatal(err)
	}
	response, ok := answer.(*events.APIGatewayProxyStreamingResponse)
	if !ok {
		t.Fatalf("got %T", answer)
	}
	if response.StatusCode != http.StatusOK || response.MultiValueHeaders["Content-Type"][0] != "text/event-stream" {
		t.Errorf("got %d %v", response.StatusCode, response.MultiValueHeaders)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("got %q, %v", first, err)
	}
	close(proceed)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "second" {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestClosedStreamFailsTheHandlersWrites(t *testing.T) {
	failed := make(chan error)
	answer, err := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, err := io.WriteString(w, "nobody reads this")
		failed <- err
	}, post())
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.(*events.APIGatewayProxyStreamingResponse).Body.(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the write got %v", err)
	}
}

func TestAbortedStreamDoesNotLookComplete(t *testing.T) {
	answer, err := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	}, post())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(answer.(*events.APIGatewayProxyStreamingResponse).Body)
	if err == nil || string(got) != "half" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDirectInvocation(t *testing.T) {
	tests := []struct {
		name, event, path, body string
	}{
		{"chat completions", `{"surface":"openai","model":"haiku","n":1.0}`, "/v1/chat/completions", `{"model":"haiku","n":1.0}`},
		{"messages", `{"model":"haiku","surface":"anthropic"}`, "/v1/messages", `{"model":"haiku"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := handle(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.Path != tt.path || string(body) != tt.body {
					t.Errorf("got %s %s with %s", r.Method, r.URL.Path, body)
				}
				_, _ = io.WriteString(w, `{"answer":42}`)
			}, json.RawMessage(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := answer.(json.RawMessage); !ok || string(got) != `{"answer":42}` {
				t.Errorf("got %T %s", answer, answer)
			}
		})
	}
}

func TestDirectStreamIsAReader(t *testing.T) {
	answer, err := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
	}, json.RawMessage(`{"surface":"openai","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(answer.(io.Reader)); err != nil || string(got) != "data: 1\n\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDirectFailureCanBeCaught(t *testing.T) {
	tests := []struct {
		status int
		want   string
	}{
		{400, "InvalidRequest"}, {403, "PermissionDenied"}, {404, "NotFound"}, {413, "TooLarge"}, {429, "RateLimited"},
		{503, "Overloaded"}, {529, "Overloaded"}, {504, "Timeout"}, {502, "Upstream"}, {500, "Internal"}, {418, "Internal"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			_, err := handle(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, `{"error":{}}`)
			}, json.RawMessage(`{"surface":"anthropic"}`))
			var failure messages.InvokeResponse_Error
			if !errors.As(err, &failure) || failure.Type != tt.want || failure.Message != `{"error":{}}` {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestEventsThatAreNeither(t *testing.T) {
	tests := []struct{ name, event, want string }{
		{"no surface", `{"model":"haiku"}`, `"surface" is ""; allowed are "openai"`},
		{"unknown surface", `{"surface":"soap"}`, `"surface" is "soap"`},
		{"not an object", `[1]`, "not a JSON object"},
		{"bad base64", `{"httpMethod":"POST","path":"/v1/messages","body":"*","isBase64Encoded":true}`, "is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := handle(t, func(http.ResponseWriter, *http.Request) { t.Error("the handler was asked") }, json.RawMessage(tt.event))
			var failure messages.InvokeResponse_Error
			if !errors.As(err, &failure) || failure.Type != "InvalidRequest" || !strings.Contains(failure.Message, tt.want) {
				t.Errorf("got %#v", err)
			}
		})
	}
}

// Who the platform says the caller is comes from the event, and never from what the caller can write.
func TestIdentityIsThePlatforms(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:user/ann"
	claim := map[string][]string{"X-Amzn-Caller": {arn}, "Authorization": {arn}}
	signed := post()
	signed.RequestContext.Identity.UserArn = arn
	unsigned := post()
	unsigned.MultiValueHeaders = claim
	tests := []struct {
		name  string
		event any
		want  identity.Identity
	}{
		{"signed for API Gateway", signed, identity.Identity{ARN: arn}},
		{"not signed", unsigned, identity.Identity{}},
		{"direct", json.RawMessage(`{"surface":"openai","requestContext":{"identity":{"userArn":"` + arn + `"}}}`), identity.Identity{Direct: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan identity.Identity, 1)
			_, err := handle(t, func(w http.ResponseWriter, r *http.Request) {
				got <- identity.From(r.Context())
				_, _ = io.WriteString(w, "{}")
			}, tt.event)
			if err != nil {
				t.Fatal(err)
			}
			if who := <-got; who != tt.want {
				t.Errorf("got %+v", who)
			}
		})
	}
}
