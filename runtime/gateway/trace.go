package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// Tracer follows requests. It is safe for concurrent use.
type Tracer interface {
	// Begin starts following a request, in the caller's trace if its headers name one.
	Begin(r *http.Request, start time.Time) Trace
	// Close gives what is held to whoever takes it, for as long as the context lasts.
	Close(context.Context) error
}

// Trace is that of one request.
type Trace interface {
	ID() string          // in hexadecimal
	Response() string    // the value of TraceHeader
	End(*record.Request) // called once
}

// TraceHeader tells a caller which trace the request is in, and which span of it (W3C Trace Context, traceresponse of the
// editor's draft). Only a gateway with a Tracer sends it.
const TraceHeader = "Traceresponse"

// begin starts following the request, if anything does.
func (c *call) begin(w http.ResponseWriter, r *http.Request) {
	if c.Tracer == nil {
		return
	}
	c.trace = c.Tracer.Begin(r, c.record.Start)
	c.record.TraceID = c.trace.ID()
	w.Header().Set(TraceHeader, c.trace.Response())
}
