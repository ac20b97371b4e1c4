// Package lambdahttp lets one http.Handler serve a Lambda function: API Gateway REST proxy events, buffered and
// streamed, and direct invocations without an HTTP envelope. Whom the platform has authenticated goes into the request's
// context, for identity.From.
//
// It must not know inference or Bedrock. Which endpoints stream it asks package endpoint, as the templates do.
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth/identity"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// SurfaceField is the member of a direct invocation that says which surface its body is meant for. The rest of the
// event is the surface's request body.
const SurfaceField = "surface"

// surfaces maps the values of SurfaceField to the endpoint that takes the body.
var surfaces = map[string]string{
	"openai":    endpoint.ChatCompletions,
	"anthropic": endpoint.Messages,
}

// Handler serves Lambda events with an http.Handler.
type Handler struct {
	http http.Handler
}

// New returns a Handler.
func New(handler http.Handler) *Handler { return &Handler{handler} }

// Handle is the function to give to lambda.Start. It returns
//   - for an API Gateway event on an endpoint that streams, a *events.APIGatewayProxyStreamingResponse;
//   - for any other API Gateway event, an events.APIGatewayProxyResponse;
//   - for a direct invocation, the answer's JSON, or with "stream": true a reader of server-sent events.
//
// A direct invocation that fails returns a messages.InvokeResponse_Error: its type is one a state machine can catch
// ("RateLimited", "Overloaded", …), its message the surface's error body.
func (h *Handler) Handle(ctx context.Context, event json.RawMessage) (any, error) {
	var probe struct {
		HTTPMethod string `json:"httpMethod"`
		Surface    string `json:"surface"`
	}
	if err := json.Unmarshal(event, &probe); err != nil {
		return nil, invalid("the event is not a JSON object: %v", err)
	}
	if probe.HTTPMethod != "" {
		return h.proxy(ctx, event)
	}
	path, ok := surfaces[probe.Surface]
	if !ok {
		return nil, invalid("%q is %q; allowed are \"openai\" (a Chat Completions body) and \"anthropic\" (a Messages body), or an API Gateway REST proxy event", SurfaceField, probe.Surface)
	}
	return h.direct(ctx, path, event)
}

func invalid(format string, args ...any) error {
	return messages.InvokeResponse_Error{Type: "InvalidRequest", Message: fmt.Sprintf(format, args...)}
}

// proxy serves an API Gateway event.
func (h *Handler) proxy(ctx context.Context, raw json.RawMessage) (any, error) {
	var event events.APIGatewayProxyRequest
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, invalid("the API Gateway event cannot be read: %v", err)
	}
	ctx = identity.With(ctx, identity.Identity{ARN: event.RequestContext.Identity.UserArn})
	request, err := newRequest(ctx, &event)
	if err != nil {
		return nil, err
	}
	response := h.serve(request)
	if endpoint.Streams(event.HTTPMethod, event.Path) {
		return &events.APIGatewayProxyStreamingResponse{
			StatusCode:        response.status,
			MultiValueHeaders: response.header,
			Body:              response.body,
		}, nil
	}
	body, err := response.all()
	if err != nil {
		return nil, err
	}
	return events.APIGatewayProxyResponse{StatusCode: response.status, MultiValueHeaders: response.header, Body: string(body)}, nil
}

// newRequest makes the HTTP request that API Gateway received.
func newRequest(ctx context.Context, event *events.APIGatewayProxyRequest) (*http.Request, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, invalid("the body is marked as base64 and is not: %v", err)
		}
		body = decoded
	}
	request, err := http.NewRequestWithContext(ctx, event.HTTPMethod, "/", bytes.NewReader(body))
	if err != nil {
		return nil, invalid("the request cannot be read: %v", err)
	}
	// Not parsed from text: a path that begins with two slashes would be taken for a host.
	request.URL = &url.URL{Path: event.Path, RawQuery: url.Values(event.MultiValueQueryStringParameters).Encode()}
	for name, values := range event.MultiValueHeaders {
		for _, value := range values {
			request.Header.Add(name, value)
		}
	}
	// API Gateway has already decoded the transfer; the header would describe another body than this.
	request.Header.Del("Transfer-Encoding")
	request.Host = request.Header.Get("Host")
	request.RemoteAddr = event.RequestContext.Identity.SourceIP + ":0"
	return request, nil
}

// direct serves an invocation without an envelope.
func (h *Handler) direct(ctx context.Context, path string, event json.RawMessage) (any, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(event, &members); err != nil {
		return nil, invalid("the event is not a JSON object: %v", err)
	}
	delete(members, SurfaceField)
	body, err := json.Marshal(members)
	if err != nil {
		return nil, invalid("the event cannot be read: %v", err)
	}
	ctx = identity.With(ctx, identity.Identity{Direct: true})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response := h.serve(request)
	if response.status == http.StatusOK && strings.HasPrefix(response.header.Get("Content-Type"), "text/event-stream") {
		return response.body, nil
	}
	answer, err := response.all()
	if err != nil {
		return nil, err
	}
	if response.status != http.StatusOK {
		return nil, messages.InvokeResponse_Error{Type: errorType(response.status), Message: string(answer)}
	}
	return json.RawMessage(answer), nil
}

// errorType names a status in words that a Step Functions catcher can match.
func errorType(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "InvalidRequest"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "PermissionDenied"
	case http.StatusNotFound:
		return "NotFound"
	case http.StatusRequestEntityTooLarge:
		return "TooLarge"
	case http.StatusTooManyRequests:
		return "RateLimited"
	case http.StatusServiceUnavailable, 529:
		return "Overloaded"
	case http.StatusGatewayTimeout:
		return "Timeout"
	case http.StatusBadGateway:
		return "Upstream"
	}
	return "Internal"
}
