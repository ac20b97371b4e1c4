// Package rules finds in a CloudFormation template what a deployment would refuse, or what would not work after it,
// and what CDK's own validation and cfn-lint let through: dashboards, failover records, policies whose actions and
// resources do not go together, text outside a service's character set. Every rule is on JSON, so it serves templates
// of any origin; package plugin lets an app run the rules while it synthesizes.
//
// It must not know CDK, nor what our constructs meant to make. What it cannot see in a template (a reference to a
// parameter, an import) it takes as right: a finding is always worth reading.
package rules

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is one defect of a template.
type Finding struct {
	Rule      string // name of the rule, such as "unknown-action"
	LogicalID string // of the resource; empty for the template as a whole
	Path      string // in the template, from the resource down, such as "Properties.Policies[0].PolicyDocument"
	Message   string // what is wrong and what would be right
}

// String is the finding on one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s.%s: %s", f.Rule, f.LogicalID, f.Path, f.Message)
}

// Rule is one of the rules, for lists and reports.
type Rule struct {
	Name    string
	Summary string // what it finds
	Source  string // where AWS says so, and what of it was not verified
	check   func(*check)
}

// Allowance accepts a finding that has a reason. One without a reason accepts nothing.
type Allowance struct {
	Rule    string // the rule's name
	Subject string // text that the resource's construct path or logical id, or the message, contains
	Reason  string
}

// All returns the rules, in the order in which they run.
func All() []Rule {
	return slices.Clone(all)
}

var all = []Rule{dashboards, records, managedPolicies, unknownActions, mismatches, wildcards, texts, functionEnvironments}

// Check returns what is wrong with the template, by logical id and path, save what is allowed.
func Check(template []byte, allowed ...Allowance) []Finding {
	c := check{}
	if err := json.Unmarshal(template, &c.template); err != nil {
		return []Finding{{Rule: "template", Message: "is not a CloudFormation template in JSON: " + err.Error()}}
	}
	for _, rule := range all {
		c.rule = rule.Name
		rule.check(&c)
	}
	found := slices.DeleteFunc(c.findings, func(f Finding) bool { return c.accepted(f, allowed) })
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.LogicalID, b.LogicalID), cmp.Compare(a.Path, b.Path))
	})
	return found
}

// resource is the part of a resource that the rules read.
type resource struct {
	Type       string         `json:"Type"`
	Properties map[string]any `json:"Properties"`
	Metadata   map[string]any `json:"Metadata"`
}

// check is one run over one template.
type check struct {
	template struct {
		Resources map[string]resource `json:"Resources"`
	}
	rule     string
	findings []Finding
}

func (c *check) find(logicalID, path, format string, args ...any) {
	c.findings = append(c.findings, Finding{c.rule, logicalID, path, fmt.Sprintf(format, args...)})
}

// each calls visit for the resources whose type is one of the kinds, or for all when there are none.
func (c *check) each(visit func(id string, r resource), kinds ...string) {
	for _, id := range slices.Sorted(maps.Keys(c.template.Resources)) {
		if r := c.template.Resources[id]; len(kinds) == 0 || slices.Contains(kinds, r.Type) {
			visit(id, r)
		}
	}
}

func (c *check) accepted(f Finding, allowed []Allowance) bool {
	construct, _ := c.template.Resources[f.LogicalID].Metadata["aws:cdk:path"].(string)
	return slices.ContainsFunc(allowed, func(a Allowance) bool {
		about := strings.Contains(construct, a.Subject) || strings.Contains(f.LogicalID, a.Subject) || strings.Contains(f.Message, a.Subject)
		return a.Rule == f.Rule && a.Reason != "" && a.Subject != "" && about
	})
}

// list is a value as a list: itself when it is one, and its only item otherwise, as IAM takes it.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}
