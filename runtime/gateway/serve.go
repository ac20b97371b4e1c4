package gateway

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// call is one inference request on its way through the gateway.
type call struct {
	*gateway
	surface  Surface
	exchange Exchange
	id       string
	record   record.Request
	held     *limit.Held // the body; nil before it is read
	lease    limit.Lease // nil until the request is let in
	trace    Trace       // nil when nothing traces
	buf      []byte      // of the answer, or of the events that are collected
}

// buffers are those of calls that have ended. One that grew large is not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const keepBuffer = 64 << 10

// inference returns the handler of a surface.
func (g *gateway) inference(name string, s Surface) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{gateway: g, surface: s, id: newID(w, s)}
		c.record = record.Request{Start: time.Now(), RequestID: "req_" + c.id, Surface: name}
		c.begin(w, r)
		kept := buffers.Get().(*[]byte)
		c.buf = (*kept)[:0]
		defer func() {
			if *kept = c.buf; cap(c.buf) <= keepBuffer {
				buffers.Put(kept)
			}
		}()
		defer c.account()
		defer c.release()
		ctx, cancel := context.WithTimeout(r.Context(), g.RequestTimeout)
		defer cancel()
		if err := c.identify(r.WithContext(ctx)); err != nil {
			c.refuse(w, err)
			return
		}
		c.prepareFeedback()
		if err := c.open(w, r); err != nil {
			c.refuse(w, err)
			return
		}
		if err := c.admit(ctx); err != nil {
			c.refuse(w, err)
			return
		}
		if c.exchange.Request().Stream {
			c.stream(ctx, w)
			return
		}
		c.complete(ctx, w)
	}
}

// identify finds out whose request it is. It comes before everything else: nobody unknown has a body read or parsed.
func (c *call) identify(r *http.Request) error {
	caller, err := c.Auth.Authenticate(r)
	if err != nil {
		return err
	}
	c.record.Tenant, c.record.Auth = caller.Tenant, caller.Method
	return nil
}

// open reads the body and lets the surface make a request of it.
func (c *call) open(w http.ResponseWriter, r *http.Request) error {
	body, err := c.read(w, r)
	if err != nil {
		return err
	}
	c.exchange, err = c.surface.Open(body, c.id, c.Router)
	if err != nil {
		return err
	}
	if flags := r.Header.Values("Anthropic-Beta"); len(flags) > 0 {
		if b, ok := c.exchange.(interface{ SetBeta([]string) }); ok {
			b.SetBeta(split(flags))
		}
	}
	c.record.Alias = c.exchange.Request().Route.Alias
	c.record.Stream = c.exchange.Request().Stream
	return nil
}

// split takes a repeated, comma-separated header apart.
func split(values []string) []string {
	var parts []string
	for _, part := range strings.Split(strings.Join(values, ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func readBody(w http.ResponseWriter, r *http.Request, most int) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, inference.Errorf(inference.InvalidRequest, "Content-Encoding %q is not supported; send the body uncompressed.", encoding)
	}
	if t := mediaType(r.Header.Get("Content-Type")); t != "" && t != "application/json" {
		return nil, inference.Errorf(inference.InvalidRequest, "Content-Type %q is not supported; send application/json.", t)
	}
	if r.ContentLength > int64(most) {
		return nil, tooLarge(most)
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, int64(most)), r.ContentLength)
	var over *http.MaxBytesError
	var refused *inference.Error
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case errors.As(err, &over):
		return nil, tooLarge(most)
	case err != nil && r.Context().Err() != nil:
		return nil, &inference.Error{Code: inference.Canceled, Message: "The caller left.", Cause: err}
	case err != nil:
		return nil, &inference.Error{Code: inference.InvalidRequest, Message: "The body could not be read.", Cause: err}
	}
	return body, nil
}

// trusted is how much memory a Content-Length alone can take.
const trusted = 64 << 10

// readAll is io.ReadAll into memory of the size that is announced, where that is not much.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > trusted {
		return io.ReadAll(body)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(body, text); err != nil {
		return nil, err
	}
	return text, nil
}

func tooLarge(most int) error {
	return inference.Errorf(inference.TooLarge, "The body is larger than the %d bytes allowed.", most)
}

// complete answers in one piece.
func (c *call) complete(ctx context.Context, w http.ResponseWriter) {
	began := time.Now()
	c.record.Asked = began
	reply, err := c.Provider.Complete(ctx, c.exchange.Request())
	c.record.Upstream = time.Since(began)
	if err != nil {
		c.refuse(w, err)
		return
	}
	c.record.Usage = reply.Usage
	c.record.Status = http.StatusOK
	began = time.Now()
	c.buf = c.exchange.AppendReply(c.buf[:0], reply)
	c.offerFeedback(ctx, w.Header())
	writeJSON(w, http.StatusOK, c.buf)
	c.record.Client = time.Since(began)
}

// refuse answers with an error. It must come before anything else was sent.
func (c *call) refuse(w http.ResponseWriter, err error) {
	failure := inference.AsError(err)
	c.failed(failure)
	c.record.Status = writeError(w, c.surface, failure, c.id)
}

func (c *call) failed(failure *inference.Error) {
	c.record.Code = failure.Code
	c.record.Status = c.surface.Status(failure.Code)
	// What a caller got wrong is told to the caller alone: a field's name, or Bedrock's own message, may quote the
	// prompt.
	if failure.Cause != nil && failure.Code != inference.InvalidRequest {
		c.record.Cause = failure.Cause.Error()
	}
}

// account writes the record, whatever happened.
func (c *call) account() {
	c.record.Duration = time.Since(c.record.Start)
	if cause := recover(); cause != nil {
		c.record.Code, c.record.Status = inference.Internal, http.StatusInternalServerError
		c.finish()
		panic(cause)
	}
	c.finish()
}

func (c *call) finish() {
	if c.exchange != nil {
		c.record.Trail = c.exchange.Request().Trail
	}
	if c.record.Trail.Calls > 0 {
		c.health.note(c.record.Code)
	}
	c.record.Cost, c.record.CostKnown = c.Router.Cost(c.record.Trail.Target, c.record.Usage)
	c.Records(&c.record)
	if c.trace != nil {
		c.trace.End(&c.record)
	}
}

// seconds rounds up to whole seconds, the unit of Retry-After.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
