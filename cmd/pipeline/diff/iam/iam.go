// Package iam tells whether one set of policy statements allows more than another, from the statements alone. It answers
// in three values: yes, no, and "cannot be told", because templates hold references that only a deployment resolves.
//
// It is deliberately small and errs to one side: a grant counts as covered only if one single statement of before allows
// all of it. (That several together might allow it is not looked at.) Package test/policy answers another question,
// whether one concrete request is allowed, and refuses what it cannot evaluate; neither can stand in for the other.
//
// It must not know CloudFormation or where a policy was attached: its caller turns values of a template into texts, with
// what a deployment fills in written as ${…}.
package iam

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is how sure it is that something is covered.
type Verdict int

// The verdicts, from the least to the most covered.
const (
	No Verdict = iota
	Maybe
	Yes
)

// Effect is what a statement does.
type Effect string

// The effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Statement is one statement of a policy. Its texts are patterns in which * and ? are wildcards and ${…} is unknown.
type Statement struct {
	Effect        Effect
	Principals    []string // such as "Service:lambda.amazonaws.com", or "*" for anyone; none in an identity's policy
	NotPrincipals []string
	Actions       []string
	NotActions    []string
	Resources     []string // none in a trust policy, which is about its role
	NotResources  []string
	Conditions    []Condition // all must hold
	// Named is what stands for a whole policy that is known by name only, such as "managed policy arn:…"; all else is
	// then empty. Two of the same name are the same.
	Named string
	// Opaque is a statement that is not understood, as JSON; all else but Effect is then empty.
	Opaque string
}

// Condition is an operator, a key and the values one of which must match.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// Broadening is access that was not there before.
type Broadening struct {
	// Statement is the part of a new Allow that was not covered, or of an old Deny that is not covered any more.
	Statement Statement
	// May tells that it cannot be told: references or unknown elements differ.
	May bool
}

// String says it on one line.
func (b Broadening) String() string {
	label := ""
	switch {
	case b.Statement.Effect == Deny && b.May:
		label = "may no longer hold: "
	case b.Statement.Effect == Deny:
		label = "no longer: "
	case b.May:
		label = "may be new: "
	}
	return label + b.Statement.String()
}

// Broader returns what the statements of after allow beyond those of before, in their order: each Allow that no Allow
// of before covers, then each Deny of before that no Deny of after covers.
func Broader(before, after []Statement) []Broadening {
	return append(uncovered(Allow, before, after), uncovered(Deny, after, before)...)
}

// uncovered returns the parts of the statements that none of the covering ones covers.
func uncovered(effect Effect, covering, statements []Statement) []Broadening {
	var found []Broadening
	for _, s := range statements {
		if s.Effect != effect {
			continue
		}
		worst := Yes
		var open []Statement
		for _, part := range s.parts() {
			best := No
			for _, c := range covering {
				if c.Effect == effect {
					best = max(best, c.covers(part))
				}
			}
			if best < Yes {
				worst = min(worst, best)
				open = append(open, part)
			}
		}
		if len(open) > 0 {
			found = append(found, Broadening{Statement: join(open), May: worst == Maybe || s.Opaque != ""})
		}
	}
	return found
}

// parts takes a statement apart into statements of one principal, one action and one resource each. Lists that are
// negated stay whole.
func (s Statement) parts() []Statement {
	var parts []Statement
	for _, principal := range each(s.Principals) {
		for _, action := range each(s.Actions) {
			for _, resource := range each(s.Resources) {
				part := s
				part.Principals, part.Actions, part.Resources = principal, action, resource
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// each returns the items as lists of one, and one empty list if there are none.
func each(list []string) [][]string {
	if len(list) == 0 {
		return [][]string{nil}
	}
	lists := make([][]string, len(list))
	for i := range list {
		lists[i] = list[i : i+1]
	}
	return lists
}

// join puts parts of one statement together again for display. It may name combinations that were covered.
func join(parts []Statement) Statement {
	whole := parts[0]
	whole.Principals, whole.Actions, whole.Resources = nil, nil, nil
	add := func(to *[]string, list []string) {
		for _, item := range list {
			if !slices.Contains(*to, item) {
				*to = append(*to, item)
			}
		}
	}
	for _, p := range parts {
		add(&whole.Principals, p.Principals)
		add(&whole.Actions, p.Actions)
		add(&whole.Resources, p.Resources)
	}
	return whole
}

// covers tells whether the statement is about everything that the part is about.
func (s Statement) covers(part Statement) Verdict {
	switch {
	case s.Named != "" || part.Named != "":
		return sure(s.Named == part.Named)
	case part.Opaque != "":
		return max(Maybe, sure(s.Opaque == part.Opaque))
	case s.Opaque != "":
		return No
	}
	return min(
		coversSet(s.Principals, s.NotPrincipals, part.Principals, part.NotPrincipals),
		coversSet(lower(s.Actions), lower(s.NotActions), lower(part.Actions), lower(part.NotActions)),
		coversSet(s.Resources, s.NotResources, part.Resources, part.NotResources),
		coversConditions(s.Conditions, part.Conditions),
	)
}

// coversSet compares one dimension of two statements, each a list or the negation of one.
func coversSet(list, not, partList, partNot []string) Verdict {
	switch {
	case len(partNot) == 0 && len(partList) == 0:
		return Yes // the dimension has no meaning here
	case len(partNot) == 0 && len(not) == 0:
		return all(partList, func(p string) Verdict { return anyOf(list, func(o string) Verdict { return covers(o, p) }) })
	case len(partNot) == 0:
		return all(partList, func(p string) Verdict {
			return Yes - anyOf(not, func(o string) Verdict { return overlap(o, p) })
		})
	case len(not) == 0:
		return sure(slices.Contains(list, "*"))
	}
	return all(not, func(o string) Verdict { return anyOf(partNot, func(p string) Verdict { return covers(p, o) }) })
}

func all(list []string, verdict func(string) Verdict) Verdict {
	worst := Yes
	for _, item := range list {
		worst = min(worst, verdict(item))
	}
	return worst
}

func anyOf(list []string, verdict func(string) Verdict) Verdict {
	best := No
	for _, item := range list {
		best = max(best, verdict(item))
	}
	return best
}

func sure(covered bool) Verdict {
	if covered {
		return Yes
	}
	return No
}

func lower(list []string) []string {
	lowered := make([]string, len(list))
	for i, text := range list {
		lowered[i] = strings.ToLower(text)
	}
	return lowered
}

// Anyone tells whether an Allow names everybody and sets no condition.
func (s Statement) Anyone() bool {
	return s.Effect == Allow && len(s.Conditions) == 0 && (slices.Contains(s.Principals, "*") || len(s.NotPrincipals) > 0)
}

// String writes the statement on one line.
func (s Statement) String() string {
	switch {
	case s.Named != "":
		return s.Named
	case s.Opaque != "":
		return s.Opaque
	}
	text := string(s.Effect)
	text += either(" to ", s.Principals, " to all but ", s.NotPrincipals)
	text += either(" ", s.Actions, " all actions but ", s.NotActions)
	text += either(" on ", s.Resources, " on all but ", s.NotResources)
	for i, c := range s.Conditions {
		text += fmt.Sprintf("%s%s %s %s", []string{" if ", " and "}[min(i, 1)], c.Key, c.Operator, strings.Join(c.Values, "|"))
	}
	return text
}

func either(label string, list []string, notLabel string, not []string) string {
	switch {
	case len(not) > 0:
		return notLabel + strings.Join(not, ", ")
	case len(list) > 0:
		return label + strings.Join(list, ", ")
	}
	return ""
}
