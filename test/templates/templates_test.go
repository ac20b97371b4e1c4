package templates_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/constructs/rules"
)

// allowed are the findings of our rules that the shipped environments keep, each with its reason.
var allowed = []rules.Allowance{
	{Rule: "wildcard", Subject: "elasticloadbalancing:DescribeTargetHealth on *", Reason: "ECS moves callers with it, and these actions know no resource"},
	{Rule: "wildcard", Subject: "ec2:CreateNetworkInterface", Reason: "Lambda makes the interfaces of a function in a VPC with the function's role; " +
		"a second statement keeps the function's own code from them"},
	{Rule: "wildcard", Subject: "cloudwatch:DescribeAlarms on *", Reason: "CodeDeploy asks for the state of alarms as AWS's own policy for it allows"},
}

// delivered are those of the pipeline, whose roles CDK writes. What stands on every resource is in test/synth too.
var delivered = func() []rules.Allowance {
	all := []rules.Allowance{
		{Rule: "wildcard", Subject: "kms:ReEncrypt* on *", Reason: "the key of the other Region has no ARN at synthesis; its own policy names who uses it"},
		{Rule: "wildcard", Subject: "cloudformation:DescribeStacks, s3:ListBucket on *", Reason: "CDK's, for the update of the pipeline itself: reading alone"},
	}
	for _, family := range []string{"s3:Abort*", "s3:DeleteObject*", "s3:GetBucket*", "s3:GetObject*", "s3:List*", "kms:GenerateDataKey*", "kms:ReEncrypt*"} {
		all = append(all, rules.Allowance{Rule: "wildcard", Subject: "allows actions " + family + ":", Reason: "CDK's grant on the artifacts and their key"})
	}
	return all
}()

func TestShippedTemplatesBreakNoRule(t *testing.T) {
	breakNoRule(t, built.templates, allowed)
}

func TestThePipelineBreaksNoRule(t *testing.T) {
	breakNoRule(t, built.delivery, delivered)
	for _, path := range built.templates {
		if filepath.Base(path) == "delivery.template.json" {
			t.Error("environments alone make a pipeline")
		}
	}
}

func breakNoRule(t *testing.T, templates []string, allowed []rules.Allowance) {
	t.Helper()
	if len(templates) == 0 {
		t.Fatal("nothing was synthesized")
	}
	needed := make([]bool, len(allowed))
	for _, path := range templates {
		for _, f := range check(t, path, allowed...) {
			t.Errorf("%s: %s", filepath.Base(path), f)
		}
		for i := range allowed {
			others := slices.Delete(slices.Clone(allowed), i, i+1)
			needed[i] = needed[i] || len(check(t, path, others...)) > 0
		}
	}
	for i, a := range allowed {
		if !needed[i] {
			t.Errorf("nothing needs the allowance %+v any more: take it out", a)
		}
	}
}

func TestShippedTemplatesPassCfnLint(t *testing.T) {
	for _, m := range lint(t, slices.Concat(built.templates, built.delivery)...) {
		t.Errorf("%s: %s at %v: %s", filepath.Base(m.Filename), m.Rule.ID, m.Location.Path, m.Message)
	}
}

// defects says who finds each template of testdata/defects, whose name says what is wrong with it: a rule of ours, a
// rule of cfn-lint, both, or neither. What neither finds stands here so that nobody believes otherwise.
var defects = map[string]struct{ ours, lint string }{
	"dashboard-not-json":                     {ours: "dashboard"},
	"dashboard-widget-without-region":        {ours: "dashboard"},
	"function-bad-ref":                       {lint: "E1020"},
	"function-bad-runtime":                   {lint: "E3030"},
	"function-bucket-that-does-not-exist":    {}, // only S3 knows
	"function-environment-too-large":         {ours: "function-environment", lint: "E3697"},
	"function-missing-required-property":     {lint: "E3003"},
	"function-unknown-property":              {lint: "E3002"},
	"function-wrong-property-type":           {lint: "E3012"},
	"policy-invoke-on-guardrail":             {ours: "action-resource"},
	"policy-logs-action-on-stream-name":      {ours: "action-resource"},
	"policy-object-action-on-bucket":         {ours: "action-resource"},
	"policy-secret-action-on-bucket":         {ours: "action-resource"},
	"policy-unknown-action":                  {ours: "unknown-action", lint: "W3037"},
	"policy-unknown-condition-key":           {}, // IAM accepts any key; test/iam finds it in a role of ours
	"policy-unknown-managed-policy":          {ours: "managed-policy"},
	"policy-wildcard-action":                 {ours: "wildcard"},
	"policy-wildcard-resource":               {ours: "wildcard"},
	"record-alias-with-ttl":                  {ours: "record", lint: "E3029"},
	"record-failover-without-set-identifier": {ours: "record"},
	"record-primary-without-health-check":    {ours: "record"},
	"record-two-primaries":                   {ours: "record"},
	"record-weighted-without-set-identifier": {ours: "record"},
	"text-role-description-not-latin-1":      {ours: "text", lint: "E3031"},
	"text-role-description-too-long":         {ours: "text", lint: "E3033"},
	"text-security-group-apostrophe-in-rule": {ours: "text"},
	"text-security-group-not-latin":          {ours: "text", lint: "E3031"},
	"text-stage-name-with-slash":             {ours: "text"},
	"text-template-description-too-long":     {lint: "E1003"},
}

func TestOurRulesFindTheirDefects(t *testing.T) {
	for _, path := range planted(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		want, ok := defects[name]
		if !ok {
			t.Errorf("%s: the table does not say who finds it", name)
		}
		var got []string
		for _, f := range check(t, path) {
			got = append(got, f.Rule)
		}
		if found := strings.Join(got, ", "); found != want.ours {
			t.Errorf("%s: our rules that find it: %q, want %q", name, found, want.ours)
		}
	}
}

func TestCfnLintFindsItsDefects(t *testing.T) {
	found := lintedRules(lint(t, planted(t)...))
	for name, want := range defects {
		if got := strings.Join(found[name], ", "); got != want.lint {
			t.Errorf("%s: rules of cfn-lint that find it: %q, want %q", name, got, want.lint)
		}
	}
}

func TestASoundTemplatePassesBoth(t *testing.T) {
	path, err := filepath.Abs("testdata/sound.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range check(t, path) {
		t.Error(f)
	}
	for _, m := range lint(t, path) {
		t.Errorf("%+v", m)
	}
}

// planted returns the templates with a defect, of which each row of the table has one.
func planted(t *testing.T) []string {
	t.Helper()
	dir, err := filepath.Abs("testdata/defects")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range defects {
		if !slices.Contains(paths, filepath.Join(dir, name+".json")) {
			t.Errorf("%s: has a row in the table and no template", name)
		}
	}
	return paths
}

func check(t *testing.T, path string, allowed ...rules.Allowance) []rules.Finding {
	t.Helper()
	template, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return rules.Check(template, allowed...)
}
