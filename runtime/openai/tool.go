package openai

import (
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// readToolCalls reads the calls that the model made in an earlier turn.
func (p *parser) readToolCalls(m *message) error {
	if p.r.Null() {
		return nil
	}
	return p.r.Array(func(i int) error {
		if i == maxTools {
			return inference.Invalid("", "there may be at most %d tool calls in a message", maxTools)
		}
		if err := p.wantFunction(); err != nil {
			return err
		}
		use := &inference.ToolUse{}
		err := p.r.Object(func(key string) (err error) {
			switch key {
			case "type":
				err = p.r.Skip()
			case "id":
				use.ID, err = p.identifier()
			case "function":
				err = p.readCall(use)
			default:
				err = inference.Invalid("", "is not a member of a tool call")
			}
			return err
		})
		if err != nil {
			return err
		}
		switch {
		case use.ID == "":
			return inference.Invalid("id", "is required")
		case use.Name == "":
			return inference.Invalid("function", "is required")
		case slices.ContainsFunc(m.uses, func(b inference.Block) bool { return b.Use.ID == use.ID }):
			return inference.Invalid("id", "%s is there twice", jsonread.Quote(use.ID))
		}
		m.uses = append(m.uses, inference.Block{Use: use})
		return nil
	})
}

// readCall reads the function of a tool call.
func (p *parser) readCall(use *inference.ToolUse) error {
	err := p.r.Object(func(key string) (err error) {
		switch key {
		case "name":
			use.Name, err = p.identifier()
		case "arguments":
			use.Input, err = p.readArguments()
		default:
			err = inference.Invalid("", "is not a member of a tool call's function")
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case use.Name == "":
		return inference.Invalid("name", "is required")
	case use.Input == nil:
		return inference.Invalid("arguments", "is required")
	}
	return nil
}

// readArguments reads a string that holds a JSON object. Models write nothing at all for a function without parameters.
func (p *parser) readArguments() ([]byte, error) {
	text, err := p.r.String()
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return []byte("{}"), nil
	}
	inner := jsonread.New([]byte(text), jsonread.Limits{PlainText: true})
	if inner.Kind() != jsonread.Object {
		return nil, inference.Invalid("", "must hold a JSON object")
	}
	input, err := inner.Raw()
	if err == nil {
		err = inner.End()
	}
	if err != nil {
		return nil, inference.Invalid("", "must hold a JSON object: %s", inference.AsError(err).Message)
	}
	return input, nil
}

// wantFunction checks the type of a tool, a call or a choice.
func (p *parser) wantFunction() error {
	kind, err := p.r.Peek("type")
	if err != nil {
		return err
	}
	if kind != "function" {
		return inference.Invalid("type", "must be function, got %s; other types are not supported", jsonread.Quote(kind))
	}
	return nil
}

// identifier reads a name or an id in the one form that Converse takes.
func (p *parser) identifier() (string, error) {
	text, err := p.r.String()
	if err != nil {
		return "", err
	}
	bad := strings.ContainsFunc(text, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	if bad || text == "" || len(text) > 64 {
		return "", inference.Invalid("", "must be 1 to 64 letters, digits, underscores and hyphens, got %s", jsonread.Quote(text))
	}
	return text, nil
}

// readTools reads the functions that the model may ask for.
func (p *parser) readTools() error {
	if p.r.Null() {
		return nil
	}
	return p.r.Array(func(i int) error {
		if i == maxTools {
			return inference.Invalid("", "there may be at most %d tools", maxTools)
		}
		if err := p.wantFunction(); err != nil {
			return err
		}
		var tool inference.Tool
		err := p.r.Object(func(key string) error {
			switch key {
			case "type":
				return p.r.Skip()
			case "function":
				return p.readFunction(&tool)
			default:
				return inference.Invalid("", "is not a member of a tool")
			}
		})
		if err != nil {
			return err
		}
		if tool.Name == "" {
			return inference.Invalid("function", "is required")
		}
		if p.declares(tool.Name) {
			return inference.Invalid("function.name", "%s is there twice", jsonread.Quote(tool.Name))
		}
		p.request.Tools = append(p.request.Tools, tool)
		return nil
	})
}

// readFunction reads the description of a function.
func (p *parser) readFunction(tool *inference.Tool) error {
	tool.Schema = []byte(`{"type":"object","properties":{}}`)
	err := p.r.Object(func(key string) (err error) {
		switch {
		case key == "name":
			tool.Name, err = p.identifier()
		case key == "strict":
			err = p.only("false")
		case key != "description" && key != "parameters":
			err = inference.Invalid("", "is not a member of a function")
		case p.r.Null():
		case key == "description":
			tool.Description, err = p.r.String()
		case p.r.Kind() != jsonread.Object:
			err = inference.Invalid("", "expected an object, got %s", p.r.Kind())
		default:
			tool.Schema, err = p.r.Raw()
		}
		return err
	})
	if err == nil && tool.Name == "" {
		err = inference.Invalid("name", "is required")
	}
	return err
}

// declares tells whether a tool of that name was read.
func (p *parser) declares(name string) bool {
	return slices.ContainsFunc(p.request.Tools, func(tool inference.Tool) bool { return tool.Name == name })
}

// readToolChoice reads how free the model is to use tools.
func (p *parser) readToolChoice() error {
	choice := &p.request.ToolChoice
	if p.r.Kind() == jsonread.Object {
		choice.Mode = inference.ToolNamed
		return p.readNamedTool()
	}
	if p.r.Null() {
		return nil
	}
	mode, err := p.r.String()
	if err != nil {
		return err
	}
	switch mode {
	case "auto":
		choice.Mode = inference.ToolAuto
	case "none":
		choice.Mode = inference.ToolNone
	case "required":
		choice.Mode = inference.ToolRequired
	default:
		return inference.Invalid("", "must be none, auto, required or a function, got %s", jsonread.Quote(mode))
	}
	return nil
}

// readNamedTool reads the choice of one function.
func (p *parser) readNamedTool() error {
	if err := p.wantFunction(); err != nil {
		return err
	}
	err := p.r.Object(func(key string) error {
		switch key {
		case "type":
			return p.r.Skip()
		case "function":
			return p.r.Object(func(key string) (err error) {
				if key != "name" {
					return inference.Invalid("", "is not a member of a chosen function")
				}
				p.request.ToolChoice.Name, err = p.identifier()
				return err
			})
		default:
			return inference.Invalid("", "is not a member of a tool choice")
		}
	})
	if err == nil && p.request.ToolChoice.Name == "" {
		err = inference.Invalid("function.name", "is required")
	}
	return err
}

// checkTools checks that messages, choice and tools fit together.
func (p *parser) checkTools() error {
	choice := p.request.ToolChoice
	switch {
	case choice.Mode == inference.ToolNamed && !p.declares(choice.Name):
		return inference.Invalid("tool_choice.function.name", "%s is not among the tools", jsonread.Quote(choice.Name))
	case choice.Mode == inference.ToolRequired && len(p.request.Tools) == 0:
		return inference.Invalid("tool_choice", "requires a tool, but there are no tools")
	case p.messages.calls && len(p.request.Tools) == 0:
		return inference.Invalid("tools", "is required, for messages contain tool calls")
	}
	return nil
}
