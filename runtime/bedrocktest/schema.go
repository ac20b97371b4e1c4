package bedrocktest

import (
	"encoding/json"
	"strings"
)

// How deep a sample follows a schema, which may refer to itself.
const sampleDepth = 8

// sample makes an input that fits a tool's JSON schema, the same one every time. It knows the types, enum, const,
// minimum, minLength, minItems, the first of anyOf, oneOf and allOf, and references within the schema; of anything else
// it makes no more than it must.
func sample(schema []byte) []byte {
	var root any
	if err := json.Unmarshal(schema, &root); err != nil {
		return []byte("{}")
	}
	value := sampler{root}.value(root, 0)
	if _, isObject := value.(map[string]any); !isObject {
		return []byte("{}") // a tool's input is an object whatever its schema says
	}
	out, err := json.Marshal(value)
	if err != nil {
		return []byte("{}")
	}
	return out
}

type sampler struct{ root any }

func (s sampler) value(schema any, depth int) any {
	m, _ := schema.(map[string]any)
	if m == nil || depth > sampleDepth {
		return nil
	}
	if target, ok := m["$ref"].(string); ok {
		return s.value(s.find(target), depth+1)
	}
	if enum, ok := m["enum"].([]any); ok && len(enum) > 0 {
		return enum[0]
	}
	if value, ok := m["const"]; ok {
		return value
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		if options, ok := m[key].([]any); ok && len(options) > 0 && m["properties"] == nil {
			return s.value(options[0], depth+1)
		}
	}
	return s.typed(m, depth)
}

func (s sampler) typed(m map[string]any, depth int) any {
	kind, _ := m["type"].(string)
	if kinds, ok := m["type"].([]any); ok && len(kinds) > 0 {
		kind, _ = kinds[0].(string)
	}
	properties, _ := m["properties"].(map[string]any)
	switch {
	case kind == "object" || kind == "" && properties != nil:
		out := make(map[string]any, len(properties))
		for name, property := range properties {
			out[name] = s.value(property, depth+1)
		}
		return out
	case kind == "array":
		out := make([]any, max(1, min(8, int(number(m["minItems"], 1)))))
		for i := range out {
			out[i] = s.value(m["items"], depth+1)
		}
		return out
	case kind == "string":
		return "embedded" + strings.Repeat("-", max(0, min(256, int(number(m["minLength"], 0)))-len("embedded")))
	case kind == "integer", kind == "number":
		return number(m["minimum"], 1)
	case kind == "boolean":
		return true
	}
	return nil
}

// find follows a reference such as "#/$defs/city".
func (s sampler) find(reference string) any {
	at := s.root
	for _, key := range strings.Split(strings.TrimPrefix(reference, "#/"), "/") {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	return at
}

func number(value any, fallback float64) float64 {
	if n, ok := value.(float64); ok {
		return n
	}
	return fallback
}
