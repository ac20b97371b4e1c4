package delivery

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// variableKey is the variable by which the conformance suite is given an API key (test/conformance).
const variableKey = "GENAI_CONFORMANCE_KEY"

// variableURL is the one by which .ci/ask is told where a variant is, so that it does not look for its stack.
func variableURL(variant string) string { return "URL_" + strings.ToUpper(variant) }

// machine is what everything of the pipeline runs on: Graviton, as what is deployed.
func machine() *awscodebuild.BuildEnvironment {
	return &awscodebuild.BuildEnvironment{
		BuildImage:  awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2023_STANDARD_3_0(),
		ComputeType: awscodebuild.ComputeType_SMALL,
	}
}

// checkout is what every step works in.
type checkout struct {
	source     pipelines.IFileSetProducer
	connection string // that a project clones through
}

// step is a project that runs commands in the checkout. The image brings some Go, which gets the one that go.mod asks for.
func (c checkout) step(id string, more pipelines.CodeBuildStepProps) pipelines.CodeBuildStep {
	more.Input = c.source
	statements := []awsiam.PolicyStatement{useOf(c.connection)}
	if more.RolePolicyStatements != nil {
		statements = append(statements, *more.RolePolicyStatements...)
	}
	more.RolePolicyStatements = &statements
	if more.BuildEnvironment == nil {
		more.BuildEnvironment = machine()
	}
	more.BuildEnvironment.ComputeType = awscodebuild.ComputeType_MEDIUM
	more.PartialBuildSpec = awscodebuild.BuildSpec_FromObject(&map[string]any{
		"version": "0.2",
		"env":     map[string]any{"variables": map[string]any{"GOTOOLCHAIN": "auto"}},
		"phases": map[string]any{"install": map[string]any{
			"runtime-versions": map[string]any{"golang": "latest", "nodejs": "latest"},
		}},
	})
	return pipelines.NewCodeBuildStep(jsii.String(id), &more)
}

func (c checkout) synth(file string) pipelines.CodeBuildStep {
	return c.step("Synth", pipelines.CodeBuildStepProps{
		Commands:               jsii.Strings("make --no-print-directory delivery DELIVERY=" + file),
		PrimaryOutputDirectory: jsii.String("cdk.out"),
	})
}

func (c checkout) test() pipelines.CodeBuildStep {
	return c.step("Test", pipelines.CodeBuildStepProps{
		Commands: jsii.Strings(".ci/run"),
		Timeout:  awscdk.Duration_Minutes(jsii.Number(60)),
	})
}

// report stops at what a pull request stops at: someone may have pushed without one.
func (c checkout) report() pipelines.CodeBuildStep {
	return c.step("Report", pipelines.CodeBuildStepProps{
		Commands: jsii.Strings(".ci/report 'HEAD^1' -fail-on destructive,exposure,broadening,alarm -waivers .github/waivers.yaml"),
	})
}

// conformance asks in each Region every endpoint that can be asked from here, where its stack says it is, with the suite's
// own clients. The script says of the others why they are not asked.
func (c checkout) conformance(app awscdk.App, delivered environment.Delivered) *[]pipelines.Step {
	e := delivered.Environment
	asking := map[string]*pipelines.CodeBuildStepProps{}
	for _, p := range e.Endpoints() {
		if p.Unasked != "" {
			continue
		}
		props := asking[p.Region]
		if props == nil {
			props = &pipelines.CodeBuildStepProps{
				Commands:          jsii.Strings(fmt.Sprintf(".ci/ask %s %s", e.Name, p.Region)),
				EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{},
			}
			asking[p.Region] = props
		}
		if p.Host == "" {
			stack := app.Node().FindChild(jsii.String(e.StageName(p.Region))).Node().FindChild(jsii.String(p.Variant))
			(*props.EnvFromCfnOutputs)[variableURL(p.Variant)] = stack.Node().FindChild(jsii.String(stacks.OutputURL)).(awscdk.CfnOutput)
		}
		if p.Signed {
			props.RolePolicyStatements = &[]awsiam.PolicyStatement{callers(e.Account, p.Region)}
		}
		if p.Keyed {
			props.BuildEnvironment = machine()
			props.BuildEnvironment.EnvironmentVariables = &map[string]*awscodebuild.BuildEnvironmentVariable{
				variableKey: {Type: awscodebuild.BuildEnvironmentVariableType_SECRETS_MANAGER, Value: delivered.Conformance.KeySecret},
			}
		}
	}
	var steps []pipelines.Step
	for _, region := range e.Regions {
		if props := asking[region]; props != nil {
			steps = append(steps, c.step("ask-"+region, *props))
		}
	}
	return &steps
}

// callers allows what a caller of the API may do. The API's id is not known before it is deployed; its stage and the
// paths are.
func callers(account, region string) awsiam.PolicyStatement {
	arn := func(call string) string {
		return fmt.Sprintf("arn:aws:execute-api:%s:%s:*/"+edge.StageName+"/%s", region, account, call)
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("execute-api:Invoke"),
		Resources: jsii.Strings(strings.Fields(arn("GET/*") + " " + arn("POST/v1/*"))...),
	})
}
