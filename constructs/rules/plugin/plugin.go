// Package plugin runs the rules while an app synthesizes, as one of CDK's validation plugins. A finding fails the
// synthesis and stands in its report with the construct that it is about:
//
//	awscdk.Validations_Of(app).AddPlugins(plugin.New())
//
// A finding that has a reason is acknowledged beside its construct, as those of CDK's own rules are:
//
//	awscdk.Validations_Of(role).Acknowledge(&awscdk.Acknowledgment{
//		Id:     jsii.String("gateway-rules::wildcard"),
//		Reason: jsii.String("…"),
//	})
//
// It must not know any rule.
package plugin

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/rules"
)

type plugin struct{}

// New returns the rules as a plugin for awscdk.Validations, which runs them on the template of every stack.
func New() awscdk.IPolicyValidationPlugin {
	return &plugin{}
}

// Name is what the report calls the rules.
func (p *plugin) Name() *string { return jsii.String("gateway-rules") }

// Version is of the interface; the rules have the version of their module.
func (p *plugin) Version() *string { return jsii.String("1.0.0") }

// RuleIds lists the rules for CDK's usage report.
func (p *plugin) RuleIds() *[]*string {
	var names []*string
	for _, rule := range rules.All() {
		names = append(names, jsii.String(rule.Name))
	}
	return &names
}

// Validate checks the templates that CDK has written.
func (p *plugin) Validate(context awscdk.IPolicyValidationContext) *awscdk.PolicyValidationPluginReport {
	violations := []*awscdk.PolicyViolation{}
	for _, stack := range *context.StackTemplates() {
		template, err := os.ReadFile(*stack.TemplatePath)
		if err != nil {
			panic(fmt.Sprintf("CDK has not written the template that it names: %v", err))
		}
		for _, f := range rules.Check(template) {
			violations = append(violations, &awscdk.PolicyViolation{
				RuleName:    &f.Rule,
				Description: &f.Message,
				ViolatingResources: &[]*awscdk.PolicyViolatingResource{{
					ResourceLogicalId: &f.LogicalID, TemplatePath: stack.TemplatePath, Locations: &[]*string{&f.Path}}},
			})
		}
	}
	return &awscdk.PolicyValidationPluginReport{Success: jsii.Bool(len(violations) == 0), Violations: &violations}
}
