package rules

import (
	"slices"
	"strings"
)

const authorizationSource = "AWS Service Authorization Reference, " +
	"docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html; " +
	"its tables by way of cfn-lint 1.51.0, whose copy they are"

// instead names what callers of an operation often write, and what IAM checks in its place.
var instead = map[string]string{
	"bedrock:converse":       "the operation Converse is allowed by bedrock:InvokeModel",
	"bedrock:conversestream": "the operation ConverseStream is allowed by bedrock:InvokeModelWithResponseStream",
}

var unknownActions = Rule{
	Name:    "unknown-action",
	Summary: "a policy names an action that IAM does not know for the services in our table; it would grant or deny nothing",
	Source:  authorizationSource,
	check: func(c *check) {
		for _, s := range c.statements() {
			for _, pattern := range append(slices.Clone(s.actions), s.not...) {
				a := readAction(pattern)
				switch {
				case pattern == "*" || strings.Contains(pattern, unknown):
				case !strings.Contains(pattern, ":"):
					c.find(s.logicalID, s.path, "action %q names no service", pattern)
				case a.known && len(a.names) == 0:
					message := "action " + pattern + " does not exist"
					if hint := instead[strings.ToLower(pattern)]; hint != "" {
						message += "; " + hint
					}
					c.find(s.logicalID, s.path, "%s", message)
				}
			}
		}
	},
}

var mismatches = Rule{
	Name: "action-resource",
	Summary: "an action of a statement takes none of its resources, or a resource is taken by none of its actions: " +
		"IAM accepts the policy, and the call is denied at run time",
	Source: authorizationSource,
	check: func(c *check) {
		for _, s := range c.statements() {
			c.mismatch(s)
		}
	},
}

func (c *check) mismatch(s statement) {
	if len(s.resources) == 0 || len(s.actions) == 0 {
		return
	}
	shown := strings.ReplaceAll(strings.Join(s.resources, ", "), unknown, "…")
	before := len(c.findings)
	var actions []action
	for _, pattern := range s.actions {
		a := readAction(pattern)
		actions = append(actions, a)
		if slices.ContainsFunc(s.resources, a.takes) {
			continue
		}
		if forms, onlyAll := a.forms(); onlyAll && len(forms) == 0 {
			c.find(s.logicalID, s.path, "%s takes only the resource *, and not %s", pattern, shown)
		} else {
			c.find(s.logicalID, s.path, "%s takes %s, and not %s", pattern, strings.Join(forms, " or "), shown)
		}
	}
	if len(c.findings) > before {
		return // the resources would say it once more
	}
	for _, resource := range s.resources {
		if !slices.ContainsFunc(actions, func(a action) bool { return a.takes(resource) }) {
			c.find(s.logicalID, s.path, "resource %s is of a kind that none of %s takes",
				strings.ReplaceAll(resource, unknown, "…"), strings.Join(s.actions, ", "))
		}
	}
}

var wildcards = Rule{
	Name: "wildcard",
	Summary: "a statement allows what its holder may do with * for actions or for a whole kind of resource. Actions that " +
		"IAM offers on * only are free to have it; the rest need an Allowance with its reason",
	Source: "IAM best practices (least privilege), docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html, not verified here; " + authorizationSource,
	check: func(c *check) {
		for _, s := range c.statements() {
			if !s.identity || !s.allow {
				continue
			}
			for _, pattern := range s.actions {
				if strings.Contains(pattern, "*") {
					c.find(s.logicalID, s.path, "allows actions %s: name the actions", pattern)
				}
			}
			for _, pattern := range s.not {
				c.find(s.logicalID, s.path, "allows every action but %s: name the actions that are needed", pattern)
			}
			for _, resource := range s.resources {
				if wide(resource) && !slices.ContainsFunc(s.actions, onlyOnAll) {
					c.find(s.logicalID, s.path, "allows %s on %s: name the resources",
						strings.Join(s.actions, ", "), strings.ReplaceAll(resource, unknown, "…"))
				}
			}
		}
	},
}

// wide tells whether a resource is everything, or everything of one kind.
func wide(resource string) bool {
	if resource == "*" {
		return true
	}
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) < 6 {
		return false
	}
	name := parts[5]
	if parts[2] != "s3" { // whose ARNs do not name the kind
		if i := strings.IndexAny(name, ":/"); i >= 0 {
			name = name[i+1:]
		}
	}
	return name != "" && strings.Trim(name, "*:/") == ""
}

// onlyOnAll tells whether IAM takes the action on * only. A statement with such an action has no other choice for its
// resource; that actions with a choice are beside it is a finding of the contract test, not of this rule.
func onlyOnAll(pattern string) bool {
	a := readAction(pattern)
	forms, onlyAll := a.forms()
	return onlyAll && len(forms) == 0
}

// managed is the AWS managed policies that are known to exist.
var managed = []string{
	"AmazonSSMManagedInstanceCore",
	"AWSXRayDaemonWriteAccess",
	"CloudWatchAgentServerPolicy",
	"service-role/AmazonAPIGatewayPushToCloudWatchLogs",
	"service-role/AmazonECSTaskExecutionRolePolicy",
	"service-role/AWSLambdaBasicExecutionRole",
	"service-role/AWSLambdaVPCAccessExecutionRole",
}

var managedPolicies = Rule{
	Name:    "managed-policy",
	Summary: "an AWS managed policy is not in our list of those that exist: a wrong name is found by IAM only at deployment",
	Source: "AWS Managed Policy Reference Guide, docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html; " +
		"the names in the list were not verified there",
	check: func(c *check) {
		c.each(func(id string, r resource) {
			for _, property := range []string{"ManagedPolicyArns", "PermissionsBoundary"} {
				for _, arn := range c.texts(r.Properties[property]) {
					parts := strings.SplitN(arn, ":", 6)
					if len(parts) < 6 || parts[4] != "aws" {
						continue // not AWS's, or not known before deployment
					}
					if name := strings.TrimPrefix(parts[5], "policy/"); !slices.Contains(managed, name) {
						c.find(id, "Properties."+property, "AWS managed policy %q is unverified: see that it exists and add it to the list, or allow it", name)
					}
				}
			}
		}, "AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
	},
}
