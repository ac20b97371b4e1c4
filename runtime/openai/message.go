package openai

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// The roles of messages.
const (
	roleSystem    = "system"
	roleDeveloper = "developer"
	roleUser      = "user"
	roleAssistant = "assistant"
	roleTool      = "tool"
)

// Limits of one request.
const (
	maxImages     = 20      // Converse's
	maxImageBytes = 3932160 // Converse's 3.75 MB
	maxTools      = 128     // OpenAI's, for tools as for the calls in one message
)

// message is one message of the body.
type message struct {
	role    string
	text    string            // of a tool message
	blocks  []inference.Block // of the others
	uses    []inference.Block // tool_calls
	refusal string
	callID  string
	content bool // there was some
}

// readMessages reads the conversation.
func (p *parser) readMessages() error {
	return p.r.Array(func(i int) error {
		role, err := p.r.Peek("role")
		if err != nil {
			return err
		}
		m := message{role: role}
		if err := p.r.Object(func(key string) error { return p.member(&m, key) }); err != nil {
			return err
		}
		p.messages.last = i
		return p.messages.add(&m)
	})
}

// member reads one member of a message. Which there are depends on the role.
func (p *parser) member(m *message, key string) (err error) {
	assistant := m.role == roleAssistant
	switch {
	case key == "role":
		return p.readRole(m.role)
	case key == "content":
		return p.readContent(m)
	case key == "name" && m.role != roleTool: // on a tool message it only repeats the call's
		return p.only()
	case key == "name":
		return p.r.Skip()
	case key == "tool_call_id" && m.role == roleTool:
		m.callID, err = p.r.String()
		return err
	case key == "tool_calls" && assistant:
		return p.readToolCalls(m)
	case key == "refusal" && assistant:
		if !p.r.Null() {
			m.refusal, err = p.r.String()
		}
		return err
	case key == "annotations" && assistant:
		return p.only("[]")
	case (key == "audio" || key == "function_call") && assistant:
		return p.only()
	default:
		return inference.Invalid("", "is not a member of a message with role %s", jsonread.Quote(m.role))
	}
}

// readRole checks the role, which Peek has read.
func (p *parser) readRole(role string) error {
	switch role {
	case roleSystem, roleDeveloper, roleUser, roleAssistant, roleTool:
		return p.r.Skip()
	case "function":
		return inference.Invalid("", "is not supported: use tools and the role tool")
	default:
		return inference.Invalid("", "must be system, developer, user, assistant or tool, got %s", jsonread.Quote(role))
	}
}

// readContent reads a text or a list of parts.
func (p *parser) readContent(m *message) error {
	switch p.r.Kind() {
	case jsonread.Array:
		if err := p.r.Array(func(int) error { return p.readPart(m) }); err != nil {
			return err
		}
	case jsonread.Null:
		if m.role == roleAssistant {
			return p.r.Skip()
		}
		return inference.Invalid("", "must not be null")
	default:
		text, err := p.r.String()
		if err != nil {
			return err
		}
		if err := m.addText(text); err != nil {
			return err
		}
	}
	if !m.content && m.role != roleAssistant {
		return inference.Invalid("", "must not be empty")
	}
	return nil
}

// addText adds a piece of text. Converse refuses blank ones, so they are refused here too, except where callers repeat
// what a model or a tool wrote.
func (m *message) addText(text string) error {
	blank := strings.TrimSpace(text) == ""
	switch {
	case m.role == roleTool:
		m.content = true
		m.text += text
	case !blank:
		m.content = true
		m.blocks = append(m.blocks, inference.Block{Text: text})
	case m.role != roleAssistant:
		return inference.Invalid("", "must not be blank")
	}
	return nil
}

// readPart reads one part of a content list.
func (p *parser) readPart(m *message) error {
	kind, err := p.r.Peek("type")
	if err != nil {
		return err
	}
	member := kind // the part's other member has the type's name
	switch {
	case kind == "text", kind == "refusal" && m.role == roleAssistant:
	case kind == "image_url" && m.role == roleUser:
	case kind == "image_url" || kind == "refusal" || kind == "input_audio" || kind == "file":
		return inference.Invalid("type", "%s is not supported in a message with role %s", kind, jsonread.Quote(m.role))
	default:
		return inference.Invalid("type", "must be text or image_url, got %s", jsonread.Quote(kind))
	}
	found := false
	err = p.r.Object(func(key string) error {
		switch key {
		case "type":
			return p.r.Skip()
		case member:
			found = true
			if kind == "image_url" {
				return p.readImage(m)
			}
			text, err := p.r.String()
			if err != nil {
				return err
			}
			return m.addText(text)
		default:
			return inference.Invalid("", "is not a member of a part of type %s", kind)
		}
	})
	if err == nil && !found {
		err = inference.Invalid(member, "is required")
	}
	return err
}

// readImage reads the object that holds an image's URL.
func (p *parser) readImage(m *message) error {
	found := false
	err := p.r.Object(func(key string) error {
		switch key {
		case "url":
			found = true
			url, err := p.r.String()
			if err != nil {
				return err
			}
			image, err := decodeDataURL(url)
			if err != nil {
				return err
			}
			if p.messages.images++; p.messages.images > maxImages {
				return inference.Invalid("", "is one image too many: Converse takes at most %d", maxImages)
			}
			m.content = true
			m.blocks = append(m.blocks, inference.Block{Image: image})
			return nil
		case "detail":
			return p.only(`"auto"`)
		default:
			return inference.Invalid("", "is not a member of an image_url")
		}
	})
	if err == nil && !found {
		err = inference.Invalid("url", "is required")
	}
	return err
}

// decodeDataURL returns the image that a URL such as "data:image/png;base64,..." carries.
func decodeDataURL(url string) (*inference.Image, error) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return nil, inference.Invalid("", "only data: URLs are supported, such as data:image/png;base64,...")
	}
	mediaType, data, ok := strings.Cut(rest, ";base64,")
	if !ok {
		return nil, inference.Invalid("", "must be a base64 data: URL, such as data:image/png;base64,...")
	}
	format, err := jsonread.ImageFormat(mediaType)
	if err != nil {
		return nil, err
	}
	if len(data) > base64.StdEncoding.EncodedLen(maxImageBytes) {
		return nil, inference.Invalid("", "is larger than 3.75 MB, the most Converse takes for an image")
	}
	image, err := jsonread.DecodeImage(format, data)
	if err != nil {
		return nil, err
	}
	return &inference.Image{Format: format, Data: image}, nil
}

// conversation turns messages into alternating turns.
type conversation struct {
	system  []string
	turns   []inference.Turn
	open    []string // ids of tool calls that are not answered yet
	images  int
	last    int  // index of the last message
	calls   bool // there was a tool call
	present bool // there was a message
}

// add appends a message.
func (c *conversation) add(m *message) error {
	c.present = true
	if len(c.open) > 0 && m.role != roleTool {
		return inference.Invalid("", "comes before tool call %s is answered by a tool message", jsonread.Quote(c.open[0]))
	}
	switch m.role {
	case roleSystem, roleDeveloper:
		return c.addSystem(m)
	case roleAssistant:
		return c.addAssistant(m)
	case roleTool:
		return c.addResult(m)
	default:
		if !m.content {
			return inference.Invalid("content", "is required")
		}
		c.extend(inference.User, m.blocks...)
		return nil
	}
}

func (c *conversation) addSystem(m *message) error {
	if len(c.turns) > 0 {
		return inference.Invalid("role", "a %s message must come before all others: Converse takes system text only there",
			m.role)
	}
	if !m.content {
		return inference.Invalid("content", "is required")
	}
	for _, block := range m.blocks {
		c.system = append(c.system, block.Text)
	}
	return nil
}

func (c *conversation) addAssistant(m *message) error {
	if len(c.turns) == 0 {
		return inference.Invalid("role", "the first message after the system's must be the user's")
	}
	blocks := m.blocks
	if strings.TrimSpace(m.refusal) != "" {
		blocks = append(blocks, inference.Block{Text: m.refusal})
	}
	blocks = append(blocks, m.uses...)
	if len(blocks) == 0 {
		return inference.Invalid("content", "must not be empty when there are no tool_calls")
	}
	for _, use := range m.uses {
		c.open = append(c.open, use.Use.ID)
		c.calls = true
	}
	c.extend(inference.Assistant, blocks...)
	return nil
}

func (c *conversation) addResult(m *message) error {
	if m.callID == "" {
		return inference.Invalid("tool_call_id", "is required")
	}
	if !m.content {
		return inference.Invalid("content", "is required")
	}
	i := slices.Index(c.open, m.callID)
	if i < 0 {
		return inference.Invalid("tool_call_id", "%s is no open call of the assistant message before", jsonread.Quote(m.callID))
	}
	c.open = slices.Delete(c.open, i, i+1)
	if strings.TrimSpace(m.text) == "" { // a tool may well print nothing, but Converse refuses blank text
		m.text = ""
	}
	c.extend(inference.User, inference.Block{Result: &inference.ToolResult{ID: m.callID, Text: m.text}})
	return nil
}

// extend adds blocks to the last turn if it is role's, or else to a new one.
func (c *conversation) extend(role inference.Role, blocks ...inference.Block) {
	if last := len(c.turns) - 1; last >= 0 && c.turns[last].Role == role {
		c.turns[last].Blocks = append(c.turns[last].Blocks, blocks...)
		return
	}
	c.turns = append(c.turns, inference.Turn{Role: role, Blocks: blocks})
}

// end checks that the conversation stops where a model can answer.
func (c *conversation) end() error {
	switch {
	case !c.present:
		return inference.Invalid("messages", "is required and must not be empty")
	case len(c.turns) == 0:
		return inference.Invalid("messages", "must contain a message of the user")
	case len(c.open) > 0:
		return inference.Invalid("messages", "must answer tool call %s with a tool message", jsonread.Quote(c.open[0]))
	case c.turns[len(c.turns)-1].Role != inference.User:
		return jsonread.At("messages", inference.Invalid("["+strconv.Itoa(c.last)+"].role",
			"the last message must be the user's or a tool's: models no longer continue a given answer"))
	}
	return nil
}
