package synth

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/rules"
	"github.com/genai-pipeline/genai-pipeline/constructs/rules/plugin"
)

// TestTheRulesPluginFailsTheSynthesisOfADefect uses the rules as a platform team would in an app of its own.
func TestTheRulesPluginFailsTheSynthesisOfADefect(t *testing.T) {
	validation("true")
	defer validation("false")
	accepted := rules.Allowance{Rule: "dashboard", Subject: "Dashboard", Reason: "this test"}
	tests := []struct {
		name    string
		body    string
		allowed []rules.Allowance
		want    bool
	}{
		{"without defect", `{"widgets":[]}`, nil, true},
		{"with a defect", `{"widgets":[}`, nil, false},
		{"with an accepted defect", `{"widgets":[}`, []rules.Allowance{accepted}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, stack, out := bench(t)
			awscdk.Validations_Of(app).AddPlugins(plugin.New(tt.allowed...))
			awscloudwatch.NewCfnDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.CfnDashboardProps{DashboardBody: &tt.body})
			failure := failureOf(func() { app.Synth(nil) })
			if (failure == "") != tt.want {
				t.Fatalf("synthesis failed with %q; want success: %t", failure, tt.want)
			}
			if report := reportOf(t, out); strings.Contains(report, "is not what CloudWatch reads") == tt.want {
				t.Errorf("%s\nmentions the defect: %t", report, tt.want)
			}
		})
	}
}

// failureOf is what a call panics with, or nothing.
func failureOf(call func()) (failure string) {
	defer func() {
		if r := recover(); r != nil {
			failure = fmt.Sprint(r)
		}
	}()
	call()
	return ""
}

// reportOf is CDK's report on the validation of an app.
func reportOf(t *testing.T, out string) string {
	t.Helper()
	var report any
	readJSON(t, filepath.Join(out, "validation-report.json"), &report)
	return fmt.Sprint(report)
}
