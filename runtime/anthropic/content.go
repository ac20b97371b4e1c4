package anthropic

import (
	"slices"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// readMessages reads the conversation. Turns need not alternate here: the model merges what does not.
func (p *parser) readMessages() error {
	count := 0
	err := p.r.Array(func(i int) error {
		count++
		role, err := p.r.Peek("role")
		switch {
		case err != nil:
			return err
		case role != "user" && role != "assistant":
			return inference.Invalid("role", "must be user or assistant, got %s", jsonread.Quote(role))
		case role != "user" && i == 0:
			return inference.Invalid("role", "the first message must be the user's")
		}
		found := false
		err = p.r.Object(func(key string) error {
			if key != "content" {
				return p.r.Skip()
			}
			found = true
			return p.readContent(false)
		})
		if err == nil && !found {
			err = inference.Invalid("content", "is required")
		}
		return err
	})
	if err == nil && count == 0 {
		err = inference.Invalid("", "must not be empty")
	}
	return err
}

// readContent reads a text or a list of blocks. inner is set inside of a block.
func (p *parser) readContent(inner bool) error {
	if p.r.Kind() != jsonread.Array {
		if inner {
			_, err := p.r.String() // a tool may well print nothing
			return err
		}
		return p.readString()
	}
	count := 0
	err := p.r.Array(func(int) error {
		count++
		return p.readBlock(inner)
	})
	if err == nil && count == 0 && !inner {
		err = inference.Invalid("", "must not be empty")
	}
	return err
}

// readSystem reads a text or a list of text blocks.
func (p *parser) readSystem() error {
	if p.r.Kind() != jsonread.Array {
		_, err := p.r.String()
		return err
	}
	return p.r.Array(func(int) error {
		kind, err := p.r.Peek("type")
		if err != nil {
			return err
		}
		if kind != "text" {
			return inference.Invalid("type", "must be text, got %s", jsonread.Quote(kind))
		}
		return p.readBlock(true)
	})
}

// knownBlock tells whether the API has blocks of that type, and there.
func knownBlock(kind string, inner bool) bool {
	switch kind {
	case "text", "image", "document", "search_result":
		return true
	case "tool_reference":
		return inner
	case "tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result",
		"web_fetch_tool_result", "advisor_tool_result", "code_execution_tool_result", "bash_code_execution_tool_result",
		"text_editor_code_execution_tool_result", "tool_search_tool_result", "container_upload", "compaction",
		"tool_addition", "tool_removal", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "fallback":
		return !inner
	default:
		return false
	}
}

// readBlock reads one block: closely when it is of a common type.
func (p *parser) readBlock(inner bool) error {
	kind, err := p.r.Peek("type")
	if err != nil {
		return err
	}
	if !knownBlock(kind, inner) {
		return inference.Invalid("type", "there are no %s blocks here", jsonread.Quote(kind))
	}
	required := requiredMembers(kind)
	found := 0
	var seen [3]bool
	err = p.r.Object(func(key string) error {
		if i := slices.Index(required, key); i >= 0 {
			seen[i] = true
			found++
		}
		return p.readBlockMember(kind, key)
	})
	if err == nil && found < len(required) {
		err = inference.Invalid(required[slices.Index(seen[:], false)], "is required")
	}
	return err
}

// requiredMembers returns what a block of that type cannot do without, at most three.
func requiredMembers(kind string) []string {
	switch kind {
	case "text":
		return []string{"text"}
	case "image", "document":
		return []string{"source"}
	case "tool_use":
		return []string{"id", "name", "input"}
	case "tool_result":
		return []string{"tool_use_id"}
	default:
		return nil
	}
}

// readBlockMember reads one member of a block.
func (p *parser) readBlockMember(kind, key string) error {
	switch {
	case kind == "text" && key == "text":
		return p.readString()
	case (kind == "image" || kind == "document") && key == "source":
		return p.readSource(kind)
	case kind == "tool_use" && (key == "id" || key == "name"):
		return p.readString()
	case kind == "tool_use" && key == "input":
		return p.readObject()
	case kind == "tool_result" && key == "tool_use_id":
		return p.readString()
	case kind == "tool_result" && key == "content":
		return p.readContent(true)
	default:
		return p.r.Skip()
	}
}

// readSource reads where an image's or a document's bytes are.
func (p *parser) readSource(block string) error {
	kind, err := p.r.Peek("type")
	if err != nil {
		return err
	}
	switch {
	case kind == "base64", block == "document" && (kind == "text" || kind == "content"):
	case kind == "url" || kind == "file":
		return inference.Invalid("type", "%s sources are not supported on Bedrock; send base64", kind)
	default:
		return inference.Invalid("type", "must be base64, got %s", jsonread.Quote(kind))
	}
	var mediaType, data string
	err = p.r.Object(func(key string) (err error) {
		switch {
		case key == "media_type":
			mediaType, err = p.r.String()
		case key == "data":
			data, err = p.r.String()
		case key == "content" && kind == "content":
			err = p.readContent(true)
		default:
			err = p.r.Skip()
		}
		return err
	})
	if err != nil || block != "image" {
		return err
	}
	return checkImage(mediaType, data)
}

// checkImage checks that an image is what its type says.
func checkImage(mediaType, data string) error {
	format, err := jsonread.ImageFormat(mediaType)
	if err != nil {
		return jsonread.At("media_type", err)
	}
	if _, err := jsonread.DecodeImage(format, data); err != nil {
		return jsonread.At("data", err)
	}
	return nil
}
