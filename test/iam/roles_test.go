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

// withoutContract names the roles, by the end of their path, that no program of ours has, each with the reason for which
// it needs no contract.
var withoutContract = map[string]string{}

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

// resolver knows the pseudo parameters, and the names and ARNs that CloudFormation would give to log groups.
func resolver(stack *assembly.Stack) policy.Resolver {
	return func(name, attribute string) (string, error) {
		switch name {
		case "AWS::Region":
			return stack.Region, nil
		case "AWS::AccountId":
			return stack.Account, nil
		case "AWS::Partition":
			return assembly.Partition(stack.Region), nil
		}
		if stack.Resources[name].Type == "AWS::Logs::LogGroup" {
			switch attribute {
			case "":
				return physicalName(stack, name), nil
			case "Arn": // ends so in CloudFormation, to cover the group's streams
				return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:*", stack.Region, stack.Account, physicalName(stack, name)), nil
			}
		}
		return "", fmt.Errorf("%s.%s: the contract does not know what CloudFormation makes of it", name, attribute)
	}
}

// physicalName is a name such as CloudFormation gives to a resource without one.
func physicalName(stack *assembly.Stack, logicalID string) string {
	return stack.Name + "-" + logicalID + "-EXAMPLE"
}

func TestEveryRoleHasAContract(t *testing.T) {
	covered := map[string]bool{}
	for _, s := range subjects(t) {
		covered[s.stack.ID+"/"+s.told.role] = true
	}
	excused := map[string]bool{}
	for _, stack := range built.assembly.Stacks {
		for _, r := range stack.ByType("AWS::IAM::Role") {
			path, _ := r.Metadata["aws:cdk:path"].(string)
			for end := range withoutContract {
				if strings.HasSuffix(path, end) {
					excused[end] = true
					covered[stack.ID+"/"+r.LogicalID] = true
				}
			}
			if !covered[stack.ID+"/"+r.LogicalID] {
				t.Errorf("stack %s: role %s (%s) has no contract: add a row to variants, or the role to withoutContract with a reason",
					stack.ID, r.LogicalID, path)
			}
		}
		if users := append(stack.ByType("AWS::IAM::User"), stack.ByType("AWS::IAM::Group")...); len(users) > 0 {
			t.Errorf("stack %s: has users or groups of its own: %v", stack.ID, users)
		}
	}
	for end := range withoutContract {
		if !excused[end] {
			t.Errorf("withoutContract: there is no role %s any more; take it out", end)
		}
	}
}

func TestOnlyTheServiceTakesTheRole(t *testing.T) {
	for _, s := range subjects(t) {
		document, _ := s.stack.Resources[s.told.role].Properties["AssumeRolePolicyDocument"].(map[string]any)
		statements, _ := document["Statement"].([]any)
		if len(statements) != 1 {
			t.Errorf("%s: role %s trusts in %d statements, want 1", s.stack.ID, s.told.role, len(statements))
			continue
		}
		statement, _ := statements[0].(map[string]any)
		principal, _ := statement["Principal"].(map[string]any)
		if statement["Effect"] != "Allow" || statement["Action"] != "sts:AssumeRole" || len(principal) != 1 || principal["Service"] != s.principal {
			t.Errorf("%s: role %s trusts %v; want only %s", s.stack.ID, s.told.role, statement, s.principal)
		}
	}
}
