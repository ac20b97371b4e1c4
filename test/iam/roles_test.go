package iam_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// withoutContract names the roles that no program of ours has, by the end of their stack's id and the beginning of their
// logical id, each with the reason for which it has no contract.
var withoutContract = map[string]string{
	"data/RecordsReplication": "S3 takes it to copy objects to the other Region, and no program: test/synth compares its statements " +
		"with Amazon S3 User Guide, \"Setting up permissions for live replication\"",
	"network/NetworkFlowLogsRole": "VPC flow logs take it and no program: test/synth compares its one statement, on its " +
		"own log group, with Amazon VPC User Guide, \"IAM role for publishing flow logs to CloudWatch Logs\"",
	"network/NetworkDefaultGroupRole": "CDK's function for custom resources takes it while the stack is made, and makes the " +
		"two calls that its two statements name, on the default security group of the stack's VPC; test/synth compares them",
}

// policiesOf reads every policy of a role from its template. What it cannot read is an error: a policy that is not seen
// allows what nobody checks.
func policiesOf(stack *assembly.Stack, role string) ([]policy.Policy, error) {
	var policies []policy.Policy
	var problems []error
	add := func(name string, document any) {
		p, err := policy.Parse(name, document, resolver(stack))
		policies, problems = append(policies, p), append(problems, err)
	}
	properties := stack.Resources[role].Properties
	for name := range properties {
		if name == "ManagedPolicyArns" || name == "PermissionsBoundary" {
			problems = append(problems, fmt.Errorf("role %s has %s, whose content the template does not hold", role, name))
		}
	}
	inline, _ := properties["Policies"].([]any)
	for i, item := range inline {
		object, _ := item.(map[string]any)
		add(fmt.Sprintf("%s.Policies[%d]", role, i), object["PolicyDocument"])
	}
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"} {
		for _, r := range stack.ByType(kind) {
			attached := slices.Concat(stack.References(r.Properties["Roles"]), stack.References(r.Properties["RoleName"]))
			if slices.Contains(attached, role) {
				add(r.LogicalID, r.Properties["PolicyDocument"])
			}
		}
	}
	return policies, errors.Join(problems...)
}

// resolver knows the pseudo parameters, the outputs of other stacks, and the names and ARNs that CloudFormation would give
// to log groups, secrets and buckets.
func resolver(stack *assembly.Stack) policy.Resolver {
	return policy.Resolver{
		Reference: func(name, attribute string) (string, error) { return reference(stack, name, attribute) },
		Output: func(of, region, name string) (string, error) {
			for _, other := range built.assembly.Stacks {
				outputs, _ := other.Template["Outputs"].(map[string]any)
				output, ok := outputs[name].(map[string]any)
				if other.Name == of && other.Region == region && ok {
					return policy.Text(output["Value"], resolver(other))
				}
			}
			return "", fmt.Errorf("no stack %s in %s has an output %s", of, region, name)
		},
	}
}

func reference(stack *assembly.Stack, name, attribute string) (string, error) {
	kind := stack.Resources[name].Type
	regional := func(format string) string {
		return fmt.Sprintf(format, stack.Region, stack.Account, physicalName(stack, name))
	}
	switch kind + "." + attribute {
	case "AWS::Logs::LogGroup.", "AWS::Lambda::Function.", "AWS::CodeDeploy::Application.", "AWS::CodeDeploy::DeploymentGroup.":
		return physicalName(stack, name), nil
	case "AWS::Lambda::Function.Arn":
		return regional("arn:aws:lambda:%s:%s:function:%s"), nil
	case "AWS::Lambda::Version.":
		function, _, _ := assembly.Reference(stack.Resources[name].Properties["FunctionName"])
		arn, err := reference(stack, function, "Arn")
		return arn + ":7", err
	case "AWS::ElasticLoadBalancingV2::LoadBalancer.DNSName":
		return physicalName(stack, name) + "." + stack.Region + ".elb.amazonaws.com", nil
	case "AWS::ElasticLoadBalancingV2::TargetGroup.":
		return regional("arn:aws:elasticloadbalancing:%s:%s:targetgroup/%s/0123456789abcdef"), nil
	case "AWS::ElasticLoadBalancingV2::ListenerRule.":
		return regional("arn:aws:elasticloadbalancing:%s:%s:listener-rule/app/%s/0123456789abcdef/0123456789abcdef/0123456789abcdef"), nil
	case "AWS::Logs::LogGroup.Arn": // ends so in CloudFormation, to cover the group's streams
		return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:*", stack.Region, stack.Account, physicalName(stack, name)), nil
	case "AWS::Bedrock::ApplicationInferenceProfile.InferenceProfileArn": // made up, as the program was told it
		return stack.String(assembly.Resource{LogicalID: name, Properties: map[string]any{"ARN": map[string]any{"Fn::GetAtt": []any{name, attribute}}}}, "ARN")
	case "AWS::S3::Bucket.Arn":
		bucket, err := reference(stack, name, "")
		return "arn:aws:s3:::" + bucket, err
	}
	if attribute == "" {
		// What a local run knows, so that a program is told the same.
		r := assembly.Resource{LogicalID: name, Properties: map[string]any{"Value": map[string]any{"Ref": name}}}
		return stack.String(r, "Value")
	}
	return "", fmt.Errorf("%s.%s: the contract does not know what CloudFormation makes of it", name, attribute)
}

// physicalName is a name such as CloudFormation gives to a resource without one.
func physicalName(stack *assembly.Stack, logicalID string) string {
	return stack.Name + "-" + logicalID + "-EXAMPLE"
}

func TestEveryRoleHasAContract(t *testing.T) {
	covered := map[string]bool{}
	for _, s := range subjects(t) {
		for _, r := range s.asked(t).roles {
			covered[s.stack.ID+"/"+r.id] = true
		}
	}
	excused := map[string]bool{}
	for _, stack := range built.assembly.Stacks {
		for _, r := range stack.ByType("AWS::IAM::Role") {
			id := stack.ID + "/" + r.LogicalID
			for role := range withoutContract {
				if _, after, ok := strings.Cut("/"+id, "/"+role); ok && !strings.Contains(after, "/") {
					excused[role], covered[id] = true, true
				}
			}
			if !covered[id] {
				t.Errorf("role %s has no contract: add a row to variants, or the role to withoutContract with a reason", id)
			}
		}
		if users := append(stack.ByType("AWS::IAM::User"), stack.ByType("AWS::IAM::Group")...); len(users) > 0 {
			t.Errorf("stack %s: has users or groups of its own: %v", stack.ID, users)
		}
	}
	for role := range withoutContract {
		if !excused[role] {
			t.Errorf("withoutContract: there is no role %s any more; take it out", role)
		}
	}
}

func TestOnlyTheServiceTakesTheRole(t *testing.T) {
	for _, s := range subjects(t) {
		for _, r := range s.asked(t).roles {
			if problem := wrongTrust(s.stack.Resources[r.id], r.principal); problem != "" {
				t.Errorf("%s: role %s %s", s.stack.ID, r.id, problem)
			}
		}
	}
}

// wrongTrust says what is wrong with the one statement that lets a service take a role. Conditions only narrow it.
func wrongTrust(role assembly.Resource, service string) string {
	document, _ := role.Properties["AssumeRolePolicyDocument"].(map[string]any)
	statements, _ := document["Statement"].([]any)
	if len(statements) != 1 {
		return fmt.Sprintf("trusts in %d statements, want 1", len(statements))
	}
	statement, _ := statements[0].(map[string]any)
	principal, _ := statement["Principal"].(map[string]any)
	if statement["Effect"] != "Allow" || statement["Action"] != "sts:AssumeRole" || len(principal) != 1 || principal["Service"] != service {
		return fmt.Sprintf("trusts %v; want only %s", statement, service)
	}
	return ""
}
