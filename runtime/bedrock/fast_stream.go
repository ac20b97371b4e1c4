package bedrock

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock/frame"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

func (c *fastClient) open(ctx context.Context, model string, request *inference.Request) (source, error) {
	op, body := opInvokeStream, request.Body
	if body == nil {
		op = opConverseStream
		var err error
		if body, err = converseBody(request); err != nil {
			return nil, err
		}
	}
	response, err := c.call(ctx, op, model, body)
	if err != nil {
		return nil, err
	}
	return &fastSource{op: op, body: response.Body, frames: frame.NewReader(response.Body), tool: -1}, nil
}

// fastSource reads the frames of either streaming operation.
type fastSource struct {
	op     operation
	body   io.ReadCloser
	frames *frame.Reader
	tool   int    // index of the tool call that is being streamed; blocks come one after the other
	raw    []byte // the last chunk of InvokeModelWithResponseStream
}

// Close ends the stream. Before its end that closes the connection, which stops the model.
func (s *fastSource) Close() error {
	s.frames.Release()
	return s.body.Close()
}

func (s *fastSource) buffered() bool { return s.frames.Buffered() }

// next reads an event. It ends with the context, for that is the request's, whose end closes the body.
func (s *fastSource) next(ctx context.Context) (inference.Event, step, error) {
	for {
		f, err := s.frames.Next()
		switch {
		case ctx.Err() != nil:
			return inference.Event{}, 0, ctx.Err()
		case err == io.EOF:
			return inference.Event{}, ended, nil
		case err != nil:
			return inference.Event{}, 0, fmt.Errorf("%s: %w", s.op.name, err)
		}
		switch string(f.MessageType) {
		case "event":
		case "exception":
			return inference.Event{}, 0, s.exception(f)
		case "error":
			return inference.Event{}, 0, &callError{operation: s.op.name, code: string(f.ErrorCode), message: string(f.ErrorMessage)}
		default:
			return inference.Event{}, 0, fmt.Errorf("%s: a frame of type %q", s.op.name, f.MessageType)
		}
		if f.EventType == nil {
			return inference.Event{}, 0, fmt.Errorf("%s: an event without a type", s.op.name)
		}
		if s.op == opConverseStream {
			return readEvent(string(f.EventType), f.Payload, &s.tool)
		}
		if string(f.EventType) == "chunk" {
			if err := s.chunk(f.Payload); err != nil {
				return inference.Event{}, 0, malformed("a chunk", err)
			}
			return rawEvent(s.raw)
		}
	}
}

// chunk decodes the bytes that a payload carries.
func (s *fastSource) chunk(payload []byte) error {
	r := jsonread.New(payload, answerLimits)
	s.raw = s.raw[:0]
	err := members(r, "bytes", func() error {
		text, err := r.Raw()
		if err != nil || len(text) < 2 || text[0] != '"' {
			return fmt.Errorf("bytes are no string: %w", err)
		}
		s.raw, err = base64.StdEncoding.AppendDecode(s.raw, text[1:len(text)-1])
		return err
	})
	if err != nil {
		return err
	}
	return r.End()
}

// exception makes an error of the frame that ends a stream.
func (s *fastSource) exception(f frame.Frame) error {
	if f.ExceptionType == nil {
		return fmt.Errorf("%s: an exception without a type", s.op.name)
	}
	message, err := exceptionMessage(f.Payload)
	if err != nil {
		return malformed("an exception", err)
	}
	return &callError{operation: s.op.name, code: string(f.ExceptionType), message: message}
}
