package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// kind is what a service takes for a text; CloudFormation takes any, and the deployment fails half way.
type kind struct {
	allowed *regexp.Regexp
	meaning string
	max     int // characters; 0 for no limit that we know
}

var (
	securityGroup = kind{regexp.MustCompile(`^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]*$`), "letters A to Z, digits, blanks and ._-:/()#,@[]+=&;{}!$*", 255}
	iamText       = kind{regexp.MustCompile("^[\t\n\r -~\u00a1-\u00ff]*$"), "Latin-1 characters", 1000}
	iamRole       = kind{regexp.MustCompile(`^[\w+=,.@-]+$`), "letters A to Z, digits and _+=,.@-", 64}
	iamName       = kind{iamRole.allowed, iamRole.meaning, 128}
	wafText       = kind{regexp.MustCompile(`^[a-zA-Z0-9=:#@/,.-][a-zA-Z0-9_+=:#@/,. -]+[a-zA-Z0-9_+=:#@/,.-]$`), "three or more of letters A to Z, digits and =:#@/-,. and inside _+ and blanks", 256}
	wafName       = kind{regexp.MustCompile(`^[\w-]+$`), "letters A to Z, digits, _ and -", 128}
	apiStage      = kind{wafName.allowed, wafName.meaning, 128}
	apiName       = kind{regexp.MustCompile(`^[^\x01-\x1f]+$`), "text without control characters", 1024}
	lambdaText    = kind{regexp.MustCompile(`(?s)^.*$`), "any text", 256}
)

// kinds says of what kind the texts are, by the type of the resource and the path of the property; [] is every item.
var kinds = map[string]map[string]kind{
	"AWS::ApiGateway::RestApi":       {"Name": apiName},
	"AWS::ApiGateway::Stage":         {"StageName": apiStage},
	"AWS::EC2::SecurityGroup":        {"GroupName": securityGroup, "GroupDescription": securityGroup, "SecurityGroupIngress[].Description": securityGroup, "SecurityGroupEgress[].Description": securityGroup},
	"AWS::EC2::SecurityGroupEgress":  {"Description": securityGroup},
	"AWS::EC2::SecurityGroupIngress": {"Description": securityGroup},
	"AWS::IAM::ManagedPolicy":        {"Description": iamText, "ManagedPolicyName": iamName},
	"AWS::IAM::Policy":               {"PolicyName": iamName},
	"AWS::IAM::Role":                 {"Description": iamText, "RoleName": iamRole, "Policies[].PolicyName": iamName},
	"AWS::IAM::RolePolicy":           {"PolicyName": iamName},
	"AWS::Lambda::Function":          {"Description": lambdaText},
	"AWS::WAFv2::IPSet":              {"Description": wafText, "Name": wafName},
	"AWS::WAFv2::RegexPatternSet":    {"Description": wafText, "Name": wafName},
	"AWS::WAFv2::RuleGroup":          {"Description": wafText, "Name": wafName, "Rules[].Name": wafName},
	"AWS::WAFv2::WebACL":             {"Description": wafText, "Name": wafName, "Rules[].Name": wafName, "VisibilityConfig.MetricName": wafName, "Rules[].VisibilityConfig.MetricName": wafName},
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
					if text, ok := c.text(value); ok {
						c.characters(id, at, text, kinds[r.Type][path])
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

func (c *check) characters(id, at, text string, k kind) {
	// What only CloudFormation knows counts as one good character: an id or a name of AWS's own making.
	text = strings.ReplaceAll(text, unknown, "x")
	if n := utf8.RuneCountInString(text); k.max > 0 && n > k.max {
		c.find(id, at, "has %d characters; AWS takes %d", n, k.max)
	}
	if !k.allowed.MatchString(text) {
		c.find(id, at, "is %q; AWS takes %s", text, k.meaning)
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
