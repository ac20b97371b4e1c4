package openai

import (
	"strconv"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// Exchange is one request and how its answer is written. It is used by one goroutine.
type Exchange struct {
	request inference.Request
	id      []byte // the answer's id, a JSON string
	name    []byte // what stands between "object" and "choices" in every object of the answer
	usage   bool   // the caller wants a last chunk with the token counts

	// How far the stream is.
	begun bool // the first chunk was written
	tool  int  // the call being written
	bare  bool // it has no arguments yet
}

// newExchange makes the exchange of a request that was read and checked.
func newExchange(p *parser, id string, now time.Time) *Exchange {
	x := &Exchange{request: p.request, usage: p.usage}
	x.id = jsonread.AppendString(nil, "chatcmpl-"+id)
	x.name = strconv.AppendInt([]byte(`,"created":`), now.Unix(), 10)
	x.name = jsonread.AppendString(append(x.name, `,"model":`...), p.model)
	return x
}

// Request returns what to ask the model.
func (x *Exchange) Request() *inference.Request { return &x.request }

// appendHead begins an object of the answer, up to its choices.
func (x *Exchange) appendHead(dst []byte, object string) []byte {
	dst = append(append(dst, `{"id":`...), x.id...)
	dst = append(append(append(dst, `,"object":"`...), object...), '"')
	return append(append(dst, x.name...), `,"choices":[`...)
}

// AppendReply appends the whole answer's body.
func (x *Exchange) AppendReply(dst []byte, reply *inference.Reply) []byte {
	dst = x.appendHead(dst, "chat.completion")
	dst = append(dst, `{"index":0,"message":{"role":"assistant","content":`...)
	dst = appendContent(dst, reply.Blocks)
	dst = append(dst, `,"refusal":null`...)
	dst = appendToolCalls(dst, reply.Blocks)
	dst = append(dst, `},"logprobs":null,"finish_reason":"`...)
	dst = append(append(dst, finishReason(reply.Stop)...), `"}],"usage":`...)
	return append(appendUsage(dst, reply.Usage), '}')
}

// appendContent appends the answer's text; null when there are only tool calls.
func appendContent(dst []byte, blocks []inference.Block) []byte {
	text, calls := "", false
	for i := range blocks {
		text += blocks[i].Text
		calls = calls || blocks[i].Use != nil
	}
	if text == "" && calls {
		return append(dst, "null"...)
	}
	return jsonread.AppendString(dst, text)
}

// appendToolCalls appends the member tool_calls if there are any.
func appendToolCalls(dst []byte, blocks []inference.Block) []byte {
	separator := `,"tool_calls":[`
	for i := range blocks {
		use := blocks[i].Use
		if use == nil {
			continue
		}
		dst = appendCall(append(dst, separator...), use)
		separator = ","
	}
	if separator == "," {
		dst = append(dst, ']')
	}
	return dst
}

// appendCall appends one tool call.
func appendCall(dst []byte, use *inference.ToolUse) []byte {
	arguments := string(use.Input)
	if arguments == "" {
		arguments = "{}"
	}
	dst = jsonread.AppendString(append(dst, `{"id":`...), use.ID)
	dst = jsonread.AppendString(append(dst, `,"type":"function","function":{"name":`...), use.Name)
	dst = jsonread.AppendString(append(dst, `,"arguments":`...), arguments)
	return append(dst, "}}"...)
}

// appendUsage appends the token counts. Cached tokens are part of the prompt's, as in OpenAI's own counts.
func appendUsage(dst []byte, usage inference.Usage) []byte {
	prompt := usage.Prompt()
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), int64(prompt), 10)
	dst = strconv.AppendInt(append(dst, `,"completion_tokens":`...), int64(usage.Output), 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), int64(prompt+usage.Output), 10)
	dst = strconv.AppendInt(append(dst, `,"prompt_tokens_details":{"cached_tokens":`...), int64(usage.CacheRead), 10)
	dst = strconv.AppendInt(append(dst, `,"cache_write_tokens":`...), int64(usage.CacheWrite), 10)
	return append(dst, "}}"...)
}

// finishReason returns the API's word for why the answer ended.
func finishReason(stop inference.StopReason) string {
	switch stop {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return "length"
	case inference.StopToolUse:
		return "tool_calls"
	case inference.StopFiltered, inference.StopGuardrail:
		return "content_filter"
	default:
		return "stop"
	}
}

// AppendEvent appends what an event means on the wire: any number of chunks.
func (x *Exchange) AppendEvent(dst []byte, event *inference.Event) []byte {
	switch event.Kind {
	case inference.EventText:
		if event.Text == "" {
			return x.begin(dst)
		}
		dst = x.endCall(x.begin(dst))
		dst = jsonread.AppendString(append(x.openDelta(dst), `"content":`...), event.Text)
		return x.closeDelta(dst, "")
	case inference.EventToolStart:
		dst = x.endCall(x.begin(dst))
		x.tool, x.bare = event.Index, true
		dst = x.openToolDelta(dst)
		dst = append(jsonread.AppendString(append(dst, `,"id":`...), event.ToolID), `,"type":"function"`...)
		dst = jsonread.AppendString(append(dst, `,"function":{"name":`...), event.ToolName)
		return x.closeDelta(append(dst, `,"arguments":""}}]`...), "")
	case inference.EventToolInput:
		if event.Text == "" {
			return dst
		}
		x.tool, x.bare = event.Index, false
		return x.appendArguments(x.begin(dst), event.Text)
	case inference.EventStop:
		dst = x.endCall(x.begin(dst))
		return x.closeDelta(x.openDelta(dst), finishReason(event.Stop))
	case inference.EventUsage:
		if !x.usage {
			return dst
		}
		dst = append(x.openChunk(dst), `],"usage":`...)
		return append(appendUsage(dst, event.Usage), "}\n\n"...)
	default:
		return dst
	}
}

// begin appends the chunk that every stream begins with.
func (x *Exchange) begin(dst []byte) []byte {
	if x.begun {
		return dst
	}
	x.begun = true
	dst = append(x.openDelta(dst), `"role":"assistant","content":"","refusal":null`...)
	return x.closeDelta(dst, "")
}

// endCall gives a call that ended without arguments an empty object, for clients parse what they collected.
func (x *Exchange) endCall(dst []byte) []byte {
	if !x.bare {
		return dst
	}
	x.bare = false
	return x.appendArguments(dst, "{}")
}

// appendArguments appends a chunk with a fragment of a call's arguments.
func (x *Exchange) appendArguments(dst []byte, fragment string) []byte {
	dst = append(x.openToolDelta(dst), `,"function":{"arguments":`...)
	dst = jsonread.AppendString(dst, fragment)
	return x.closeDelta(append(dst, "}}]"...), "")
}

// openChunk begins a chunk, up to its choices.
func (x *Exchange) openChunk(dst []byte) []byte {
	return x.appendHead(append(dst, "data: "...), "chat.completion.chunk")
}

// openDelta begins a chunk, up to the delta's members.
func (x *Exchange) openDelta(dst []byte) []byte {
	return append(x.openChunk(dst), `{"index":0,"delta":{`...)
}

// openToolDelta begins a chunk, up to the members of the current call after its index.
func (x *Exchange) openToolDelta(dst []byte) []byte {
	return strconv.AppendInt(append(x.openDelta(dst), `"tool_calls":[{"index":`...), int64(x.tool), 10)
}

// closeDelta ends a chunk. A caller who will get the counts is told in each chunk that they are not there yet.
func (x *Exchange) closeDelta(dst []byte, finish string) []byte {
	dst = appendOrNull(append(dst, `},"logprobs":null,"finish_reason":`...), finish)
	dst = append(dst, "}]"...)
	if x.usage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

// AppendDone appends what ends a stream that went well.
func (x *Exchange) AppendDone(dst []byte) []byte { return append(dst, "data: [DONE]\n\n"...) }

// AppendPing appends a comment, which keeps a silent stream open.
func (x *Exchange) AppendPing(dst []byte) []byte { return append(dst, ": ping\n\n"...) }

// AppendStreamError appends the error as the stream's last event: clients look for the member "error", and [DONE] would
// tell them that all went well.
func (x *Exchange) AppendStreamError(dst []byte, failure *inference.Error, _ string) []byte {
	return append(appendError(append(dst, "data: "...), failure), "\n\n"...)
}
