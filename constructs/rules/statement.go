package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// statement is one statement of a policy anywhere in a template.
type statement struct {
	logicalID string
	path      string
	// identity tells that the policy says what its holder may do. In the other ones, such as a key's policy, a
	// resource of * means the thing that the policy belongs to.
	identity  bool
	allow     bool
	actions   []string
	not       []string // actions of NotAction
	resources []string // nil when the statement has none or NotResource
}

var identityTypes = []string{"AWS::IAM::Group", "AWS::IAM::GroupPolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy",
	"AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::IAM::User", "AWS::IAM::UserPolicy"}

// statements returns the statements of all policies, which are where a property has a Statement, whatever its name.
func (c *check) statements() []statement {
	var found []statement
	c.each(func(id string, r resource) {
		c.walk("Properties", r.Properties, func(path string, object map[string]any) {
			for i, item := range list(object["Statement"]) {
				if fields, ok := item.(map[string]any); ok {
					s := c.statement(fields)
					s.logicalID, s.path = id, fmt.Sprintf("%s.Statement[%d]", path, i)
					s.identity = slices.Contains(identityTypes, r.Type) && !strings.Contains(path, "AssumeRolePolicyDocument")
					found = append(found, s)
				}
			}
		})
	})
	return found
}

func (c *check) statement(fields map[string]any) statement {
	return statement{
		allow:     fields["Effect"] == "Allow",
		actions:   c.texts(fields["Action"]),
		not:       c.texts(fields["NotAction"]),
		resources: c.texts(fields["Resource"]),
	}
}

func (c *check) texts(value any) []string {
	var texts []string
	for _, item := range list(value) {
		text, ok := c.text(item)
		if !ok {
			text = unknown
		}
		texts = append(texts, text)
	}
	return texts
}

// walk calls visit for every object in a value.
func (c *check) walk(path string, value any, visit func(path string, object map[string]any)) {
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			c.walk(fmt.Sprintf("%s[%d]", path, i), item, visit)
		}
	case map[string]any:
		visit(path, v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.walk(path+"."+key, v[key], visit)
		}
	}
}
