package anthropic

import (
	"net/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// Surface is the Messages API. It holds no state.
type Surface struct{}

// RequestIDHeader returns the response header that Anthropic's clients read the request id from.
func (Surface) RequestIDHeader() string { return "Request-Id" }

// Status returns the HTTP status for a code.
func (Surface) Status(code inference.Code) int {
	status, _ := classify(code)
	return status
}

// AppendError appends the error body.
func (Surface) AppendError(dst []byte, failure *inference.Error, requestID string) []byte {
	return appendError(dst, failure, requestID)
}

// AppendModels appends the list of models that callers may name; it is never long enough for pages.
func (s Surface) AppendModels(dst []byte, models []string) []byte {
	dst = append(dst, `{"data":[`...)
	for i, model := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.AppendModel(dst, model)
	}
	dst = append(dst, `],"has_more":false,"first_id":`...)
	if len(models) == 0 {
		return append(dst, `null,"last_id":null}`...)
	}
	dst = jsonread.AppendString(dst, models[0])
	dst = jsonread.AppendString(append(dst, `,"last_id":`...), models[len(models)-1])
	return append(dst, '}')
}

// AppendModel appends one model. The API has the epoch stand for a date of release that is not known.
func (Surface) AppendModel(dst []byte, model string) []byte {
	dst = jsonread.AppendString(append(dst, `{"type":"model","id":`...), model)
	dst = jsonread.AppendString(append(dst, `,"display_name":`...), model)
	return append(dst, `,"created_at":"1970-01-01T00:00:00Z"}`...)
}

// Statuses that net/http has no name for.
const (
	statusClientClosed = 499 // what proxies log when the client left; nobody receives it
	statusOverloaded   = 529 // Anthropic's own
)

// classify is the one table from the domain's codes to the API's vocabulary.
func classify(code inference.Code) (status int, kind string) {
	switch code {
	case inference.InvalidRequest:
		return http.StatusBadRequest, "invalid_request_error"
	case inference.Unauthenticated:
		return http.StatusUnauthorized, "authentication_error"
	case inference.PermissionDenied:
		return http.StatusForbidden, "permission_error"
	case inference.NotFound:
		return http.StatusNotFound, "not_found_error"
	case inference.MethodNotAllowed:
		return http.StatusMethodNotAllowed, "invalid_request_error"
	case inference.Conflict:
		return http.StatusConflict, "invalid_request_error"
	case inference.TooLarge:
		return http.StatusRequestEntityTooLarge, "request_too_large"
	case inference.RateLimited:
		return http.StatusTooManyRequests, "rate_limit_error"
	case inference.Overloaded:
		return statusOverloaded, "overloaded_error"
	case inference.Timeout:
		return http.StatusGatewayTimeout, "timeout_error"
	case inference.Upstream:
		return http.StatusBadGateway, "api_error"
	case inference.Canceled:
		return statusClientClosed, "api_error"
	default:
		return http.StatusInternalServerError, "api_error"
	}
}

// appendError appends the error object, the same in a body and in a stream.
func appendError(dst []byte, failure *inference.Error, requestID string) []byte {
	_, kind := classify(failure.Code)
	message := failure.Message
	if failure.Field != "" {
		message = failure.Field + ": " + message
	}
	dst = jsonread.AppendString(append(dst, `{"type":"error","error":{"type":`...), kind)
	dst = jsonread.AppendString(append(dst, `,"message":`...), message)
	dst = jsonread.AppendString(append(dst, `},"request_id":`...), requestID)
	return append(dst, '}')
}
