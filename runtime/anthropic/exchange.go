package anthropic

import (
	"bytes"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// Exchange is one request and how its answer is written. It is used by one goroutine.
type Exchange struct {
	request inference.Request
	beta    bool // the body names beta features
}

// Request returns what to ask the model.
func (x *Exchange) Request() *inference.Request { return &x.request }

// SetBeta asks for beta features, which callers name in the header anthropic-beta and Bedrock takes in the body. A body
// that names some itself stays as it is.
func (x *Exchange) SetBeta(flags []string) {
	if x.beta || len(flags) == 0 {
		return
	}
	x.beta = true
	body := append(x.request.Body[:len(x.request.Body)-1], `,"anthropic_beta":[`...)
	for i, flag := range flags {
		if i > 0 {
			body = append(body, ',')
		}
		body = jsonread.AppendString(body, flag)
	}
	x.request.Body = append(body, "]}"...)
}

// AppendReply appends the whole answer's body, which is the model's own.
func (x *Exchange) AppendReply(dst []byte, reply *inference.Reply) []byte {
	return append(dst, reply.Body...)
}

// AppendEvent appends an event as the model sent it.
func (x *Exchange) AppendEvent(dst []byte, event *inference.Event) []byte {
	if event.Kind != inference.EventRaw {
		return dst
	}
	dst = append(append(dst, "event: "...), event.Type...)
	dst = append(dst, "\ndata: "...)
	start := len(dst)
	dst = append(dst, event.Raw...)
	if bytes.ContainsAny(dst[start:], "\r\n") { // white space in JSON, but the end of a line in SSE
		for i, c := range dst[start:] {
			if c == '\r' || c == '\n' {
				dst[start+i] = ' '
			}
		}
	}
	return append(dst, "\n\n"...)
}

// AppendDone appends nothing: the model's last event ends the stream.
func (x *Exchange) AppendDone(dst []byte) []byte { return dst }

// AppendPing appends the API's own event for keeping a silent stream open.
func (x *Exchange) AppendPing(dst []byte) []byte {
	return append(dst, "event: ping\ndata: {\"type\": \"ping\"}\n\n"...)
}

// AppendStreamError appends the error as the stream's last event.
func (x *Exchange) AppendStreamError(dst []byte, failure *inference.Error, requestID string) []byte {
	dst = appendError(append(dst, "event: error\ndata: "...), failure, requestID)
	return append(dst, "\n\n"...)
}
