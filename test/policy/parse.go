package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Version is the one version of the policy language that is understood.
const Version = "2012-10-17"

// Resolver says what stands in the place of what only CloudFormation knows.
type Resolver struct {
	// Reference is {"Ref": name}, with an empty attribute, or {"Fn::GetAtt": [name, attribute]}. Pseudo parameters such as
	// AWS::Region are references too. Required.
	Reference func(name, attribute string) (string, error)
	// Output is {"Fn::GetStackOutput": …}, an output of another stack; without it there is none.
	Output func(stack, region, name string) (string, error)
}

// Text is a value of a template as the text that CloudFormation makes of it.
func Text(value any, resolve Resolver) (string, error) {
	return (&parser{resolve: resolve}).value(value)
}

// Parse reads a policy document as JSON decodes it into any. Its error joins everything that is wrong or not
// understood.
func Parse(name string, document any, resolve Resolver) (Policy, error) {
	p := &parser{name: name, resolve: resolve}
	root, ok := document.(map[string]any)
	if !ok {
		return Policy{}, fmt.Errorf("%s: is %T, not a policy document", name, document)
	}
	policy := Policy{Name: name}
	for _, key := range sorted(root) {
		switch key {
		case "Version":
			if root[key] != Version {
				p.problem("Version is %v; understood is %s", root[key], Version)
			}
		case "Id":
		case "Statement":
			policy.Statements = p.statements(root[key])
		default:
			p.problem("element %q is not understood", key)
		}
	}
	if root["Version"] == nil {
		p.problem("there is no Version; understood is %s", Version)
	}
	if len(policy.Statements) == 0 {
		p.problem("there is no Statement")
	}
	return policy, errors.Join(p.problems...)
}

// parser collects problems while it reads.
type parser struct {
	name     string
	resolve  Resolver
	problems []error
}

func (p *parser) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s: %s", p.name, fmt.Sprintf(format, args...)))
}

func (p *parser) statements(value any) []Statement {
	var statements []Statement
	for i, item := range list(value) {
		inner := &parser{name: fmt.Sprintf("%s, statement %d", p.name, i), resolve: p.resolve}
		statements = append(statements, inner.statement(item))
		p.problems = append(p.problems, inner.problems...)
	}
	return statements
}

func (p *parser) statement(value any) Statement {
	object, ok := value.(map[string]any)
	if !ok {
		p.problem("is %T, not a statement", value)
		return Statement{}
	}
	var s Statement
	for _, key := range sorted(object) {
		switch key {
		case "Sid":
			s.Sid = p.text(key, object[key])
		case "Effect":
			s.Effect = Effect(p.text(key, object[key]))
		case "Action":
			s.Actions = p.texts(key, object[key])
		case "NotAction":
			s.NotActions = p.texts(key, object[key])
		case "Resource":
			s.Resources = p.texts(key, object[key])
		case "NotResource":
			s.NotResources = p.texts(key, object[key])
		case "Condition":
			s.Conditions = p.conditions(object[key])
		case "Principal":
			p.principal(object[key])
		default:
			p.problem("element %q is not understood", key)
		}
	}
	p.check(s)
	return s
}

func (p *parser) check(s Statement) {
	if s.Effect != Allow && s.Effect != Deny {
		p.problem("Effect is %q; allowed are %s, %s", s.Effect, Allow, Deny)
	}
	if (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
		p.problem("exactly one of Action and NotAction is required")
	}
	if (len(s.Resources) == 0) == (len(s.NotResources) == 0) {
		p.problem("exactly one of Resource and NotResource is required")
	}
	for _, action := range slices.Concat(s.Actions, s.NotActions) {
		if action != "*" && strings.Count(action, ":") != 1 {
			p.problem("action %q is neither * nor service:Name", action)
		}
	}
}

// principal accepts everyone, as endpoint policies name. A policy that tells principals apart is not modelled.
func (p *parser) principal(value any) {
	if object, ok := value.(map[string]any); ok && len(object) == 1 {
		value = object["AWS"]
	}
	if value != "*" {
		p.problem("Principal %v is not understood; * is", value)
	}
}

func (p *parser) conditions(value any) []Condition {
	var conditions []Condition
	byOperator, ok := value.(map[string]any)
	if !ok {
		p.problem("Condition is %T, not an object", value)
	}
	for _, operator := range sorted(byOperator) {
		byKey, ok := byOperator[operator].(map[string]any)
		if !ok {
			p.problem("Condition.%s is %T, not an object", operator, byOperator[operator])
		}
		for _, key := range sorted(byKey) {
			c := Condition{Operator: operator, Key: key, Values: p.texts("Condition."+operator+"."+key, byKey[key])}
			p.checkCondition(c)
			conditions = append(conditions, c)
		}
	}
	return conditions
}

func (p *parser) checkCondition(c Condition) {
	if _, err := c.parts(); err != nil {
		p.problem("%v", err)
	}
	if !strings.Contains(c.Operator, "Bool") && c.Operator != operatorNull {
		return
	}
	for _, value := range c.Values {
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			p.problem("%s of %s is %q; allowed are true, false", c.Operator, c.Key, value)
		}
	}
}

// texts reads one text or a list of them.
func (p *parser) texts(where string, value any) []string {
	items := list(value)
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = p.text(where, item)
	}
	if len(items) == 0 {
		p.problem("%s is an empty list", where)
	}
	return texts
}

func (p *parser) text(where string, value any) string {
	text, err := p.value(value)
	if err != nil {
		p.problem("%s: %v", where, err)
	}
	if strings.Contains(text, "${") {
		p.problem("%s: %q has a policy variable, which is not understood", where, text)
	}
	return text
}

func (p *parser) value(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case map[string]any:
		return p.intrinsic(v)
	}
	return "", fmt.Errorf("is %T, not a text", value)
}

func list(value any) []any {
	if items, ok := value.([]any); ok {
		return items
	}
	return []any{value}
}

func sorted(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
