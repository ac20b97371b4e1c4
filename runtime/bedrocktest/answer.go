package bedrocktest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The reasons to stop that the embedded model has; both body formats call them so.
const (
	stopEndTurn   = "end_turn"
	stopMaxTokens = "max_tokens"
	stopSequence  = "stop_sequence"
	stopToolUse   = "tool_use"
)

// How much of the question a default answer quotes, in bytes.
const quoteBytes = 400

// usage counts tokens; the three input counters are disjoint.
type usage struct{ input, cacheRead, cacheWrite, output int }

// tokens is the one rule: four bytes are a token.
func tokens(bytes int) int { return (bytes + 3) / 4 }

// answer is what the embedded model says: text or a tool call, or nothing when the first token is cut off.
type answer struct {
	id       string // the same for the same request
	model    string // without its provider
	text     string
	use      *toolUse
	stop     string
	stopText string // the stop sequence that was met
	usage    usage
}

type toolUse struct {
	name  string
	input []byte
}

// answer makes the one answer there is to a request.
func (x *exchange) answer(a *ask) answer {
	p := a.prompt()
	model := strings.TrimPrefix(a.call.Model.ID, a.call.Model.Provider+".")
	out := answer{id: p.sum()[:24], model: model, usage: x.cache.input(p)}
	text, images, result, hasResult := a.question()
	if use := a.toolCall(hasResult); use != nil {
		// A call that does not fit would be cut into broken JSON, so then the model talks.
		if count := tokens(len(use.name) + len(use.input)); count <= a.maxTokens {
			out.use, out.stop, out.usage.output = use, stopToolUse, count
			return out
		}
	}
	if hasResult {
		text = result
	}
	switch {
	case x.options.Reply != nil:
		out.text = x.options.Reply(text)
	case hasResult:
		out.text = fmt.Sprintf("Embedded Bedrock, no real model: %s got the tool result: %s", model, quote(text))
	default:
		out.text = fmt.Sprintf("Embedded Bedrock, no real model: %s was asked: %s", model, quote(text))
	}
	for _, image := range images {
		out.text += fmt.Sprintf(" [image: %s, %d bytes]", image.format, len(image.data))
	}
	out.cut(a)
	return out
}

// toolCall is the call of the named tool, else of the first. A tool result is answered in words.
func (a *ask) toolCall(hasResult bool) *toolUse {
	if len(a.tools) == 0 || a.choice.none || hasResult {
		return nil
	}
	chosen := a.tools[0]
	if i := slices.IndexFunc(a.tools, func(t tool) bool { return t.name == a.choice.named }); i >= 0 {
		chosen = a.tools[i]
	}
	return &toolUse{name: chosen.name, input: sample(chosen.schema)}
}

// cut ends the text at the first stop sequence or at the last token allowed, whichever comes first.
func (out *answer) cut(a *ask) {
	out.stop = stopEndTurn
	at := len(out.text)
	for _, s := range a.stops {
		if i := strings.Index(out.text, s); s != "" && i >= 0 && i < at {
			at, out.stop, out.stopText = i, stopSequence, s
		}
	}
	if limit := a.maxTokens; tokens(at) > limit {
		at, out.stop, out.stopText = 4*limit, stopMaxTokens, ""
	}
	out.text = prefix(out.text, at)
	out.usage.output = tokens(len(out.text))
}

// prefix is the first bytes of a text, less than so many where the last character does not fit.
func prefix(text string, bytes int) string {
	if bytes >= len(text) {
		return text
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes]
}

func quote(text string) string {
	if short := prefix(text, quoteBytes); short != text {
		return short + "…"
	}
	return text
}
