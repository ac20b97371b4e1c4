package synth

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// inPrivate is a function in a network, which no shipped environment has.
const inPrivate = "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {vpc: true}\nnetwork: {zones: {us-east-1: [us-east-1a, us-east-1b]}}\n"

// TestTheAwsSolutionsPackFindsNothing runs cdk-nag's pack over every stack of every shipped environment. A finding is
// fixed, or acknowledged beside its construct with a reason (constructs/nag).
func TestTheAwsSolutionsPackFindsNothing(t *testing.T) {
	names, err := environment.Names(filepath.Join(root, "environments"))
	if err != nil {
		t.Fatal(err)
	}
	all := []environment.Environment{written(t, "private", inPrivate)}
	for _, name := range names {
		all = append(all, shipped(t, name))
	}
	out := t.TempDir()
	app := newApp(t, out)
	if err := stacks.Build(app, all, stub(t)); err != nil {
		t.Fatal(err)
	}
	for _, child := range *app.Node().Children() {
		if *awscdk.Stage_IsStage(child) { // an aspect does not go from the app into its stages
			runPack(child)
		}
	}
	failure := failureOf(func() { app.Synth(nil) })
	found, reports := nagFindings(t, out)
	for _, finding := range found {
		t.Error(finding)
	}
	if failure != "" && len(found) == 0 {
		t.Error(failure)
	}
	if want := countStacks(app); reports != want {
		t.Errorf("the pack reported on %d stacks, want %d", reports, want)
	}
}

func runPack(scope constructs.IConstruct) {
	awscdk.Aspects_Of(scope).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Reports: jsii.Bool(true), ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	}), nil)
}

func countStacks(scope constructs.IConstruct) int {
	count := 0
	for _, child := range *scope.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if *awscdk.Stack_IsStack(child) {
			count++
		}
	}
	return count
}

// nagFindings reads the reports that the pack wrote, one for each stack: whatever is neither fine nor acknowledged, such
// as a rule that could not tell.
func nagFindings(t *testing.T, out string) (found []string, reports int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "AwsSolutions-*-NagReport.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var report struct {
			Lines []struct{ RuleID, ResourceID, Compliance, RuleInfo string }
		}
		readJSON(t, file, &report)
		for _, line := range report.Lines {
			if line.Compliance != "Compliant" && line.Compliance != "Suppressed" {
				found = append(found, fmt.Sprintf("%s: %s is %s: %s", line.ResourceID, line.RuleID, line.Compliance, line.RuleInfo))
			}
		}
	}
	return found, len(files)
}

// TestAnAcknowledgementIsOfOneFinding shows that the pack finds, and that it takes an acknowledgement for no more than
// it says.
func TestAnAcknowledgementIsOfOneFinding(t *testing.T) {
	const reason = "of this test – in full" // with a character that a template cannot hold
	tests := []struct {
		name  string
		rules nag.Rules
		want  []string
	}{
		{"none", nag.Rules{}, []string{"AwsSolutions-S1", "AwsSolutions-S10"}},
		{"one", nag.Rules{"AwsSolutions-S1": reason}, []string{"AwsSolutions-S10"}},
		{"both", nag.Rules{"AwsSolutions-S1": reason, "AwsSolutions-S10": reason}, nil},
		{"of another thing", nag.Rules{"AwsSolutions-IAM5[Resource::*]": reason, "AwsSolutions-S10": reason}, []string{"AwsSolutions-S1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, stack, out := bench(t)
			nag.Acknowledge(awss3.NewBucket(stack, jsii.String("Bucket"), nil), tt.rules)
			runPack(stack)
			failure := failureOf(func() { app.Synth(nil) })
			if (failure != "") != (tt.want != nil) {
				t.Errorf("synthesis failed with %q", failure)
			}
			found, _ := nagFindings(t, out)
			if len(found) != len(tt.want) {
				t.Errorf("found %q, want %q", found, tt.want)
			}
			for i, id := range tt.want {
				if i < len(found) && !strings.Contains(found[i], ": "+id+" is Non-Compliant") {
					t.Errorf("found %q, want %s", found[i], id)
				}
			}
		})
	}
}
