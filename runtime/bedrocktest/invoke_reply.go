package bedrocktest

import (
	"encoding/json"
	"fmt"
)

// message is the reply's body, and the beginning of a stream when its content is empty.
func (a answer) message(content []any, stop, stopText any, output int) object {
	return object{
		"id": "msg_bdrk_" + a.id, "type": "message", "role": "assistant", "model": a.model,
		"content": content, "stop_reason": stop, "stop_sequence": stopText, "usage": a.usage.invoke(output),
	}
}

// stopTextOrNull is the stop sequence that was met; the wire has null for none.
func (a answer) stopTextOrNull() any {
	if a.stopText == "" {
		return nil
	}
	return a.stopText
}

// block is the one block of the answer, without its text or input when it begins a stream.
func (a answer) block(whole bool) object {
	text, input := "", []byte("{}")
	if whole {
		text = a.text
	}
	if a.use == nil {
		return object{"type": "text", "text": text}
	}
	if whole {
		input = a.use.input
	}
	return object{"type": "tool_use", "id": "toolu_bdrk_" + a.id, "name": a.use.name, "input": json.RawMessage(input)}
}

func (a answer) empty() bool { return a.use == nil && a.text == "" }

func invokeReply(x *exchange, a answer) any {
	for name, value := range map[string]int64{
		"Input-Token-Count": int64(a.usage.input), "Output-Token-Count": int64(a.usage.output),
		"Cache-Read-Input-Token-Count": int64(a.usage.cacheRead), "Cache-Write-Input-Token-Count": int64(a.usage.cacheWrite),
		"Invocation-Latency": x.sinceMillis(),
	} {
		x.w.Header().Set("X-Amzn-Bedrock-"+name, fmt.Sprint(value))
	}
	content := []any{}
	if !a.empty() {
		content = append(content, a.block(true))
	}
	return a.message(content, a.stop, a.stopTextOrNull(), a.usage.output)
}

func invokeFrames(x *exchange, a answer) []frame {
	x.w.Header().Set("X-Amzn-Bedrock-Content-Type", "application/json")
	frames := []frame{chunk(object{"type": "message_start", "message": a.message([]any{}, nil, nil, min(1, a.usage.output))})}
	if !a.empty() {
		frames = append(frames, chunk(object{"type": "content_block_start", "index": 0, "content_block": a.block(false)}))
		delta, pieces := "text", a.text
		kind := "text_delta"
		if a.use != nil {
			delta, pieces, kind = "partial_json", string(a.use.input), "input_json_delta"
		}
		for _, piece := range chunks(pieces, x.options.ChunkBytes) {
			f := chunk(object{"type": "content_block_delta", "index": 0, "delta": object{"type": kind, delta: piece}})
			f.content = true
			frames = append(frames, f)
		}
		frames = append(frames, chunk(object{"type": "content_block_stop", "index": 0}))
	}
	return append(frames,
		chunk(object{
			"type": "message_delta", "usage": object{"output_tokens": a.usage.output},
			"delta": object{"stop_reason": a.stop, "stop_sequence": a.stopTextOrNull()},
		}),
		frame{event: "chunk", timed: func(ms int64) any {
			return bytesOf(object{"type": "message_stop", "amazon-bedrock-invocationMetrics": a.usage.metrics(ms)})
		}})
}

// chunk wraps one of the vendor's events as Bedrock does.
func chunk(event object) frame { return frame{event: "chunk", payload: bytesOf(event)} }

func bytesOf(event object) object {
	data, _ := json.Marshal(event) // strings, numbers and what was JSON before
	return object{"bytes": data}
}

func (u usage) invoke(output int) object {
	return object{
		"input_tokens": u.input, "output_tokens": output,
		"cache_read_input_tokens": u.cacheRead, "cache_creation_input_tokens": u.cacheWrite,
	}
}

func (u usage) metrics(ms int64) object {
	return object{
		"inputTokenCount": u.input, "outputTokenCount": u.output,
		"cacheReadInputTokenCount": u.cacheRead, "cacheWriteInputTokenCount": u.cacheWrite,
		"invocationLatency": ms, "firstByteLatency": ms,
	}
}
