package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// intrinsic resolves Ref, Fn::GetAtt, Fn::GetStackOutput, Fn::Join and Fn::Sub.
func (p *parser) intrinsic(object map[string]any) (string, error) {
	if len(object) == 1 {
		for name, argument := range object {
			switch name {
			case "Ref":
				if text, ok := argument.(string); ok {
					return p.resolve.Reference(text, "")
				}
			case "Fn::GetAtt":
				return p.attribute(argument)
			case "Fn::GetStackOutput":
				return p.output(argument)
			case "Fn::Join":
				return p.join(argument)
			case "Fn::Sub":
				return p.sub(argument)
			}
		}
	}
	text, _ := json.Marshal(object) // it came from JSON
	return "", fmt.Errorf("%s is not understood", text)
}

// attribute takes ["Name", "Attribute"] or "Name.Attribute".
func (p *parser) attribute(argument any) (string, error) {
	if text, ok := argument.(string); ok {
		name, attribute, _ := strings.Cut(text, ".")
		argument = []any{name, attribute}
	}
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return "", fmt.Errorf("Fn::GetAtt of %v is malformed", argument)
	}
	name, _ := pair[0].(string)
	attribute, _ := pair[1].(string)
	if name == "" || attribute == "" {
		return "", fmt.Errorf("Fn::GetAtt of %v is malformed", argument)
	}
	return p.resolve.Reference(name, attribute)
}

// output takes {"StackName": …, "Region": …, "OutputName": …}.
func (p *parser) output(argument any) (string, error) {
	object, _ := argument.(map[string]any)
	stack, _ := object["StackName"].(string)
	region, _ := object["Region"].(string)
	name, _ := object["OutputName"].(string)
	if len(object) != 3 || stack == "" || region == "" || name == "" || p.resolve.Output == nil {
		return "", fmt.Errorf("Fn::GetStackOutput of %v is malformed, or of nobody", argument)
	}
	return p.resolve.Output(stack, region, name)
}

func (p *parser) join(argument any) (string, error) {
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return "", fmt.Errorf("Fn::Join of %v is malformed", argument)
	}
	delimiter, isText := pair[0].(string)
	items, isList := pair[1].([]any)
	if !isText || !isList {
		return "", fmt.Errorf("Fn::Join of %v is malformed", argument)
	}
	texts := make([]string, len(items))
	var problems []error
	for i, item := range items {
		var err error
		texts[i], err = p.value(item)
		problems = append(problems, err)
	}
	return strings.Join(texts, delimiter), errors.Join(problems...)
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// sub takes a text, or [text, variables]. ${!Name} stays as ${Name}.
func (p *parser) sub(argument any) (string, error) {
	text, isText := argument.(string)
	variables := map[string]any{}
	if pair, ok := argument.([]any); ok && len(pair) == 2 {
		text, isText = pair[0].(string)
		variables, _ = pair[1].(map[string]any)
	}
	if !isText {
		return "", fmt.Errorf("Fn::Sub of %v is malformed", argument)
	}
	var problems []error
	result := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		value, err := p.substitute(name, variables)
		problems = append(problems, err)
		return value
	})
	return result, errors.Join(problems...)
}

func (p *parser) substitute(name string, variables map[string]any) (string, error) {
	if variable, ok := variables[name]; ok {
		return p.value(variable)
	}
	resource, attribute, _ := strings.Cut(name, ".")
	return p.resolve.Reference(resource, attribute)
}
