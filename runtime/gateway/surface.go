package gateway

import (
	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/openai"
)

// Surface is one public API: how its requests are read and its answers, events and errors are written.
// A Surface holds no state; it serves any number of requests at once.
type Surface interface {
	// Open reads and checks a request body. Its error is an *inference.Error that names the field at fault.
	// id becomes part of the answer, such as an OpenAI completion's id. The body may be kept; it is not written to.
	Open(body []byte, id string, router inference.Router) (Exchange, error)
	// AppendError appends the surface's error body.
	AppendError(dst []byte, failure *inference.Error, requestID string) []byte
	// Status returns the HTTP status for a code.
	Status(code inference.Code) int
	// RequestIDHeader is the response header that carries the request id.
	RequestIDHeader() string
	// AppendModels appends the list of models that callers may name.
	AppendModels(dst []byte, models []string) []byte
	// AppendModel appends one model.
	AppendModel(dst []byte, model string) []byte
}

// openaiSurface and anthropicSurface widen what Open returns: the surfaces' packages do not know this one, and Go wants
// the very type that the interface names.
type (
	openaiSurface    struct{ openai.Surface }
	anthropicSurface struct{ anthropic.Surface }
)

// Open implements Surface.
func (s openaiSurface) Open(body []byte, id string, router inference.Router) (Exchange, error) {
	exchange, err := s.Surface.Open(body, id, router)
	if err != nil {
		return nil, err
	}
	return exchange, nil
}

// Open implements Surface.
func (s anthropicSurface) Open(body []byte, id string, router inference.Router) (Exchange, error) {
	exchange, err := s.Surface.Open(body, id, router)
	if err != nil {
		return nil, err
	}
	return exchange, nil
}

// Exchange is one request on one surface: what to ask the model, and how to write what comes back.
// It is used by one goroutine.
type Exchange interface {
	// Request is what to ask the model, the same at each call.
	Request() *inference.Request
	// AppendReply appends the whole answer's body.
	AppendReply(dst []byte, reply *inference.Reply) []byte
	// AppendEvent appends what an event means on the wire, complete SSE events only; that may be nothing.
	AppendEvent(dst []byte, event *inference.Event) []byte
	// AppendDone appends what ends a stream that went well; that may be nothing.
	AppendDone(dst []byte) []byte
	// AppendPing appends what keeps a silent stream open.
	AppendPing(dst []byte) []byte
	// AppendStreamError appends the surface's error event, after which the stream ends.
	AppendStreamError(dst []byte, failure *inference.Error, requestID string) []byte
}
