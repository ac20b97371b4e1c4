package anthropic

import (
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// version is what Bedrock wants in place of the header anthropic-version.
const version = "bedrock-2023-05-31"

// Open reads and checks a request body. Its error is an *inference.Error that names the field at fault.
// The exchange does not refer to the body's memory.
func (Surface) Open(body []byte, _ string, router inference.Router) (*Exchange, error) {
	p := parser{r: jsonread.New(body, jsonread.Limits{PlainText: true})}
	p.out = make([]byte, 0, len(body)+128) // room for what is added
	p.out = append(p.out, `{"anthropic_version":"`+version+`"`...)
	if err := p.r.Object(p.member); err != nil {
		return nil, err
	}
	if err := p.r.End(); err != nil {
		return nil, err
	}
	if p.model == "" {
		return nil, inference.Invalid("model", "is required")
	}
	if !p.messages {
		return nil, inference.Invalid("messages", "is required")
	}
	route, err := router.Route(p.model)
	if err != nil {
		return nil, aboutModel(err)
	}
	if err := p.limit(route); err != nil {
		return nil, err
	}
	p.out = strconv.AppendInt(append(p.out, `,"max_tokens":`...), int64(p.maxTokens), 10)
	return &Exchange{
		request: inference.Request{Route: route, Stream: p.stream, MaxTokens: p.maxTokens, Body: append(p.out, '}')},
		beta:    p.beta,
	}, nil
}

// aboutModel makes a router's error name the field it is about.
func aboutModel(err error) error {
	failure := *inference.AsError(err)
	if failure.Field == "" {
		failure.Field = "model"
	}
	return &failure
}

// parser collects a request while its body is read.
type parser struct {
	r         *jsonread.Reader
	out       []byte // the body for Bedrock so far
	model     string
	maxTokens int // 0 when unset
	stream    bool
	messages  bool // there are some
	beta      bool
}

// limit checks what the route decides.
func (p *parser) limit(route inference.Route) error {
	if !route.Messages {
		return inference.Invalid("model", "%s is served on /v1/chat/completions, not on /v1/messages", jsonread.Quote(p.model))
	}
	if p.maxTokens > route.MaxTokens {
		return inference.Invalid("max_tokens", "must be at most %d for this model, got %d", route.MaxTokens, p.maxTokens)
	}
	if p.maxTokens == 0 {
		p.maxTokens = route.DefaultMaxTokens
	}
	return nil
}

// member reads one member of the body. Those that Bedrock takes otherwise are kept aside, the others are copied.
func (p *parser) member(key string) (err error) {
	switch key {
	case "model":
		p.model, err = p.r.String()
		p.model = strings.Clone(p.model) // it outlives the body in logs and metrics
		return err
	case "stream":
		p.stream, err = p.r.Bool()
		return err
	case "max_tokens":
		p.maxTokens, err = p.r.Int()
		if err == nil && p.maxTokens < 1 {
			err = inference.Invalid("", "must be at least 1, got %d", p.maxTokens)
		}
		return err
	case "anthropic_version":
		return p.readVersion()
	}
	span, err := p.r.Span(func() error { return p.copied(key) })
	if err != nil {
		return err
	}
	p.out = append(append(append(p.out, ',', '"'), key...), '"', ':')
	p.out = append(p.out, span...)
	return nil
}

// copied reads a member whose bytes go to Bedrock as they are.
func (p *parser) copied(key string) error {
	switch key {
	case "messages":
		p.messages = true
		return p.readMessages()
	case "system":
		return p.readSystem()
	case "stop_sequences":
		return p.readStrings()
	case "anthropic_beta":
		p.beta = true
		return p.readStrings()
	case "temperature", "top_p":
		return p.readFraction()
	case "top_k":
		return p.readTopK()
	case "tools":
		return p.r.Array(func(int) error { return p.readTool() })
	case "tool_choice":
		return p.readToolChoice()
	case "cache_control", "compaction", "context_management", "metadata", "output_config", "output_format", "thinking":
		if p.r.Null() {
			return nil
		}
		return p.readObject()
	case "container", "diagnostics", "fallback_credit_token", "fallbacks", "inference_geo", "mcp_servers", "service_tier",
		"speed", "user_profile_id":
		return inference.Invalid("", "is not supported on Bedrock; leave it out")
	default:
		return inference.Invalid("", "is not a parameter of Messages")
	}
}

// readVersion accepts the version that is sent anyway.
func (p *parser) readVersion() error {
	got, err := p.r.String()
	if err == nil && got != version {
		err = inference.Invalid("", "must be %s or left out, got %s", version, jsonread.Quote(got))
	}
	return err
}

// readFraction reads a number from 0 to 1.
func (p *parser) readFraction() error {
	f, err := p.r.Float()
	if err == nil && (f < 0 || f > 1) {
		err = inference.Invalid("", "must be from 0 to 1, got %g", f)
	}
	return err
}

// readTopK reads an integer that is not negative.
func (p *parser) readTopK() error {
	n, err := p.r.Int()
	if err == nil && n < 0 {
		err = inference.Invalid("", "must not be negative, got %d", n)
	}
	return err
}

// readObject reads an object whose members are the model's to judge.
func (p *parser) readObject() error {
	return p.r.Object(func(string) error { return p.r.Skip() })
}

// readString reads a string that must not be empty.
func (p *parser) readString() error {
	text, err := p.r.String()
	if err == nil && text == "" {
		err = inference.Invalid("", "must not be empty")
	}
	return err
}

// readStrings reads a list of strings that must not be empty.
func (p *parser) readStrings() error {
	return p.r.Array(func(int) error { return p.readString() })
}

// readTool reads one tool. Those that are not the caller's own are known to the model by their type.
func (p *parser) readTool() error {
	own, named, schema := true, false, false
	err := p.r.Object(func(key string) error {
		switch key {
		case "type":
			if p.r.Null() {
				return nil
			}
			kind, err := p.r.String()
			own = kind == "custom"
			return err
		case "name":
			named = true
			return p.readString()
		case "input_schema":
			schema = true
			return p.readObject()
		default:
			return p.r.Skip()
		}
	})
	switch {
	case err != nil || !own:
		return err
	case !named:
		return inference.Invalid("name", "is required")
	case !schema:
		return inference.Invalid("input_schema", "is required")
	}
	return nil
}

// readToolChoice reads how free the model is to use tools.
func (p *parser) readToolChoice() error {
	mode, err := p.r.Peek("type")
	if err != nil {
		return err
	}
	switch mode {
	case "tool":
		if _, err := p.r.Peek("name"); err != nil {
			return err
		}
	case "auto", "any", "none":
	default:
		return inference.Invalid("type", "must be auto, any, tool or none, got %s", jsonread.Quote(mode))
	}
	return p.readObject()
}
