package policy

import (
	"fmt"
	"slices"
	"strings"
)

// operator compares one value of the context with one of the policy.
type operator struct {
	equal   func(want, got string) bool
	negated bool // holds when no value of the policy equals, and when the key is absent
}

// The operators that are understood, without prefix and suffix. Null is apart: it looks at the key alone.
var operators = map[string]operator{
	"StringEquals":              {equal: func(want, got string) bool { return want == got }},
	"StringNotEquals":           {equal: func(want, got string) bool { return want == got }, negated: true},
	"StringEqualsIgnoreCase":    {equal: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {equal: strings.EqualFold, negated: true},
	"StringLike":                {equal: glob},
	"StringNotLike":             {equal: glob, negated: true},
	"ArnEquals":                 {equal: globARN}, // the two ARN operators do the same, wildcards included
	"ArnLike":                   {equal: globARN},
	"ArnNotEquals":              {equal: globARN, negated: true},
	"ArnNotLike":                {equal: globARN, negated: true},
	"Bool":                      {equal: strings.EqualFold},
}

const (
	operatorNull = "Null"
	suffixExists = "IfExists"
	forAny       = "ForAnyValue:"
	forAll       = "ForAllValues:"
)

// parts is a condition's operator taken apart.
type parts struct {
	quantifier string // forAny, forAll or empty
	operator   operator
	ifExists   bool
	null       bool
}

func (c Condition) parts() (parts, error) {
	var p parts
	name := c.Operator
	for _, q := range []string{forAny, forAll} {
		if rest, ok := strings.CutPrefix(name, q); ok {
			p.quantifier, name = q, rest
			break
		}
	}
	if name == operatorNull && p.quantifier == "" {
		p.null = true
		return p, nil
	}
	name, p.ifExists = strings.CutSuffix(name, suffixExists)
	var known bool
	if p.operator, known = operators[name]; !known {
		return parts{}, fmt.Errorf("condition operator %q is not understood", c.Operator)
	}
	return p, nil
}

// holds evaluates the condition.
func (c Condition) holds(context map[string][]string) (bool, error) {
	p, err := c.parts()
	if err != nil {
		return false, err
	}
	values, present := lookup(context, c.Key)
	switch {
	case p.null:
		return slices.ContainsFunc(c.Values, func(want string) bool { return strings.EqualFold(want, "true") != present }), nil
	case !present && p.ifExists:
		return true, nil
	case p.quantifier == forAll:
		return !slices.ContainsFunc(values, func(got string) bool { return !p.operator.accepts(c.Values, got) }), nil
	case p.quantifier == forAny:
		return slices.ContainsFunc(values, func(got string) bool { return p.operator.accepts(c.Values, got) }), nil
	case !present:
		return p.operator.negated, nil
	case len(values) > 1:
		return false, fmt.Errorf("%s: the context has %d values; %s compares one: use %s or %s", c.Key, len(values), c.Operator, forAny, forAll)
	}
	return p.operator.accepts(c.Values, values[0]), nil
}

func (o operator) accepts(wanted []string, got string) bool {
	found := slices.ContainsFunc(wanted, func(want string) bool { return o.equal(want, got) })
	return found != o.negated
}

// lookup finds a key of the context whatever its case. A key without values counts as absent, as in AWS.
func lookup(context map[string][]string, key string) (values []string, present bool) {
	for name, list := range context {
		if strings.EqualFold(name, key) {
			values = append(values, list...)
		}
	}
	return values, len(values) > 0
}
