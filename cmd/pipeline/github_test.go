package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// gitHub is what the command makes for a repository: what it prints, and the two documents.
func gitHub(t *testing.T, name string) (said string, trust map[string]any, may []policy.Policy) {
	t.Helper()
	out := t.TempDir()
	said, err := runHere(t, t.Context(), "bootstrap", "-folder", "../../environments", "-environment", name, "-out", out, "-github", "o/r")
	if err != nil {
		t.Fatal(err)
	}
	read := func(what string) (document map[string]any) {
		text, err := os.ReadFile(filepath.Join(out, "github-"+name+"-"+what+".json"))
		if err == nil {
			err = json.Unmarshal(text, &document)
		}
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	p, err := policy.Parse(name, read("policy"), policy.Resolver{})
	if err != nil {
		t.Fatal(err)
	}
	return said, read("trust"), []policy.Policy{p}
}

func TestGitHubsRoleTrustsOneEnvironmentOfOneRepository(t *testing.T) {
	said, trust, _ := gitHub(t, "prod")
	const issuer = "token.actions.githubusercontent.com"
	want := map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": []any{"sts:AssumeRoleWithWebIdentity"},
		"Principal": map[string]any{"Federated": "arn:aws:iam::222222222222:oidc-provider/" + issuer},
		"Condition": map[string]any{"StringEquals": map[string]any{issuer + ":aud": "sts.amazonaws.com", issuer + ":sub": "repo:o/r:environment:prod"}},
	}}}
	if diff := cmp.Diff(want, trust); diff != "" {
		t.Error(diff)
	}
	for _, command := range []string{"aws iam create-open-id-connect-provider --url https://" + issuer, "aws iam create-role --role-name github-prod --max-session-duration 10800",
		"aws iam put-role-policy --role-name github-prod", "cdk --app '' bootstrap aws://222222222222/us-west-2"} {
		if !strings.Contains(said, command) {
			t.Errorf("no %q in\n%s", command, said)
		}
	}
	for _, repository := range []string{"o", "o/r:*", "o/*", "o/r/s"} {
		if _, err := runHere(t, t.Context(), "bootstrap", "-folder", "../../environments", "-out", t.TempDir(), "-github", repository); err == nil || !strings.Contains(err.Error(), "give a repository as owner/name") {
			t.Errorf("%s: got %v", repository, err)
		}
	}
}

func TestGitHubsRoleDeploysAndNothingElse(t *testing.T) {
	const dev, prod = "111111111111", "222222222222"
	role := func(account, kind, region string) string {
		return "arn:aws:iam::" + account + ":role/cdk-hnb659fds-" + kind + "-role-" + account + "-" + region
	}
	for name, tests := range map[string][]struct {
		action, resource string
		allowed          bool
	}{
		"prod": {
			{"sts:AssumeRole", role(prod, "deploy", "us-east-1"), true},
			{"sts:AssumeRole", role(prod, "deploy", "us-west-2"), true},
			{"sts:AssumeRole", role(prod, "file-publishing", "us-west-2"), true},
			{"sts:AssumeRole", role(prod, "image-publishing", "us-west-2"), true},
			{"sts:AssumeRole", role(prod, "lookup", "us-east-1"), true},
			{"sts:AssumeRole", role(prod, "cfn-exec", "us-east-1"), false},
			{"sts:AssumeRole", role(prod, "deploy", "eu-west-1"), false},
			{"sts:AssumeRole", role(dev, "deploy", "us-east-1"), false},
			{"sts:AssumeRole", "arn:aws:iam::" + prod + ":role/cdk-hnb659fds-other", false},
			{"sts:AssumeRole", "arn:aws:iam::" + prod + ":role/Administrator", false},
			{"iam:PassRole", role(prod, "deploy", "us-east-1"), false},
			{"cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:" + prod + ":stack/prod-us-east-1-serverless/1", false},
			{"execute-api:Invoke", "arn:aws:execute-api:us-east-1:" + prod + ":abc/live/POST/v1/messages", false},
		},
		"dev": {
			{"sts:AssumeRole", role(dev, "deploy", "us-east-1"), true},
			{"sts:AssumeRole", role(dev, "deploy", "us-west-2"), false},
			{"cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:" + dev + ":stack/dev-us-east-1-serverless/1", true},
			{"cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:" + dev + ":stack/other/1", false},
			{"cloudformation:UpdateStack", "arn:aws:cloudformation:us-east-1:" + dev + ":stack/dev-us-east-1-serverless/1", false},
			{"execute-api:Invoke", "arn:aws:execute-api:us-east-1:" + dev + ":abc/live/POST/v1/messages", true},
			{"execute-api:Invoke", "arn:aws:execute-api:us-east-1:" + dev + ":abc/live/DELETE/v1/messages", false},
			{"execute-api:Invoke", "arn:aws:execute-api:us-east-1:" + dev + ":abc/other/GET/v1/models", false},
		},
	} {
		_, _, may := gitHub(t, name)
		for _, tt := range tests {
			decision, err := policy.Decide(may, policy.Request{Action: tt.action, Resource: tt.resource})
			if err != nil || (decision.Outcome == policy.Allowed) != tt.allowed {
				t.Errorf("%s: %s on %s: %v, %v; want it allowed: %t", name, tt.action, tt.resource, decision.Outcome, err, tt.allowed)
			}
		}
	}
}
