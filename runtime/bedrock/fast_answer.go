package bedrock

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

func (c *fastClient) complete(ctx context.Context, model string, request *inference.Request) (*inference.Reply, error) {
	if request.Body != nil {
		answer, err := c.ask(ctx, opInvoke, model, request.Body)
		if err != nil {
			return nil, err
		}
		usage, stop, err := anthropic.ReadReply(answer)
		if err != nil {
			return nil, errIncomplete
		}
		return &inference.Reply{Body: answer, Usage: usage, Stop: stop}, nil
	}
	body, err := converseBody(request)
	if err != nil {
		return nil, err
	}
	answer, err := c.ask(ctx, opConverse, model, body)
	if err != nil {
		return nil, err
	}
	return readConverse(answer)
}

// answerLimits are those of JSON that Bedrock writes: nested as deep as a model likes, and with characters cut in half
// where a model was cut off.
var answerLimits = jsonread.Limits{Depth: 1000, Repair: true}

// malformed makes an error of JSON that is not what Converse answers. It must not be an *inference.Error, which would
// count as the caller's fault.
func malformed(what string, err error) error { return fmt.Errorf("%s is malformed: %v", what, err) }

// readConverse reads a whole answer. The reply shares the body's memory.
func readConverse(body []byte) (*inference.Reply, error) {
	r := jsonread.New(body, answerLimits)
	reply := &inference.Reply{}
	message := false
	err := r.Object(func(key string) error {
		switch key {
		case "output":
			return members(r, "message", func() error {
				message = true
				return members(r, "content", func() error { return readBlocks(r, reply) })
			})
		case "stopReason":
			stop, err := text(r)
			reply.Stop = inference.StopReason(stop)
			return err
		case "usage":
			return readUsage(r, &reply.Usage)
		}
		return r.Skip()
	})
	if err == nil {
		err = r.End()
	}
	switch {
	case err != nil:
		return nil, malformed("the answer", err)
	case !message:
		return nil, errIncomplete
	}
	return reply, nil
}

// members reads an object, or null, of which one member matters.
func members(r *jsonread.Reader, wanted string, read func() error) error {
	if r.Null() {
		return nil
	}
	return r.Object(func(key string) error {
		if key != wanted || r.Null() {
			return skip(r, key != wanted)
		}
		return read()
	})
}

// skip passes a value that is not null and already consumed.
func skip(r *jsonread.Reader, there bool) error {
	if !there {
		return nil
	}
	return r.Skip()
}

// text reads a string; null is empty.
func text(r *jsonread.Reader) (string, error) {
	if r.Null() {
		return "", nil
	}
	return r.String()
}

func readBlocks(r *jsonread.Reader, reply *inference.Reply) error {
	return r.Array(func(int) error {
		if r.Null() {
			return nil
		}
		return r.Object(func(key string) error {
			switch {
			case r.Null():
				return nil
			case key == "text":
				text, err := r.String()
				reply.Blocks = append(reply.Blocks, inference.Block{Text: text})
				return err
			case key == "toolUse":
				use := &inference.ToolUse{Input: []byte("{}")}
				reply.Blocks = append(reply.Blocks, inference.Block{Use: use})
				return readToolUse(r, use)
			}
			return r.Skip()
		})
	})
}

func readToolUse(r *jsonread.Reader, use *inference.ToolUse) error {
	return r.Object(func(key string) (err error) {
		switch key {
		case "toolUseId":
			use.ID, err = text(r)
		case "name":
			use.Name, err = text(r)
		case "input":
			if !r.Null() {
				use.Input, err = r.Raw()
			}
		default:
			err = r.Skip()
		}
		return err
	})
}

func readUsage(r *jsonread.Reader, usage *inference.Usage) error {
	if r.Null() {
		return nil
	}
	return r.Object(func(key string) (err error) {
		var counter *int
		switch key {
		case "inputTokens":
			counter = &usage.Input
		case "cacheReadInputTokens":
			counter = &usage.CacheRead
		case "cacheWriteInputTokens":
			counter = &usage.CacheWrite
		case "outputTokens":
			counter = &usage.Output
		default:
			return r.Skip()
		}
		if !r.Null() {
			*counter, err = r.Int()
		}
		return err
	})
}

// readEvent turns the payload of a Converse event into one of ours. An event that callers do not see has no Kind. tool is
// the index of the tool call that is being streamed.
func readEvent(kind string, payload []byte, tool *int) (event inference.Event, at step, err error) {
	r := jsonread.New(payload, answerLimits)
	at = preamble
	switch kind {
	case "contentBlockStart":
		err = members(r, "start", func() error {
			return members(r, "toolUse", func() error {
				*tool++
				var use inference.ToolUse
				err := readToolUse(r, &use)
				event = inference.Event{Kind: inference.EventToolStart, Index: *tool, ToolID: strings.Clone(use.ID), ToolName: strings.Clone(use.Name)}
				at = content
				return err
			})
		})
	case "contentBlockDelta":
		err = members(r, "delta", func() error { return readDelta(r, &event, &at, *tool) })
	case "messageStop":
		event.Kind, at = inference.EventStop, last
		err = members(r, "stopReason", func() error {
			stop, err := r.String()
			event.Stop = inference.StopReason(strings.Clone(stop))
			return err
		})
	case "metadata":
		event.Kind, event.HasUsage, at = inference.EventUsage, true, content
		err = members(r, "usage", func() error { return readUsage(r, &event.Usage) })
	default: // messageStart, contentBlockStop, and what is not known yet
		return event, at, nil
	}
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return inference.Event{}, 0, malformed("an event", err)
	}
	return event, at, nil
}

// readDelta reads a piece of the answer. The text is copied: it may live longer than the buffer it is in.
func readDelta(r *jsonread.Reader, event *inference.Event, at *step, tool int) error {
	return r.Object(func(key string) error {
		switch {
		case r.Null():
			return nil
		case key == "text":
			text, err := r.String()
			*event, *at = inference.Event{Kind: inference.EventText, Text: strings.Clone(text)}, content
			return err
		case key == "toolUse":
			*event, *at = inference.Event{Kind: inference.EventToolInput, Index: tool}, content
			return members(r, "input", func() error {
				input, err := r.String()
				event.Text = strings.Clone(input)
				return err
			})
		}
		return r.Skip()
	})
}

// exceptionMessage is the message in the payload of an exception.
func exceptionMessage(payload []byte) (message string, err error) {
	if len(bytes.TrimSpace(payload)) == 0 {
		return "", nil
	}
	r := jsonread.New(payload, answerLimits)
	err = r.Object(func(key string) (err error) {
		if key != "message" && key != "Message" {
			return r.Skip()
		}
		message, err = text(r)
		message = strings.Clone(message)
		return err
	})
	return message, err
}
