package bedrock

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// step tells how far a stream has come with an event.
type step uint8

const (
	preamble step = iota + 1 // the call was accepted; nothing of the answer yet
	content                  // part of the answer
	last                     // part of the answer, and it is now complete; counts may follow
	ended                    // no event: the stream is over
)

// source reads one operation's stream.
type source interface {
	// next returns the next event. What it refers to is valid until the next call.
	next(ctx context.Context) (inference.Event, step, error)
	// buffered tells that next will not wait.
	buffered() bool
	Close() error
}

// stream is an answer that has begun.
type stream struct {
	ctx      context.Context
	cancel   context.CancelFunc
	source   source
	waiting  []inference.Event // read by prime, not yet handed out
	complete bool
	over     bool // the model has said itself that nothing follows
	failed   error
}

// prime reads until the answer begins, so that every failure before that can still be retried. heard is called once, with
// the first event or what came in place of it, and reports whether that is still in time.
func (s *stream) prime(heard func() bool) error {
	for first := true; ; first = false {
		event, step, err := s.read()
		if first && !heard() {
			return errSilent
		}
		if err != nil {
			return err
		}
		if step == ended {
			return errIncomplete
		}
		if step != preamble {
			s.waiting = append(s.waiting, event)
			return nil
		}
		event.Raw = bytes.Clone(event.Raw) // more is read before it is handed out
		s.waiting = append(s.waiting, event)
	}
}

func (s *stream) read() (inference.Event, step, error) {
	event, step, err := s.source.next(s.ctx)
	if step == last {
		s.complete = true
		s.over = event.Kind == inference.EventRaw
	}
	return event, step, err
}

// Next implements inference.Stream.
func (s *stream) Next() (inference.Event, error) {
	for len(s.waiting) > 0 {
		event := s.waiting[0]
		s.waiting = s.waiting[1:]
		if event.Kind != 0 {
			return event, nil
		}
	}
	for s.failed == nil {
		event, step, err := s.read()
		switch {
		case err == nil && step == ended && s.complete, err != nil && s.over:
			s.failed = io.EOF
		case err == nil && step == ended:
			s.failed = unreachable.failure(errIncomplete)
		case err != nil:
			s.failed = classify(s.ctx, err).failure(err)
		case event.Kind != 0:
			return event, nil
		}
	}
	return inference.Event{}, s.failed
}

// Buffered implements inference.Stream.
func (s *stream) Buffered() bool { return len(s.waiting) > 0 || s.failed == nil && s.source.buffered() }

// Close implements inference.Stream. Before the end it cancels the model's work.
func (s *stream) Close() error {
	s.cancel()
	return s.source.Close()
}

// rawEvent wraps a chunk. Anthropic's own error event is a failure like any other.
func rawEvent(raw []byte) (inference.Event, step, error) {
	chunk, err := anthropic.Inspect(raw)
	if err != nil {
		return inference.Event{}, 0, err
	}
	switch {
	case chunk.Type == "error":
		return inference.Event{}, 0, fmt.Errorf("%w: %s", errInBand, chunk.Error)
	case chunk.Type == "message_stop":
		return event(raw, chunk), last, nil
	case chunk.Content:
		return event(raw, chunk), content, nil
	default:
		return event(raw, chunk), preamble, nil
	}
}

func event(raw []byte, chunk anthropic.Chunk) inference.Event {
	return inference.Event{
		Kind:     inference.EventRaw,
		Type:     chunk.Type,
		Raw:      raw,
		Usage:    chunk.Usage,
		HasUsage: chunk.HasUsage,
		Stop:     chunk.Stop,
	}
}
