package anthropic

import (
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// Chunk is what the gateway must know of one streamed event.
type Chunk struct {
	Type     string // the event's type, such as "content_block_delta"
	Content  bool   // the caller would see the answer as begun: not so for message_start, ping and error
	HasUsage bool
	// Usage holds the counters this event carries; the others are 0. They are cumulative: the highest is the final one.
	Usage inference.Usage
	Stop  inference.StopReason // of a message_delta
	Error string               // type and message of an event of type "error"
}

// Inspect reads one streamed event's JSON. It reads no further than it must: of most events only the type.
func Inspect(chunk []byte) (Chunk, error) {
	r := jsonread.New(chunk, jsonread.Limits{})
	kind, err := r.Peek("type")
	if err != nil {
		return Chunk{}, malformed(err)
	}
	c := Chunk{}
	switch kind {
	case "content_block_delta":
		return Chunk{Type: "content_block_delta", Content: true}, nil
	case "content_block_start":
		return Chunk{Type: "content_block_start", Content: true}, nil
	case "content_block_stop":
		return Chunk{Type: "content_block_stop", Content: true}, nil
	case "message_stop":
		return Chunk{Type: "message_stop", Content: true}, nil
	case "ping":
		return Chunk{Type: "ping"}, nil
	case "message_start":
		c.Type = "message_start"
	case "message_delta":
		c.Type, c.Content = "message_delta", true
	case "error":
		c.Type = "error"
	default:
		if strings.ContainsAny(kind, "\r\n") { // it becomes a line of SSE
			return Chunk{}, malformed(nil)
		}
		return Chunk{Type: strings.Clone(kind)}, nil
	}
	if err := c.read(r); err != nil {
		return Chunk{}, malformed(err)
	}
	return c, nil
}

// malformed is the error for what is no event and no answer.
func malformed(cause error) error {
	return &inference.Error{Code: inference.Upstream, Message: "The model's answer is malformed.", Cause: cause}
}

// read reads an event of a type that matters.
func (c *Chunk) read(r *jsonread.Reader) error {
	return r.Object(func(key string) error {
		switch {
		case key == "usage" && c.Type == "message_delta":
			return c.readUsage(r)
		case key == "message" && c.Type == "message_start":
			return r.Object(func(key string) error {
				if key != "usage" {
					return r.Skip()
				}
				return c.readUsage(r)
			})
		case key == "delta" && c.Type == "message_delta":
			return r.Object(func(key string) (err error) {
				if key != "stop_reason" {
					return r.Skip()
				}
				c.Stop, err = readStop(r)
				return err
			})
		case key == "error" && c.Type == "error":
			return c.readError(r)
		default:
			return r.Skip()
		}
	})
}

// readUsage reads the counters.
func (c *Chunk) readUsage(r *jsonread.Reader) error {
	if r.Null() {
		return nil
	}
	c.HasUsage = true
	return readUsage(r, &c.Usage)
}

// readError reads the error of an event.
func (c *Chunk) readError(r *jsonread.Reader) error {
	var kind, message string
	err := r.Object(func(key string) (err error) {
		switch key {
		case "type":
			kind, err = r.String()
		case "message":
			message, err = r.String()
		default:
			err = r.Skip()
		}
		return err
	})
	c.Error = kind + ": " + message
	return err
}

// readUsage reads the token counters of an answer or an event.
func readUsage(r *jsonread.Reader, usage *inference.Usage) error {
	return r.Object(func(key string) (err error) {
		var counter *int
		switch key {
		case "input_tokens":
			counter = &usage.Input
		case "cache_read_input_tokens":
			counter = &usage.CacheRead
		case "cache_creation_input_tokens":
			counter = &usage.CacheWrite
		case "output_tokens":
			counter = &usage.Output
		default:
			return r.Skip()
		}
		if r.Null() {
			return nil
		}
		*counter, err = r.Int()
		return err
	})
}

// readStop reads why an answer ended; empty when it has not.
func readStop(r *jsonread.Reader) (inference.StopReason, error) {
	if r.Null() {
		return "", nil
	}
	reason, err := r.String()
	switch reason {
	case "end_turn", "pause_turn":
		return inference.StopEndTurn, err
	case "max_tokens":
		return inference.StopMaxTokens, err
	case "stop_sequence":
		return inference.StopSequence, err
	case "tool_use":
		return inference.StopToolUse, err
	case "refusal":
		return inference.StopFiltered, err
	case "model_context_window_exceeded":
		return inference.StopContextWindow, err
	default:
		return inference.StopReason(strings.Clone(reason)), err
	}
}

// ReadReply reads what the gateway must know of a whole answer.
func ReadReply(body []byte) (usage inference.Usage, stop inference.StopReason, err error) {
	r := jsonread.New(body, jsonread.Limits{})
	err = r.Object(func(key string) (err error) {
		switch {
		case key == "usage" && !r.Null():
			err = readUsage(r, &usage)
		case key == "usage": // null, and consumed
		case key == "stop_reason":
			stop, err = readStop(r)
		default:
			err = r.Skip()
		}
		return err
	})
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return inference.Usage{}, "", malformed(err)
	}
	return usage, stop, nil
}
