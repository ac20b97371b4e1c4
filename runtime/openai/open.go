package openai

import (
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// Open reads and checks a request body. Its error is an *inference.Error that names the field at fault.
// The exchange refers to the body's memory.
func (Surface) Open(body []byte, id string, router inference.Router) (*Exchange, error) {
	p := parser{r: jsonread.New(body, jsonread.Limits{PlainText: true})}
	if err := p.r.Object(p.parameter); err != nil {
		return nil, err
	}
	if err := p.r.End(); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	route, err := router.Route(p.model)
	if err != nil {
		return nil, aboutModel(err)
	}
	if err := p.limit(route); err != nil {
		return nil, err
	}
	return newExchange(&p, id, time.Now()), nil
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
	r        *jsonread.Reader
	model    string
	request  inference.Request
	messages conversation

	maxTokens, maxCompletionTokens int // 0 when unset
	usage, streamOptions           bool
}

// parameter reads one member of the body.
func (p *parser) parameter(key string) (err error) {
	switch key {
	case "model":
		p.model, err = p.r.String()
		p.model = strings.Clone(p.model) // it outlives the body in logs and metrics
	case "messages":
		err = p.readMessages()
	case "tools":
		err = p.readTools()
	case "tool_choice":
		err = p.readToolChoice()
	case "stop":
		err = p.readStop()
	case "max_tokens":
		p.maxTokens, err = p.positive()
	case "max_completion_tokens":
		p.maxCompletionTokens, err = p.positive()
	case "temperature":
		p.request.Temperature, err = p.fraction("; Bedrock's range ends at 1, not at 2")
	case "top_p":
		p.request.TopP, err = p.fraction("")
	case "stream":
		p.request.Stream, err = p.flag()
	case "stream_options":
		err = p.readStreamOptions()
	default:
		err = p.unused(key)
	}
	return err
}

// unused reads a parameter that has no counterpart in Converse: it must not ask for anything.
func (p *parser) unused(key string) error {
	switch key {
	case "user", "safety_identifier", "prompt_cache_key", "metadata":
		return p.r.Skip()
	case "frequency_penalty", "presence_penalty", "top_logprobs":
		return p.only("0", "0.0")
	case "n":
		return p.only("1")
	case "logprobs", "store":
		return p.only("false")
	case "parallel_tool_calls":
		return p.only("true")
	case "service_tier":
		return p.only(`"auto"`, `"default"`)
	case "verbosity":
		return p.only(`"medium"`)
	case "prompt_cache_retention":
		return p.only(`"in_memory"`)
	case "response_format":
		return p.onlyTextFormat()
	case "modalities":
		return p.onlyTextModality()
	case "logit_bias":
		return p.onlyEmptyObject()
	case "audio", "function_call", "functions", "moderation", "prediction", "prompt_cache_options", "reasoning_effort",
		"seed", "web_search_options":
		return p.only()
	default:
		return inference.Invalid("", "is not a parameter of Chat Completions")
	}
}

// unsupported is the error for what the API has and this gateway cannot do.
func unsupported(instead string) error {
	return inference.Invalid("", "is not supported with Bedrock's Converse; leave it out%s", instead)
}

// only accepts null and the given literals.
func (p *parser) only(literals ...string) error {
	raw, err := p.r.Raw()
	if err != nil || string(raw) == "null" || slices.Contains(literals, string(raw)) {
		return err
	}
	if len(literals) == 0 {
		return unsupported("")
	}
	return unsupported(" or send " + literals[0])
}

// onlyTextFormat accepts a response_format that asks for plain text.
func (p *parser) onlyTextFormat() error {
	if p.r.Null() {
		return nil
	}
	format, err := p.r.Peek("type")
	if err != nil {
		return err
	}
	if format != "text" {
		return unsupported(` or send {"type":"text"}`)
	}
	return p.r.Skip()
}

// onlyTextModality accepts modalities that ask for text alone.
func (p *parser) onlyTextModality() error {
	if p.r.Null() {
		return nil
	}
	return p.r.Array(func(int) error { return p.only(`"text"`) })
}

// onlyEmptyObject accepts an object without members.
func (p *parser) onlyEmptyObject() error {
	if p.r.Null() {
		return nil
	}
	return p.r.Object(func(string) error { return unsupported("") })
}

// positive reads an optional integer above 0; 0 means unset.
func (p *parser) positive() (int, error) {
	if p.r.Null() {
		return 0, nil
	}
	n, err := p.r.Int()
	if err == nil && n < 1 {
		err = inference.Invalid("", "must be at least 1, got %d", n)
	}
	return n, err
}

// fraction reads an optional number from 0 to 1.
func (p *parser) fraction(why string) (*float64, error) {
	if p.r.Null() {
		return nil, nil
	}
	f, err := p.r.Float()
	if err == nil && (f < 0 || f > 1) {
		err = inference.Invalid("", "must be from 0 to 1, got %g%s", f, why)
	}
	return &f, err
}

// flag reads an optional boolean.
func (p *parser) flag() (bool, error) {
	if p.r.Null() {
		return false, nil
	}
	return p.r.Bool()
}

// readStop reads a stop sequence or a list of them.
func (p *parser) readStop() error {
	const most = 4
	one := func(int) error {
		text, err := p.r.String()
		if err != nil {
			return err
		}
		if text == "" {
			return inference.Invalid("", "must not be empty")
		}
		if len(p.request.Stop) == most {
			return inference.Invalid("", "there may be at most %d stop sequences", most)
		}
		p.request.Stop = append(p.request.Stop, text)
		return nil
	}
	switch p.r.Kind() {
	case jsonread.Array:
		return p.r.Array(one)
	case jsonread.String:
		return one(0)
	default:
		return p.only()
	}
}

// readStreamOptions reads what a streaming caller may choose.
func (p *parser) readStreamOptions() error {
	if p.r.Null() {
		return nil
	}
	p.streamOptions = true
	return p.r.Object(func(key string) (err error) {
		switch key {
		case "include_usage":
			p.usage, err = p.flag()
		case "include_obfuscation":
			err = p.only("false")
		default:
			err = inference.Invalid("", "is not a stream option")
		}
		return err
	})
}

// check looks at what only the whole body can show.
func (p *parser) check() error {
	switch {
	case p.model == "":
		return inference.Invalid("model", "is required")
	case p.streamOptions && !p.request.Stream:
		return inference.Invalid("stream_options", "is only for requests with stream set to true")
	case p.maxTokens != 0 && p.maxCompletionTokens != 0 && p.maxTokens != p.maxCompletionTokens:
		return inference.Invalid("max_tokens", "is %d, but max_completion_tokens is %d; send one of them",
			p.maxTokens, p.maxCompletionTokens)
	}
	if err := p.messages.end(); err != nil {
		return err
	}
	return p.checkTools()
}

// limit completes the request with the route and what follows from it.
func (p *parser) limit(route inference.Route) error {
	field, tokens := "max_tokens", p.maxTokens
	if p.maxCompletionTokens != 0 {
		field, tokens = "max_completion_tokens", p.maxCompletionTokens
	}
	if tokens > route.MaxTokens {
		return inference.Invalid(field, "must be at most %d for this model, got %d", route.MaxTokens, tokens)
	}
	if tokens == 0 {
		tokens = route.DefaultMaxTokens
	}
	p.request.Route = route
	p.request.MaxTokens = tokens
	p.request.System = p.messages.system
	p.request.Turns = p.messages.turns
	return nil
}
