package diff

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// texter writes values of a stack's template as texts, in which what only a deployment knows is ${…}.
type texter struct{ stack *assembly.Stack }

func (t texter) text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool, float64:
		return fmt.Sprint(v)
	case map[string]any:
		if len(v) == 1 {
			return t.intrinsic(v)
		}
	}
	return t.unknown(value)
}

func (t texter) intrinsic(object map[string]any) string {
	for name, argument := range object {
		switch name {
		case "Ref":
			return t.ref(fmt.Sprint(argument))
		case "Fn::GetAtt":
			if parts, ok := argument.([]any); ok && len(parts) == 2 {
				return fmt.Sprintf("${%v.%v}", parts[0], parts[1])
			}
			if text, ok := argument.(string); ok {
				return "${" + text + "}"
			}
		case "Fn::Join":
			if parts, ok := argument.([]any); ok && len(parts) == 2 {
				if items, ok := parts[1].([]any); ok {
					return t.join(items, fmt.Sprint(parts[0]))
				}
			}
		case "Fn::Sub":
			if text, ok := argument.(string); ok {
				return t.sub(text, nil)
			}
			if parts, ok := argument.([]any); ok && len(parts) == 2 {
				variables, _ := parts[1].(map[string]any)
				return t.sub(fmt.Sprint(parts[0]), variables)
			}
		}
	}
	return t.unknown(object)
}

func (t texter) join(items []any, delimiter string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = t.text(item)
	}
	return strings.Join(texts, delimiter)
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (t texter) sub(text string, variables map[string]any) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}" // a variable of the policy, which IAM fills in
		}
		if value, ok := variables[name]; ok {
			return t.text(value)
		}
		return t.ref(name)
	})
}

// ref resolves what the stack's own environment decides. A parameter carries its default, so that another default is
// another text.
func (t texter) ref(name string) string {
	known := map[string]string{"AWS::Region": t.stack.Region, "AWS::AccountId": t.stack.Account}
	if t.stack.Region != "" {
		known["AWS::Partition"] = assembly.Partition(t.stack.Region)
	}
	if text := known[name]; text != "" {
		return text
	}
	parameters, _ := t.stack.Template["Parameters"].(map[string]any)
	if parameter, ok := parameters[name].(map[string]any); ok && parameter["Default"] != nil {
		return fmt.Sprintf("${%s=%v}", name, parameter["Default"])
	}
	return "${" + name + "}"
}

// unknown writes what is not resolved. What it may depend on elsewhere in the template is part of it as a digest.
func (t texter) unknown(value any) string {
	text, _ := json.Marshal(value) // it came from JSON
	if strings.Contains(string(text), `"Fn::If"`) || strings.Contains(string(text), `"Fn::FindInMap"`) {
		depends, _ := json.Marshal([]any{t.stack.Template["Conditions"], t.stack.Template["Mappings"], t.stack.Template["Parameters"]})
		text = fmt.Appendf(text, " of %.4x", sha256.Sum256(depends))
	}
	// A reference ends at its first brace.
	return "${" + strings.NewReplacer("{", "(", "}", ")").Replace(string(text)) + "}"
}

// property returns the text of a property at a path of keys; it is empty where there is none.
func (t texter) property(id string, path ...string) string {
	return t.text(at(t.stack.Resources[id].Properties, path...))
}

// at returns the value at a path of keys, or nil.
func at(object map[string]any, path ...string) any {
	var value any = object
	for _, key := range path {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[key]
	}
	return value
}

// literal tells whether a text is known before the deployment.
func literal(text string) bool { return !strings.Contains(text, "${") }

func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}
