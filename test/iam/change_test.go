package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// change is the policies with one thing changed.
type change struct {
	name     string
	policies []policy.Policy
}

// everyChangeIsNoticed takes from, narrows, widens and adds to the policies, one thing at a time. The table in testdata
// has no part in it: what is noticed is noticed by what the calls need.
func (c contract) everyChangeIsNoticed(t *testing.T) {
	changes := c.changes()
	for _, change := range changes {
		changed := contract{c.holder, change.policies, c.needs}
		if len(changed.problems()) == 0 {
			t.Errorf("nobody notices: %s", change.name)
		}
	}
	t.Logf("%d changes were noticed", len(changes))
}

func (c contract) changes() []change {
	var all []change
	for i, p := range c.policies {
		for j, s := range p.Statements {
			name := c.at(policy.Place{Policy: i, Statement: j})
			replace := func(what string, with ...policy.Statement) {
				all = append(all, change{name + ": " + what, c.replaced(i, j, with)})
			}
			replace("removed")
			replace("twice", s, s)
			replace("turned into its opposite", opposite(s))
			for _, edit := range slices.Concat(editActions(s), editResources(s), editConditions(s)) {
				replace(edit.name, edit.Statement)
			}
		}
		for _, s := range strangers {
			added := slices.Clone(c.policies)
			added[i].Statements = append(slices.Clone(p.Statements), s)
			all = append(all, change{"added " + s.String(), added})
		}
	}
	return all
}

func opposite(s policy.Statement) policy.Statement {
	if s.Effect == policy.Allow {
		s.Effect = policy.Deny
	} else {
		s.Effect = policy.Allow
	}
	return s
}

// strangers are statements that no program needs.
var strangers = []policy.Statement{
	{Effect: policy.Allow, Actions: []string{"bedrock:*"}, Resources: []string{"*"}},
	{Effect: policy.Allow, Actions: []string{"*"}, Resources: []string{"*"}},
	{Effect: policy.Allow, Actions: []string{"bedrock:GetFoundationModel"}, Resources: []string{"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}},
	{Effect: policy.Allow, Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::some-bucket/*"}},
	{Effect: policy.Allow, NotActions: []string{"iam:*"}, Resources: []string{"*"}},
	{Effect: policy.Deny, Actions: []string{"bedrock:InvokeModel"}, Resources: []string{"*"}},
}

func (c contract) replaced(i, j int, with []policy.Statement) []policy.Policy {
	policies := slices.Clone(c.policies)
	policies[i].Statements = slices.Replace(slices.Clone(policies[i].Statements), j, j+1, with...)
	return policies
}

// edit is a statement with one thing changed.
type edit struct {
	name string
	policy.Statement
}

// widened returns the texts that make a statement allow more. A denial that reaches further lets no one do more, so it
// gets none.
func widened(s policy.Statement, texts ...string) []string {
	if s.Effect == policy.Deny {
		return nil
	}
	return texts
}

func editActions(s policy.Statement) []edit {
	var edits []edit
	for i, action := range s.Actions {
		service, _, _ := strings.Cut(action, ":")
		edits = append(edits, edit{"without " + action, withActions(s, slices.Delete(slices.Clone(s.Actions), i, i+1))})
		for _, other := range append(widened(s, action+"*", service+":*", "*"), action+"X") {
			edits = append(edits, edit{action + " becomes " + other, withActions(s, replaced(s.Actions, i, other))})
		}
	}
	return edits
}

func withActions(s policy.Statement, actions []string) policy.Statement {
	s.Actions = actions
	return s
}

// editResources removes each resource, makes it another, and widens it: as a whole, at its end, and in each segment.
func editResources(s policy.Statement) []edit {
	var edits []edit
	for i, resource := range s.Resources {
		edits = append(edits, edit{"without " + resource, withResources(s, slices.Delete(slices.Clone(s.Resources), i, i+1))})
		others := append(widened(s, "*", strings.TrimSuffix(resource, "*")+"*"), resource+"/narrower")
		if slash := strings.LastIndexByte(resource, '/'); slash >= 0 {
			others = append(others, widened(s, resource[:slash]+"/*")...)
		}
		parts := strings.SplitN(resource, ":", 6)
		for segment := 3; segment < min(6, len(parts)); segment++ {
			others = append(others, strings.Join(replaced(parts, segment, "other"), ":"))
			others = append(others, widened(s, strings.Join(replaced(parts, segment, "*"), ":"))...)
		}
		for _, other := range others {
			if other != resource {
				edits = append(edits, edit{resource + " becomes " + other, withResources(s, replaced(s.Resources, i, other))})
			}
		}
	}
	return edits
}

func withResources(s policy.Statement, resources []string) policy.Statement {
	s.Resources = resources
	return s
}

// editConditions removes each condition, weakens it, and gives it another value.
func editConditions(s policy.Statement) []edit {
	var edits []edit
	add := func(name string, conditions []policy.Condition) {
		changed := s
		changed.Conditions = conditions
		edits = append(edits, edit{name, changed})
	}
	for i, c := range s.Conditions {
		add("without condition "+c.String(), slices.Delete(slices.Clone(s.Conditions), i, i+1))
		other := func(operator string, values ...string) {
			changed := policy.Condition{Operator: operator, Key: c.Key, Values: values}
			add(fmt.Sprintf("condition %s becomes %s", c, changed), replaced(s.Conditions, i, changed))
		}
		other(c.Operator+"IfExists", c.Values...)
		other("StringNotEquals", c.Values...)
		other("Null", "true")
		for _, text := range widened(s, "*") {
			other("StringLike", text)
			other("Null", "false")
		}
		for j, value := range c.Values {
			different := otherValue(value)
			other(c.Operator, replaced(c.Values, j, different)...)
			for _, text := range widened(s, different) {
				other(c.Operator, append(slices.Clone(c.Values), text)...)
			}
		}
	}
	return edits
}

// otherValue is a value that the given one does not already match: what ends in a wildcard matches every longer one.
func otherValue(value string) string {
	if parts := strings.SplitN(value, ":", 6); len(parts) == 6 && strings.HasSuffix(value, "*") {
		return strings.Join(replaced(parts, 4, strangerAccount), ":")
	}
	return value + "-other"
}

func replaced[T any](list []T, i int, with T) []T {
	changed := slices.Clone(list)
	changed[i] = with
	return changed
}
