package synth

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
)

// statement is an IAM statement as it is meant: lists where IAM allows a text or a list, each sorted.
type statement struct {
	Effect    string
	Actions   []string
	Resources []string // ARNs, or a reference to another resource as JSON
	Condition any      // nil for none
}

// statementsOf reads a policy document. A kind of statement that these tests do not know is a failure.
func statementsOf(t *testing.T, document any) []statement {
	t.Helper()
	var statements []statement
	for _, raw := range document.(map[string]any)["Statement"].([]any) {
		s := statement{}
		for key, content := range raw.(map[string]any) {
			switch key {
			case "Effect":
				s.Effect = content.(string)
			case "Action":
				s.Actions = texts(t, content)
			case "Resource":
				s.Resources = texts(t, content)
			case "Condition":
				s.Condition = content
			default:
				t.Errorf("a statement has %s, which these tests do not know", key)
			}
		}
		statements = append(statements, s)
	}
	slices.SortFunc(statements, func(a, b statement) int { return strings.Compare(compact(t, a), compact(t, b)) })
	return statements
}

func texts(t *testing.T, content any) []string {
	t.Helper()
	list, ok := content.([]any)
	if !ok {
		list = []any{content}
	}
	var found []string
	for _, element := range list {
		if text, ok := element.(string); ok {
			found = append(found, text)
			continue
		}
		found = append(found, compact(t, element))
	}
	slices.Sort(found)
	return found
}

// allow is a statement that allows both ways to invoke the resources; condition pairs are keys and values.
func allow(resources []string, condition ...string) statement {
	s := statement{Effect: "Allow", Actions: access.Actions(), Resources: resources}
	if len(condition) > 0 {
		equals := map[string]any{}
		for i := 0; i < len(condition); i += 2 {
			equals[condition[i]] = condition[i+1]
		}
		s.Condition = map[string]any{"StringEquals": equals}
	}
	return s
}

func TestRoleAllowsExactlyTheModelsAndItsLogs(t *testing.T) {
	const (
		west    = "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-5-5"
		ireland = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-5-5"
		global  = "arn:aws:bedrock:us-west-2:123456789012:inference-profile/global.anthropic.claude-sonnet-5-5"
	)
	e := written(t, "direct", direct)
	e.Models = append(e.Models, written(t, "global", `account: "123456789012"
regions: [us-west-2]
models: {sonnet: {targets: [{model: global.anthropic.claude-sonnet-5-5}]}}
serverless: {}
`).Models...)
	tp := templateOf(t, synthesize(t, stub(t), e), "direct-us-west-2")

	got := statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"])
	logs := statement{Effect: "Allow", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []string{`{"Fn::GetAtt":["GatewayLogs34792D0F","Arn"]}`}}
	want := []statement{
		logs,
		allow([]string{ireland, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", global, west}),
		allow([]string{
			"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5",
			"arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-5-5",
			"arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-5-5",
		}, "bedrock:InferenceProfileArn", west),
		allow([]string{
			"arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-opus-5-5",
			"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-opus-5-5",
		}, "bedrock:InferenceProfileArn", ireland),
		allow([]string{"arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-5-5"},
			"bedrock:InferenceProfileArn", global),
		allow([]string{"arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-5-5"},
			"bedrock:InferenceProfileArn", global, "aws:RequestedRegion", "unspecified"),
	}
	for i := range want {
		slices.Sort(want[i].Resources)
	}
	slices.SortFunc(want, func(a, b statement) int { return strings.Compare(compact(t, a), compact(t, b)) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	role := tp.only(t, "AWS::IAM::Role")
	if managed, ok := role.Properties["ManagedPolicyArns"]; ok {
		t.Errorf("the role has managed policies too: %v", managed)
	}
	if inline, ok := role.Properties["Policies"]; ok {
		t.Errorf("the role has inline policies too: %v", inline)
	}
}

func TestNoStatementHasAWildcard(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "dev"), shipped(t, "prod"), shipped(t, "local"), written(t, "direct", direct))
	for _, stage := range []string{"dev-us-east-1", "prod-us-east-1", "local-us-east-1", "direct-us-west-2"} {
		// What rolls out must name every version of the function: TestFunctionIsRolledOutByCodeDeploy.
		for _, policy := range templateOf(t, out, stage).withoutRollout().all("AWS::IAM::Policy") {
			for _, s := range statementsOf(t, policy.Properties["PolicyDocument"]) {
				for _, text := range slices.Concat(s.Actions, s.Resources) {
					if strings.Contains(text, "*") {
						t.Errorf("%s: %s", stage, text)
					}
				}
			}
		}
	}
}

func TestAccess(t *testing.T) {
	const account = "123456789012"
	tests := []struct {
		name    string
		targets []access.Target
		want    []access.Statement
		wantErr string
	}{
		{"none", nil, nil, ""},
		{"on demand", []access.Target{{Model: "amazon.nova-lite-v1:0", Region: "eu-west-1"}}, []access.Statement{
			{Resources: []string{"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"}}}, ""},
		{"twice is once", []access.Target{{Model: "amazon.nova-lite-v1:0", Region: "eu-west-1"}, {Model: "amazon.nova-lite-v1:0", Region: "eu-west-1"}},
			[]access.Statement{{Resources: []string{"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"}}}, ""},
		{"on demand through a profile", []access.Target{{Model: "amazon.nova-lite-v1:0", Region: "eu-west-1", Profile: "P"}}, []access.Statement{
			{Resources: []string{"P"}}, {Resources: []string{"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"}, Equals: map[string]string{"bedrock:InferenceProfileArn": "P"}}}, ""},
		{"global through a profile", []access.Target{{Model: "global.anthropic.claude-haiku-5-5", Region: "eu-west-1", Profile: "P"}}, []access.Statement{
			{Resources: []string{"P"}}, {Resources: []string{"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-haiku-5-5"}, Equals: map[string]string{"bedrock:InferenceProfileArn": "P"}},
			{Resources: []string{"arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-5-5"}, Equals: map[string]string{"bedrock:InferenceProfileArn": "P", "aws:RequestedRegion": "unspecified"}}}, ""},
		{"profiles yet to be made", []access.Target{{Model: "amazon.nova-lite-v1:0", Region: "eu-west-1", Profile: "${Token[B.10]}"}, {Model: "amazon.nova-lite-v1:0", Region: "eu-west-1", Profile: "${Token[A.9]}"}}, []access.Statement{
			{Resources: []string{"${Token[B.10]}", "${Token[A.9]}"}},
			{Resources: []string{"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"}, Equals: map[string]string{"bedrock:InferenceProfileArn": "${Token[B.10]}"}},
			{Resources: []string{"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"}, Equals: map[string]string{"bedrock:InferenceProfileArn": "${Token[A.9]}"}}}, ""},
		{"unknown", []access.Target{{Model: "none", Region: "eu-west-1"}}, nil, `target 0: "none": the model is not in the catalog`},
		{"no Region", []access.Target{{Model: "amazon.nova-lite-v1:0"}}, nil, `target 0: "amazon.nova-lite-v1:0": no Region; say whose Bedrock is called`},
		{"destinations for nothing", []access.Target{{Model: "amazon.nova-lite-v1:0", Region: "eu-west-1", Destinations: []string{"eu-west-1"}}},
			nil, `only a geography profile has destinations`},
		{"destinations nobody knows", []access.Target{{Model: "jp.anthropic.claude-haiku-5-5", Region: "ap-northeast-1"}},
			nil, `the catalog does not know its destinations; give them`},
		{"too large a policy", manyTargets(40), nil, `40 targets make a policy of `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := access.New(account, test.targets)
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Fatalf("error %v, want %q", err, test.wantErr)
			}
			if diff := cmp.Diff(test.want, got.Statements()); err == nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAccessDoesNotDependOnTheOrderOfTargets(t *testing.T) {
	targets := []access.Target{
		{Model: "us.anthropic.claude-haiku-5-5", Region: "us-east-1"},
		{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"},
		{Model: "global.anthropic.claude-haiku-5-5", Region: "us-west-2"},
		{Model: "amazon.nova-lite-v1:0", Region: "us-east-1"},
	}
	want, err := access.New("123456789012", targets)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(targets)
	got, err := access.New("123456789012", targets)
	if diff := cmp.Diff(want.Statements(), got.Statements()); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func manyTargets(n int) []access.Target {
	var targets []access.Target
	for i := range n {
		region := "eu-west-" + string(rune('0'+i%10)) + strings.Repeat("x", i/10)
		targets = append(targets, access.Target{Model: "global.anthropic.claude-haiku-5-5", Region: region})
	}
	return targets
}
