package synth

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/rules/plugin"
)

// TestTheRulesPluginFailsTheSynthesisOfADefect uses the rules as a platform team would in an app of its own.
func TestTheRulesPluginFailsTheSynthesisOfADefect(t *testing.T) {
	validation("true")
	defer validation("false")
	tests := []struct {
		name         string
		body         string
		acknowledged bool
		fails        bool
		report       string
	}{
		{"without defect", `{"widgets":[]}`, false, false, "pluginReports:[]"},
		{"with a defect", `{"widgets":[}`, false, true, "is not what CloudWatch reads"},
		{"with a defect acknowledged beside its construct", `{"widgets":[}`, true, false, "reason:of this test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, stack, out := bench(t)
			awscdk.Validations_Of(app).AddPlugins(plugin.New())
			dashboard := awscloudwatch.NewCfnDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.CfnDashboardProps{DashboardBody: &tt.body})
			if tt.acknowledged {
				awscdk.Validations_Of(dashboard).Acknowledge(&awscdk.Acknowledgment{Id: jsii.String("gateway-rules::dashboard"), Reason: jsii.String("of this test")})
			}
			failure := failureOf(func() { app.Synth(nil) })
			if (failure != "") != tt.fails {
				t.Fatalf("synthesis failed with %q; want a failure: %t", failure, tt.fails)
			}
			if report := reportOf(t, out); !strings.Contains(report, tt.report) {
				t.Errorf("the report does not say %q:\n%s", tt.report, report)
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
