package openai

import (
	"net/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// Surface is the Chat Completions API. It holds no state.
type Surface struct{}

// RequestIDHeader returns the response header that OpenAI's clients read the request id from.
func (Surface) RequestIDHeader() string { return "X-Request-Id" }

// Status returns the HTTP status for a code.
func (Surface) Status(code inference.Code) int { return classify(code).status }

// AppendError appends the error body. OpenAI's carries no request id: that is in the header.
func (Surface) AppendError(dst []byte, failure *inference.Error, _ string) []byte {
	return appendError(dst, failure)
}

// AppendModels appends the list of models that callers may name.
func (s Surface) AppendModels(dst []byte, models []string) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, model := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.AppendModel(dst, model)
	}
	return append(dst, "]}"...)
}

// AppendModel appends one model. Nobody knows when an alias was created, so that is 0.
func (Surface) AppendModel(dst []byte, model string) []byte {
	dst = jsonread.AppendString(append(dst, `{"id":`...), model)
	return append(dst, `,"object":"model","created":0,"owned_by":"bedrock"}`...)
}

// class is how the API names a kind of failure.
type class struct {
	status     int
	kind, code string // code may be empty: null on the wire
}

// statusClientClosed is what proxies log when the client left; nobody receives it.
const statusClientClosed = 499

// classify is the one table from the domain's codes to the API's vocabulary.
func classify(code inference.Code) class {
	switch code {
	case inference.InvalidRequest:
		return class{http.StatusBadRequest, "invalid_request_error", ""}
	case inference.Unauthenticated:
		return class{http.StatusUnauthorized, "authentication_error", "invalid_api_key"}
	case inference.PermissionDenied:
		return class{http.StatusForbidden, "permission_error", "permission_denied"}
	case inference.NotFound:
		return class{http.StatusNotFound, "not_found_error", "model_not_found"}
	case inference.MethodNotAllowed:
		return class{http.StatusMethodNotAllowed, "invalid_request_error", "method_not_allowed"}
	case inference.Conflict:
		return class{http.StatusConflict, "invalid_request_error", "conflict"}
	case inference.TooLarge:
		return class{http.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large"}
	case inference.RateLimited:
		return class{http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded"}
	case inference.Overloaded:
		return class{http.StatusServiceUnavailable, "server_error", "overloaded"}
	case inference.Timeout:
		return class{http.StatusGatewayTimeout, "server_error", "timeout"}
	case inference.Upstream:
		return class{http.StatusBadGateway, "server_error", "upstream_error"}
	case inference.Canceled:
		return class{statusClientClosed, "invalid_request_error", "canceled"}
	default:
		return class{http.StatusInternalServerError, "server_error", "internal_error"}
	}
}

// appendError appends the error object, the same in a body and in a stream.
func appendError(dst []byte, failure *inference.Error) []byte {
	class, message := classify(failure.Code), failure.Message
	if failure.Field != "" {
		message = failure.Field + ": " + message
	}
	dst = jsonread.AppendString(append(dst, `{"error":{"message":`...), message)
	dst = jsonread.AppendString(append(dst, `,"type":`...), class.kind)
	dst = appendOrNull(append(dst, `,"param":`...), failure.Field)
	dst = appendOrNull(append(dst, `,"code":`...), class.code)
	return append(dst, "}}"...)
}

// appendOrNull appends s, or null when it is empty.
func appendOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return jsonread.AppendString(dst, s)
}
