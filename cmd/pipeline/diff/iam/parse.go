package iam

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Parse reads the statements of a policy document as JSON decodes it. Text writes a value of the template as a pattern,
// with ${…} for what only a deployment knows. What is not understood becomes an opaque statement, never nothing.
func Parse(document any, text func(any) string) []Statement {
	root, ok := document.(map[string]any)
	if !ok || root["Statement"] == nil {
		return opaque(document, Allow, Deny)
	}
	var statements []Statement
	for _, item := range list(root["Statement"]) {
		statements = append(statements, statement(item, text)...)
	}
	return statements
}

// opaque makes a statement of each of the effects that the value may have.
func opaque(value any, effects ...Effect) []Statement {
	data, _ := json.Marshal(value) // it came from JSON
	var statements []Statement
	for _, effect := range effects {
		statements = append(statements, Statement{Effect: effect, Opaque: string(data)})
	}
	return statements
}

func statement(value any, text func(any) string) []Statement {
	object, ok := value.(map[string]any)
	if !ok {
		return opaque(value, Allow, Deny)
	}
	effect, _ := object["Effect"].(string)
	s := Statement{Effect: Effect(effect)}
	if s.Effect != Allow && s.Effect != Deny {
		return opaque(value, Allow, Deny)
	}
	texts := func(value any) []string {
		var result []string
		for _, item := range list(value) {
			result = append(result, text(item))
		}
		return result
	}
	understood := true
	for key, value := range object {
		switch key {
		case "Effect", "Sid":
		case "Action":
			s.Actions = texts(value)
		case "NotAction":
			s.NotActions = texts(value)
		case "Resource":
			s.Resources = texts(value)
		case "NotResource":
			s.NotResources = texts(value)
		case "Principal":
			s.Principals = principals(value, texts)
		case "NotPrincipal":
			s.NotPrincipals = principals(value, texts)
		case "Condition":
			var clear bool
			s.Conditions, clear = conditions(value, texts)
			understood = understood && clear
		default:
			understood = false
		}
	}
	if !understood || len(s.Actions)+len(s.NotActions) == 0 {
		return opaque(value, s.Effect)
	}
	return []Statement{s}
}

// accountRoot is an account's principal in its long form.
var accountRoot = regexp.MustCompile(`^arn:(?:\$\{[^}]*\}|[^:]+):iam::(\$\{[^}]*\}|\d{12}):root$`)

func principals(value any, texts func(any) []string) []string {
	kinds, ok := value.(map[string]any)
	if !ok || reference(kinds) {
		return texts(value)
	}
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, text := range texts(kinds[kind]) {
			if root := accountRoot.FindStringSubmatch(text); root != nil {
				text = root[1]
			}
			if kind == "AWS" && text == "*" {
				found = append(found, text) // the same as "Principal": "*"
				continue
			}
			found = append(found, kind+":"+text)
		}
	}
	return found
}

func conditions(value any, texts func(any) []string) ([]Condition, bool) {
	operators, ok := value.(map[string]any)
	if !ok || reference(operators) {
		return nil, false
	}
	var found []Condition
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		keys, ok := operators[operator].(map[string]any)
		if !ok || reference(keys) {
			return nil, false
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			found = append(found, Condition{Operator: operator, Key: key, Values: texts(keys[key])})
		}
	}
	return found, true
}

// reference tells whether an object is an intrinsic function of CloudFormation and not a part of a policy.
func reference(object map[string]any) bool {
	for name := range object {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return true
		}
	}
	return false
}

func list(value any) []any {
	if items, ok := value.([]any); ok {
		return items
	}
	return []any{value}
}
