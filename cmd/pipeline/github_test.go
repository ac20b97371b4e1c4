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
func gitHub(t *testing.T, folder, name string, more ...string) (said string, trust map[string]any, may []policy.Policy) {
	t.Helper()
	out := t.TempDir()
	said, err := runHere(t, t.Context(), append([]string{"bootstrap", "-folder", folder, "-environment", name, "-out", out, "-github", "o/r"}, more...)...)
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
	said, trust, _ := gitHub(t, "../../environments", "prod")
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
		_, _, may := gitHub(t, "../../environments", name)
		for _, tt := range tests {
			decision, err := policy.Decide(may, policy.Request{Action: tt.action, Resource: tt.resource})
			if err != nil || (decision.Outcome == policy.Allowed) != tt.allowed {
				t.Errorf("%s: %s on %s: %v, %v; want it allowed: %t", name, tt.action, tt.resource, decision.Outcome, err, tt.allowed)
			}
		}
	}
}

// keyedEverywhere is an environment whose three variants ask for API keys, two of them where anybody may call.
const keyedEverywhere = `account: "111111111111"
regions: [us-east-1]
network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}
edge:
  internetFacing: true
  callers: [0.0.0.0/0]
  openReason: callers of every customer show API keys here
  certificates: {us-east-1: "arn:aws:acm:us-east-1:111111111111:certificate/1"}
auth: {mode: keys}
serverless: {api: {authorizer: none}}
containers: {domain: gateway.example.com}
instances: {}
`

// environmentsOf is a folder with one environment, dev.
func environmentsOf(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "dev.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestGitHubsRoleFindsWhatItAsks holds the role of an environment with keys against what .ci/ask does by it.
func TestGitHubsRoleFindsWhatItAsks(t *testing.T) {
	folder := environmentsOf(t, keyedEverywhere)
	stack := func(variant string) string {
		return "arn:aws:cloudformation:us-east-1:111111111111:stack/dev-us-east-1-" + variant + "/1"
	}
	const secret = "arn:aws:secretsmanager:us-east-1:111111111111:secret:"
	_, _, may := gitHub(t, folder, "dev", "-key-secret", "suite-key")
	_, _, keyless := gitHub(t, folder, "dev")
	for _, tt := range []struct {
		action, resource string
		allowed          bool
	}{
		{"cloudformation:DescribeStacks", stack("serverless"), true},
		{"cloudformation:DescribeStacks", stack("containers"), true},
		{"cloudformation:DescribeStacks", stack("instances"), false}, // has no name, and is not asked
		{"secretsmanager:GetSecretValue", secret + "suite-key-AbCdEf", true},
		{"secretsmanager:GetSecretValue", secret + "suite-key-of-others-AbCdEf", false},
		{"secretsmanager:PutSecretValue", secret + "suite-key-AbCdEf", false},
		{"execute-api:Invoke", "arn:aws:execute-api:us-east-1:111111111111:abc/live/POST/v1/messages", false}, // signs nothing
	} {
		decision, err := policy.Decide(may, policy.Request{Action: tt.action, Resource: tt.resource})
		if err != nil || (decision.Outcome == policy.Allowed) != tt.allowed {
			t.Errorf("%s on %s: %v, %v; want it allowed: %t", tt.action, tt.resource, decision.Outcome, err, tt.allowed)
		}
	}
	if decision, err := policy.Decide(keyless, policy.Request{Action: "secretsmanager:GetSecretValue", Resource: secret + "-AbCdEf"}); err != nil || decision.Outcome == policy.Allowed {
		t.Errorf("without a secret that is named, one may be read: %v, %v", decision.Outcome, err)
	}
}

func TestAKeyThatNobodyShowsIsRefused(t *testing.T) {
	for want, arguments := range map[string][]string{
		`-key-secret is "a b"; give the name of a secret`:                                       {"-folder", environmentsOf(t, keyedEverywhere), "-github", "o/r", "-key-secret", "a b"},
		`-key-secret is "key", and nothing of dev is asked with an API key; leave it out`:       {"-folder", "../../environments", "-github", "o/r", "-key-secret", "key"},
		`-key-secret is "key", and -github is missing: the role of a repository's workflows re`: {"-folder", "../../environments", "-key-secret", "key"},
	} {
		_, err := runHere(t, t.Context(), append([]string{"bootstrap", "-out", t.TempDir()}, arguments...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEndpointsAreListedForTheScript(t *testing.T) {
	got, err := runHere(t, t.Context(), "endpoints", "-folder", environmentsOf(t, keyedEverywhere))
	const want = "ask\tus-east-1\tserverless\tdev-us-east-1-serverless\tkey\t\n" +
		"ask\tus-east-1\tcontainers\tdev-us-east-1-containers\tkey\t\n" +
		"not\tus-east-1\tinstances\tinstances.domain is missing, and no certificate can be for the balancer's own name\n"
	if err != nil || got != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
	got, err = runHere(t, t.Context(), "endpoints", "-folder", "../../environments", "-environment", "prod", "-region", "us-west-2")
	if err != nil || !strings.HasPrefix(got, "ask\tus-west-2\tserverless\tprod-us-west-2-serverless\tkey\tus-west-2.lambda.gateway.example.com\nnot\tus-west-2\tcontainers\t") ||
		strings.Contains(got, "us-east-1") {
		t.Errorf("%v, got\n%s", err, got)
	}
	_, err = runHere(t, t.Context(), "endpoints", "-folder", "../../environments", "-region", "us-west-2")
	if err == nil || err.Error() != `-region is "us-west-2", and the Regions of dev are us-east-1` {
		t.Errorf("got %v", err)
	}
}
