// Package policy evaluates IAM identity policies as CloudFormation templates hold them: would this role be allowed
// this call, and which statement says so? Tests use it to hold a synthesized role against the calls a program made.
//
// It evaluates what identity policies and VPC endpoint policies of one account say: an explicit deny wins over an
// allow, and what nothing allows is denied. What it does not understand (an operator, an element, a policy variable,
// an intrinsic function) is an error when the document is parsed, never ignored. Permission boundaries, service control
// policies, session policies and resource policies are not modelled.
//
// It must not know AWS services, CDK, or how a template is read: what a reference in a template stands for, its caller
// says.
package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is one parsed policy document.
type Policy struct {
	Name       string // for messages: the resource of the template that holds it
	Statements []Statement
}

// Effect is what a statement does to the requests it matches.
type Effect string

// The effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Statement is one statement. Of Actions and NotActions one is set, and of Resources and NotResources too.
type Statement struct {
	Sid          string
	Effect       Effect
	Actions      []string // patterns such as "s3:Get*", compared without regard to case
	NotActions   []string
	Resources    []string // ARN patterns
	NotResources []string
	Conditions   []Condition // all must hold
}

// Condition is an operator, a key and the values one of which must match (none, for a negated operator).
type Condition struct {
	Operator string // such as "StringEquals", "ArnLikeIfExists", "ForAnyValue:StringLike"
	Key      string // compared without regard to case
	Values   []string
}

// Request is what IAM is asked. Context holds the condition keys that the service sends, each with its values; a key
// that the service does not send must be absent.
type Request struct {
	Action   string
	Resource string
	Context  map[string][]string
}

// String names the request on one line.
func (r Request) String() string {
	text := r.Action + " on " + r.Resource
	keys := make([]string, 0, len(r.Context))
	for key := range r.Context {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		text += fmt.Sprintf(", %s=%s", key, strings.Join(r.Context[key], "|"))
	}
	return text
}

// Outcome is how a request ends.
type Outcome string

// The outcomes.
const (
	Allowed          Outcome = "allowed"
	ExplicitlyDenied Outcome = "explicitly denied"
	ImplicitlyDenied Outcome = "implicitly denied"
)

// Place is a statement's place in the list of policies that was asked.
type Place struct{ Policy, Statement int }

// Decision is the answer to a request.
type Decision struct {
	Outcome Outcome
	// Places are the statements that decided: every deny that matches, or else every allow that matches. It is empty for
	// an implicit deny.
	Places []Place
}

// Decide evaluates a request. Its error is a context that an operator has no meaning for, such as several values for an
// operator without ForAnyValue or ForAllValues; the decision is then worth nothing.
func Decide(policies []Policy, request Request) (Decision, error) {
	byEffect := map[Effect][]Place{}
	for i, p := range policies {
		for j, s := range p.Statements {
			matches, err := s.matches(request)
			if err != nil {
				return Decision{}, fmt.Errorf("%s, statement %d: %w", p.Name, j, err)
			}
			if matches {
				byEffect[s.Effect] = append(byEffect[s.Effect], Place{i, j})
			}
		}
	}
	switch {
	case len(byEffect[Deny]) > 0:
		return Decision{ExplicitlyDenied, byEffect[Deny]}, nil
	case len(byEffect[Allow]) > 0:
		return Decision{Allowed, byEffect[Allow]}, nil
	}
	return Decision{Outcome: ImplicitlyDenied}, nil
}

func (s Statement) matches(r Request) (bool, error) {
	// Conditions are evaluated first so that a context they have no meaning for is never passed over in silence.
	holds, err := s.conditionsHold(r.Context)
	return holds && s.MatchesAction(r.Action) && s.MatchesResource(r.Resource), err
}

// MatchesAction tells whether the statement is about the action.
func (s Statement) MatchesAction(action string) bool {
	if len(s.NotActions) > 0 {
		return !slices.ContainsFunc(s.NotActions, func(p string) bool { return MatchAction(p, action) })
	}
	return slices.ContainsFunc(s.Actions, func(p string) bool { return MatchAction(p, action) })
}

// MatchesResource tells whether the statement is about the resource.
func (s Statement) MatchesResource(resource string) bool {
	if len(s.NotResources) > 0 {
		return !slices.ContainsFunc(s.NotResources, func(p string) bool { return MatchResource(p, resource) })
	}
	return slices.ContainsFunc(s.Resources, func(p string) bool { return MatchResource(p, resource) })
}

func (s Statement) conditionsHold(context map[string][]string) (bool, error) {
	all := true
	for _, c := range s.Conditions {
		holds, err := c.holds(context)
		if err != nil {
			return false, err
		}
		all = all && holds
	}
	return all, nil
}

// String writes the statement on one line.
func (s Statement) String() string {
	text := string(s.Effect)
	if s.Sid != "" {
		text = s.Sid + ": " + text
	}
	text += either(" ", s.Actions, " all but ", s.NotActions)
	text += either(" on ", s.Resources, " on all but ", s.NotResources)
	for i, c := range s.Conditions {
		text += []string{" if ", " and "}[min(i, 1)] + c.String()
	}
	return text
}

func either(label string, list []string, notLabel string, not []string) string {
	if len(not) > 0 {
		return notLabel + strings.Join(not, ", ")
	}
	return label + strings.Join(list, ", ")
}

// String writes the condition on one line.
func (c Condition) String() string {
	return fmt.Sprintf("%s %s %s", c.Key, c.Operator, strings.Join(c.Values, "|"))
}
