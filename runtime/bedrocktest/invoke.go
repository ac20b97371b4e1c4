package bedrocktest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// anthropicVersion is the only one Bedrock takes.
const anthropicVersion = "bedrock-2023-05-31"

// invokeKeys are the members of a body that Bedrock takes. It refuses all others, "model" and "stream" among them: the
// URL says those.
var invokeKeys = []string{
	"anthropic_beta", "anthropic_version", "context_management", "max_tokens", "messages", "metadata", "output_config",
	"stop_sequences", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
}

type invokeBody struct {
	Version   *string `json:"anthropic_version"`
	MaxTokens *int    `json:"max_tokens"`
	Messages  []struct {
		Role    string       `json:"role"`
		Content invokeBlocks `json:"content"`
	} `json:"messages"`
	System      invokeBlocks `json:"system"`
	Temperature *float64     `json:"temperature"`
	TopP        *float64     `json:"top_p"`
	Stops       []string     `json:"stop_sequences"`
	Tools       []struct {
		Name         string          `json:"name"`
		Description  string          `json:"description"`
		InputSchema  json.RawMessage `json:"input_schema"`
		CacheControl *struct{}       `json:"cache_control"`
	} `json:"tools"`
	ToolChoice struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tool_choice"`
}

type invokeBlock struct {
	Type         string          `json:"type"`
	Text         string          `json:"text"`
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Input        json.RawMessage `json:"input"`
	ToolUseID    string          `json:"tool_use_id"`
	Content      json.RawMessage `json:"content"`
	CacheControl *struct{}       `json:"cache_control"`
	Source       struct {
		Type      string `json:"type"`
		MediaType string `json:"media_type"`
		Data      []byte `json:"data"`
	} `json:"source"`
	raw json.RawMessage
}

// invokeBlocks is content in either form: a string, or blocks.
type invokeBlocks []invokeBlock

// UnmarshalJSON makes a string one text block, and null none.
func (b *invokeBlocks) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		*b = invokeBlocks{{Type: "text", Text: text}}
		return nil
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(data, &raws); err != nil {
		return err
	}
	*b = make(invokeBlocks, len(raws))
	for i, raw := range raws {
		if err := decodeInvokeBlock(raw, &(*b)[i]); err != nil {
			return err
		}
	}
	return nil
}

// decodeInvokeBlock reads what it must of a block. Members that only the kinds not looked into have may be of any type.
func decodeInvokeBlock(raw json.RawMessage, b *invokeBlock) error {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	b.Type, b.raw = kind.Type, raw
	if !slices.Contains([]string{"text", "image", "tool_use", "tool_result"}, kind.Type) {
		return nil
	}
	return json.Unmarshal(raw, b)
}

// parseInvoke reads an Anthropic Messages body.
func parseInvoke(data []byte, call call) (*ask, *failure) {
	if call.Model.Provider != "anthropic" {
		return nil, refuse("Malformed input request: the embedded Bedrock speaks only Anthropic's body here, and %s is not Anthropic's", call.Model.ID)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, refuse("Malformed input request: %v, please reformat your input and try again.", err)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(invokeKeys, key) {
			return nil, refuse("%s: Extra inputs are not permitted", key)
		}
	}
	var body invokeBody
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, refuse("Malformed input request: %v, please reformat your input and try again.", err)
	}
	a := &ask{call: call, stops: body.Stops}
	for _, step := range []func(*ask) *failure{body.inference, body.tools, body.turns} {
		if refused := step(a); refused != nil {
			return nil, refused
		}
	}
	return a, a.checkInvoke()
}

func (body *invokeBody) inference(a *ask) *failure {
	model := a.call.Model
	switch {
	case body.Version == nil:
		return refuse("anthropic_version: Field required")
	case *body.Version != anthropicVersion:
		return refuse("anthropic_version: Input should be '%s'", anthropicVersion)
	case body.MaxTokens == nil:
		return refuse("max_tokens: Field required")
	case *body.MaxTokens < 1:
		return refuse("max_tokens: must be greater than or equal to 1")
	case model.MaxOutputTokens > 0 && *body.MaxTokens > model.MaxOutputTokens:
		return refuse("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s", *body.MaxTokens, model.MaxOutputTokens, model.ID)
	case body.Temperature != nil && (*body.Temperature < 0 || *body.Temperature > 1):
		return refuse("temperature: range: 0..1")
	case body.TopP != nil && (*body.TopP < 0 || *body.TopP > 1):
		return refuse("top_p: range: 0..1")
	}
	a.maxTokens = *body.MaxTokens
	return refuseSampling(model.RejectsSampling, body.Temperature != nil, body.TopP != nil, "")
}

func (body *invokeBody) tools(a *ask) *failure {
	for i, t := range body.Tools {
		if t.Name == "" {
			return refuse("tools.%d.name: Field required", i)
		}
		a.tools = append(a.tools, tool{t.Name, t.Description, t.InputSchema, t.CacheControl != nil})
	}
	switch body.ToolChoice.Type {
	case "", "auto", "any":
	case "none":
		a.choice.none = true
	case "tool":
		a.choice.named = body.ToolChoice.Name
		if !slices.ContainsFunc(a.tools, func(t tool) bool { return t.name == a.choice.named }) {
			return refuse("Tool '%s' not found in provided tools", a.choice.named)
		}
	default:
		return refuse("tool_choice: Input tag '%s' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'", body.ToolChoice.Type)
	}
	return nil
}

func (body *invokeBody) turns(a *ask) *failure {
	for i, b := range body.System {
		parsed, refused := b.block(path("system", i))
		if refused != nil {
			return refused
		}
		a.system = append(a.system, parsed)
	}
	for i, m := range body.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return refuse("messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		if len(m.Content) == 0 {
			return refuse("messages.%d: all messages must have non-empty content except for the optional final assistant message", i)
		}
		t := turn{role: m.Role}
		for j, b := range m.Content {
			parsed, refused := b.block(path("messages", i, "content", j))
			if refused != nil {
				return refused
			}
			t.blocks = append(t.blocks, parsed)
		}
		a.turns = append(a.turns, t)
	}
	return nil
}

func (b invokeBlock) block(where string) (block, *failure) {
	out := block{cachePoint: b.CacheControl != nil}
	switch b.Type {
	case "text":
		out.kind, out.text = textBlock, b.Text
		if strings.TrimSpace(b.Text) == "" {
			return out, refuse("%s: text content blocks must contain non-whitespace text", where)
		}
	case "image":
		format, ok := strings.CutPrefix(b.Source.MediaType, "image/")
		if b.Source.Type != "base64" {
			return out, refuse("%s.image.source.type: Input should be 'base64'", where)
		}
		if !ok || !slices.Contains([]string{"jpeg", "png", "gif", "webp"}, format) {
			return out, refuse("%s.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'", where)
		}
		if len(b.Source.Data) == 0 {
			return out, refuse("%s.image.source.base64: image cannot be empty", where)
		}
		out.kind, out.format, out.data = imageBlock, format, b.Source.Data
	case "tool_use":
		out.kind, out.id, out.name, out.text = useBlock, b.ID, b.Name, string(b.Input)
	case "tool_result":
		out.kind, out.id, out.text = resultBlock, b.ToolUseID, resultText(b.Content)
	case "":
		return out, refuse("%s.type: Field required", where)
	default:
		out.kind, out.text = otherBlock, string(b.raw)
	}
	return out, nil
}

// resultText is the text of a tool result, which is a string or blocks or nothing.
func resultText(raw json.RawMessage) string {
	var blocks invokeBlocks
	if len(raw) == 0 || blocks.UnmarshalJSON(raw) != nil {
		return ""
	}
	var texts []string
	for _, b := range blocks {
		if b.Type == "text" {
			texts = append(texts, b.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// checkInvoke holds the rules of a conversation. Turns of one role may follow each other.
func (a *ask) checkInvoke() *failure {
	if len(a.turns) == 0 {
		return refuse("messages: at least one message is required")
	}
	if a.turns[0].role != "user" {
		return refuse("messages: first message must use the \"user\" role")
	}
	if a.usesTools() && len(a.tools) == 0 {
		return refuse("Requests which include `tool_use` or `tool_result` blocks must define tools")
	}
	at, id, kind, found := a.unpaired()
	switch {
	case found && kind == useBlock:
		return refuse("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", at-1, id)
	case found:
		return refuse("messages.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", at, id)
	}
	return nil
}
