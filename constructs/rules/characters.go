package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/text"
)

// kinds says of what kind the texts are, by the type of the resource and the path of the property; [] is every item.
var kinds = map[string]map[string]text.Kind{
	"AWS::ApiGateway::RestApi":       {"Name": text.APIName},
	"AWS::ApiGateway::Stage":         {"StageName": text.APIStage},
	"AWS::EC2::SecurityGroup":        {"GroupName": text.SecurityGroup, "GroupDescription": text.SecurityGroup, "SecurityGroupIngress[].Description": text.SecurityGroup, "SecurityGroupEgress[].Description": text.SecurityGroup},
	"AWS::EC2::SecurityGroupEgress":  {"Description": text.SecurityGroup},
	"AWS::EC2::SecurityGroupIngress": {"Description": text.SecurityGroup},
	"AWS::IAM::ManagedPolicy":        {"Description": text.IAM, "ManagedPolicyName": text.IAMName},
	"AWS::IAM::Policy":               {"PolicyName": text.IAMName},
	"AWS::IAM::Role":                 {"Description": text.IAM, "RoleName": text.IAMRole, "Policies[].PolicyName": text.IAMName},
	"AWS::IAM::RolePolicy":           {"PolicyName": text.IAMName},
	"AWS::Lambda::Function":          {"Description": text.Lambda},
	"AWS::WAFv2::IPSet":              {"Description": text.WAF, "Name": text.WAFName},
	"AWS::WAFv2::RegexPatternSet":    {"Description": text.WAF, "Name": text.WAFName},
	"AWS::WAFv2::RuleGroup":          {"Description": text.WAF, "Name": text.WAFName, "Rules[].Name": text.WAFName},
	"AWS::WAFv2::WebACL":             {"Description": text.WAF, "Name": text.WAFName, "Rules[].Name": text.WAFName, "VisibilityConfig.MetricName": text.WAFName, "Rules[].VisibilityConfig.MetricName": text.WAFName},
}

var texts = Rule{
	Name:    "text",
	Summary: "a name or a description has characters, or a length, that its service refuses at deployment",
	Source: "EC2: AWS::EC2::SecurityGroup, docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-ec2-security-group.html. " +
		"IAM roles, WAF and Lambda: the patterns of their CloudFormation resource schemas, and IAM names as aws-cdk-lib quotes " +
		"docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-rolepolicy.html. API Gateway stages: " +
		"docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-stage.html. The underscore in WAF descriptions, the description of managed policies and names " +
		"of REST APIs: AWS service limit, not verified here",
	check: func(c *check) {
		c.each(func(id string, r resource) {
			for _, path := range slices.Sorted(maps.Keys(kinds[r.Type])) {
				c.property("Properties", r.Properties, strings.Split(path, "."), func(at string, value any) {
					if written, ok := c.text(value); ok {
						c.characters(id, at, written, kinds[r.Type][path])
					}
				})
			}
		})
	},
}

// property calls visit for each value at a path whose items may end in [].
func (c *check) property(at string, value any, path []string, visit func(at string, value any)) {
	if len(path) == 0 {
		visit(at, value)
		return
	}
	object, _ := value.(map[string]any)
	name, many := strings.CutSuffix(path[0], "[]")
	next, ok := object[name]
	if !ok {
		return
	}
	if !many {
		c.property(at+"."+name, next, path[1:], visit)
		return
	}
	for i, item := range list(next) {
		c.property(fmt.Sprintf("%s.%s[%d]", at, name, i), item, path[1:], visit)
	}
}

func (c *check) characters(id, at, written string, k text.Kind) {
	// What only CloudFormation knows counts as one good character: an id or a name of AWS's own making.
	written = strings.ReplaceAll(written, unknown, "x")
	if n := utf8.RuneCountInString(written); n > k.Max {
		c.find(id, at, "has %d characters; AWS takes %d", n, k.Max)
	}
	if !k.Allowed.MatchString(written) {
		c.find(id, at, "is %q; AWS takes %s", written, k.Meaning)
	}
}

// maxEnvironment is in bytes, for names and values together.
const maxEnvironment = 4096

var functionEnvironments = Rule{
	Name:    "function-environment",
	Summary: "the environment of a Lambda function is larger than 4 KB, with what is known of it",
	Source: "Lambda quotas, docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: \"Function environment variables: 4 KB\"; " +
		"that names count too is not verified here",
	check: func(c *check) {
		c.each(func(id string, r resource) {
			environment, _ := r.Properties["Environment"].(map[string]any)
			variables, _ := environment["Variables"].(map[string]any)
			size := 0
			for name, value := range variables {
				text, _ := c.text(value)
				size += len(name) + len(text)
			}
			if size > maxEnvironment {
				c.find(id, "Properties.Environment.Variables", "are %d bytes; Lambda takes %d", size, maxEnvironment)
			}
		}, "AWS::Lambda::Function")
	},
}
