package bedrocktest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The output limit of a model whose own is not in the catalog, where the caller names none.
const defaultMaxTokens = 4096

type converseBody struct {
	Messages []struct {
		Role    string          `json:"role"`
		Content []converseBlock `json:"content"`
	} `json:"messages"`
	System    []converseBlock `json:"system"`
	Inference struct {
		MaxTokens     *int     `json:"maxTokens"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
	ToolConfig *struct {
		Tools []struct {
			Spec *struct {
				Name        string `json:"name"`
				Description string `json:"description"`
				InputSchema struct {
					JSON json.RawMessage `json:"json"`
				} `json:"inputSchema"`
			} `json:"toolSpec"`
			CachePoint *struct{} `json:"cachePoint"`
		} `json:"tools"`
		ToolChoice struct {
			Tool *struct {
				Name string `json:"name"`
			} `json:"tool"`
		} `json:"toolChoice"`
	} `json:"toolConfig"`
}

// converseBlock is a union: one key names the kind.
type converseBlock map[string]json.RawMessage

type converseImage struct {
	Format string `json:"format"`
	Source struct {
		Bytes []byte           `json:"bytes"`
		S3    *json.RawMessage `json:"s3Location"`
	} `json:"source"`
}

// parseConverse reads the one schema of Converse. Unknown members are ignored, as Bedrock does.
func parseConverse(data []byte, call call) (*ask, *failure) {
	var body converseBody
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, &failure{http.StatusBadRequest, "SerializationException", "The body cannot be read: " + err.Error()}
	}
	a := &ask{call: call, stops: body.Inference.StopSequences}
	if refused := body.inference(a); refused != nil {
		return nil, refused
	}
	if refused := body.tools(a); refused != nil {
		return nil, refused
	}
	for i, b := range body.System {
		parsed, refused := b.block("system", i)
		if refused != nil {
			return nil, refused
		}
		a.system = append(a.system, parsed)
	}
	if refused := body.turns(a); refused != nil {
		return nil, refused
	}
	return a, a.checkConverse(body.ToolConfig != nil)
}

func (body *converseBody) inference(a *ask) *failure {
	in, model := body.Inference, a.call.Model
	a.maxTokens = cmp.Or(model.MaxOutputTokens, defaultMaxTokens)
	if in.MaxTokens != nil {
		a.maxTokens = *in.MaxTokens
	}
	limit := model.MaxOutputTokens
	switch {
	case a.maxTokens < 1:
		return constraint(a.maxTokens, "inferenceConfig.maxTokens", "Member must have value greater than or equal to 1")
	case limit > 0 && a.maxTokens > limit:
		return refuse("The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", limit, limit)
	case in.Temperature != nil && (*in.Temperature < 0 || *in.Temperature > 1):
		return constraint(*in.Temperature, "inferenceConfig.temperature", "Member must have value between 0 and 1")
	case in.TopP != nil && (*in.TopP < 0 || *in.TopP > 1):
		return constraint(*in.TopP, "inferenceConfig.topP", "Member must have value between 0 and 1")
	}
	return refuseSampling(model.RejectsSampling, in.Temperature != nil, in.TopP != nil,
		"The model returned the following errors: ")
}

func (body *converseBody) tools(a *ask) *failure {
	if body.ToolConfig == nil {
		return nil
	}
	for i, t := range body.ToolConfig.Tools {
		switch {
		case t.Spec != nil && t.Spec.Name == "":
			return refuse("The name field of the tool at toolConfig.tools.%d is empty.", i)
		case t.Spec != nil:
			a.tools = append(a.tools, tool{name: t.Spec.Name, description: t.Spec.Description, schema: t.Spec.InputSchema.JSON})
		case t.CachePoint != nil && len(a.tools) > 0:
			a.tools[len(a.tools)-1].cachePoint = true
		}
	}
	if len(a.tools) == 0 {
		return constraint("[]", "toolConfig.tools", "Member must have length greater than or equal to 1")
	}
	if named := body.ToolConfig.ToolChoice.Tool; named != nil {
		a.choice.named = named.Name
		if !slices.ContainsFunc(a.tools, func(t tool) bool { return t.name == named.Name }) {
			return refuse("The tool %q of toolConfig.toolChoice is not among toolConfig.tools.", named.Name)
		}
	}
	return nil
}

func (body *converseBody) turns(a *ask) *failure {
	for i, m := range body.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return constraint(m.Role, path("messages", i, "role"), "Member must satisfy enum value set: [user, assistant]")
		}
		if len(m.Content) == 0 {
			return refuse("The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
		t := turn{role: m.Role}
		for j, b := range m.Content {
			parsed, refused := b.block(path("messages", i, "content"), j)
			if refused != nil {
				return refused
			}
			t.blocks = append(t.blocks, parsed)
		}
		a.turns = append(a.turns, t)
	}
	return nil
}

// block reads one content block. Kinds that the embedded model does not look into count by their size.
func (b converseBlock) block(where string, i int) (block, *failure) {
	keys := slices.Sorted(maps.Keys(b))
	if len(keys) != 1 {
		return block{}, refuse("The ContentBlock object at %s must set one and only one member; it sets %d: %s.", path(where, i), len(keys), strings.Join(keys, ", "))
	}
	var out block
	var err error
	switch raw := b[keys[0]]; keys[0] {
	case "text":
		out.kind = textBlock
		if err = json.Unmarshal(raw, &out.text); err == nil && strings.TrimSpace(out.text) == "" {
			return out, refuse("The text field in the ContentBlock object at %s is blank. Add text to the text field, and try again.", path(where, i))
		}
	case "image":
		return converseImageBlock(raw, path(where, i, "image"))
	case "toolUse":
		var use struct {
			ID    string          `json:"toolUseId"`
			Name  string          `json:"name"`
			Input json.RawMessage `json:"input"`
		}
		err = json.Unmarshal(raw, &use)
		out = block{kind: useBlock, id: use.ID, name: use.Name, text: string(use.Input)}
	case "toolResult":
		return converseResultBlock(raw, where, i)
	case "cachePoint":
		out.kind = pointBlock
	default:
		out = block{kind: otherBlock, text: string(raw)}
	}
	if err != nil {
		return out, refuse("The %s field at %s cannot be read: %v", keys[0], path(where, i), err)
	}
	return out, nil
}

func converseImageBlock(raw json.RawMessage, where string) (block, *failure) {
	var image converseImage
	if err := json.Unmarshal(raw, &image); err != nil {
		return block{}, refuse("The image at %s cannot be read: %v", where, err)
	}
	if !slices.Contains([]string{"png", "jpeg", "gif", "webp"}, image.Format) {
		return block{}, constraint(image.Format, where+".format", "Member must satisfy enum value set: [gif, jpeg, png, webp]")
	}
	if len(image.Source.Bytes) == 0 && image.Source.S3 == nil {
		return block{}, constraint("", where+".source.bytes", "Member must have length greater than or equal to 1")
	}
	return block{kind: imageBlock, format: image.Format, data: image.Source.Bytes}, nil
}

func converseResultBlock(raw json.RawMessage, where string, i int) (block, *failure) {
	var result struct {
		ID      string          `json:"toolUseId"`
		Content []converseBlock `json:"content"`
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return block{}, refuse("The toolResult field at %s cannot be read: %v", path(where, i), err)
	}
	out := block{kind: resultBlock, id: result.ID}
	for _, c := range result.Content {
		if text, ok := c["text"]; ok {
			var s string
			_ = json.Unmarshal(text, &s) // what is no string adds nothing
			out.text += s
		}
		out.text += string(c["json"])
	}
	return out, nil
}

// checkConverse holds the rules of a conversation.
func (a *ask) checkConverse(toolConfig bool) *failure {
	if len(a.turns) == 0 || a.turns[0].role != "user" {
		return refuse("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	for i := 1; i < len(a.turns); i++ {
		if a.turns[i].role == a.turns[i-1].role {
			return refuse("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		}
	}
	if a.usesTools() && !toolConfig {
		return refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
	}
	at, id, kind, found := a.unpaired()
	switch {
	case found && kind == useBlock:
		return refuse("Expected toolResult blocks at messages.%d.content for the following Ids: %s", at, id)
	case found:
		return refuse("The toolResult block with Id %s at messages.%d.content has no toolUse block in the previous turn.", id, at)
	}
	return nil
}

func converseReply(x *exchange, a answer) any {
	content := []any{}
	switch {
	case a.use != nil:
		content = append(content, object{"toolUse": object{"toolUseId": "tooluse_" + a.id, "name": a.use.name, "input": json.RawMessage(a.use.input)}})
	case a.text != "":
		content = append(content, object{"text": a.text})
	}
	return object{
		"output":     object{"message": object{"role": "assistant", "content": content}},
		"stopReason": a.stop,
		"usage":      a.usage.converse(),
		"metrics":    object{"latencyMs": x.sinceMillis()},
	}
}

func converseFrames(x *exchange, a answer) []frame {
	frames := []frame{{event: "messageStart", payload: object{"role": "assistant"}}}
	delta := func(d object) {
		frames = append(frames, frame{event: "contentBlockDelta", content: true, payload: object{"contentBlockIndex": 0, "delta": d}})
	}
	if a.use != nil {
		start := object{"toolUse": object{"toolUseId": "tooluse_" + a.id, "name": a.use.name}}
		frames = append(frames, frame{event: "contentBlockStart", payload: object{"contentBlockIndex": 0, "start": start}})
		for _, piece := range chunks(string(a.use.input), x.options.ChunkBytes) {
			delta(object{"toolUse": object{"input": piece}})
		}
	}
	for _, piece := range chunks(a.text, x.options.ChunkBytes) {
		delta(object{"text": piece})
	}
	if a.use != nil || a.text != "" {
		frames = append(frames, frame{event: "contentBlockStop", payload: object{"contentBlockIndex": 0}})
	}
	return append(frames,
		frame{event: "messageStop", payload: object{"stopReason": a.stop}},
		frame{event: "metadata", timed: func(ms int64) any {
			return object{"usage": a.usage.converse(), "metrics": object{"latencyMs": ms}}
		}})
}

func (u usage) converse() object {
	return object{
		"inputTokens": u.input, "outputTokens": u.output,
		"cacheReadInputTokens": u.cacheRead, "cacheWriteInputTokens": u.cacheWrite,
		"totalTokens": u.input + u.cacheRead + u.cacheWrite + u.output,
	}
}
