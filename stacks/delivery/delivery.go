// Package delivery makes the pipeline that brings a branch to the environments of a delivery file: CDK Pipelines, in the
// account of the first environment. It stands beside the stages that package stacks made, takes them as they are, and
// deploys them in the order that each environment says.
//
// It must not know what is in a stage, save the outputs that say where its endpoints are.
package delivery

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// StackName is the name of the pipeline's stack, the first part of the names of what is in it.
const StackName = environment.DeliveryStack

// CLIVersion is the version of the CDK command line that the pipeline updates itself with: that of package.json, which a
// test compares. The tag latest of npm is not the newest version.
const CLIVersion = "2.1148.1"

// assetsVersion is that of the command that publishes assets, the newest of 2026-11-23. Unpinned, each run would take
// what npm has that day, with the right to put programs into every account.
const assetsVersion = "4.7.3"

// checkStage is the stage of the tests and the report.
const checkStage = "check"

// New adds the pipeline to an app whose stages are built. Everything before the first environment happens in this order:
// the source, the synthesis, the update of the pipeline itself, then the tests and the report of what would change, and
// the assets. It panics when the app has no stage of an environment.
func New(app awscdk.App, d environment.Delivery) awscdk.Stack {
	stack := awscdk.NewStack(app, jsii.String(StackName), &awscdk.StackProps{
		Description:           jsii.String(fmt.Sprintf("Delivers %s of %s", d.Source.Branch, d.Source.Repository)),
		Env:                   &awscdk.Environment{Account: jsii.String(d.Account()), Region: jsii.String(d.Region())},
		TerminationProtection: jsii.Bool(true),
	})
	source := pipelines.CodePipelineSource_Connection(jsii.String(d.Source.Repository), jsii.String(d.Source.Branch), &pipelines.ConnectionSourceOptions{
		ConnectionArn: jsii.String(d.Source.Connection),
		ActionName:    jsii.String("Source"),
		// With its history, for the report compares with the commit before.
		CodeBuildCloneOutput: jsii.Bool(true),
	})
	work := checkout{source: source, connection: d.Source.Connection}
	line := pipelines.NewCodePipeline(stack, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		PipelineType:        awscodepipeline.PipelineType_V2,
		Synth:               work.synth(d.File),
		CliVersion:          jsii.String(CLIVersion),
		CdkAssetsCliVersion: jsii.String(assetsVersion),
		ArtifactBucket:      newArtifacts(stack),
		CrossAccountKeys:    jsii.Bool(true),
		CodeBuildDefaults: &pipelines.CodeBuildOptions{
			BuildEnvironment: machine(),
			Timeout:          awscdk.Duration_Minutes(jsii.Number(30)),
		},
		// One project for all files and one for all images: each has a role, and fewer roles are fewer to look after.
		PublishAssetsInParallel: jsii.Bool(false),
	})
	line.AddWave(jsii.String(checkStage), &pipelines.WaveOptions{Pre: &[]pipelines.Step{work.test(), work.report()}})
	for _, delivered := range d.Environments {
		deliver(app, line, work, delivered)
	}
	line.BuildPipeline()
	rollBack(line.Pipeline(), d)
	harden(stack, line, d.Source.Connection)
	return stack
}

// deliver adds the stages of one environment: a person's approval, what is deployed, and what asks it.
func deliver(app awscdk.App, line pipelines.CodePipeline, work checkout, delivered environment.Delivered) {
	e := delivered.Environment
	if delivered.Approval {
		line.AddWave(jsii.String(e.Name+"-approval"), &pipelines.WaveOptions{Pre: &[]pipelines.Step{
			pipelines.NewManualApprovalStep(jsii.String("approve-"+e.Name), &pipelines.ManualApprovalStepProps{
				Comment: jsii.String("Read the report of this commit in stage " + checkStage + " before you approve"),
			}),
		}})
	}
	for _, name := range e.Stages() {
		line.AddStage(app.Node().FindChild(jsii.String(name)).(awscdk.Stage), nil)
	}
	if delivered.Conformance != nil {
		line.AddWave(jsii.String(e.Name+"-conformance"), &pipelines.WaveOptions{Pre: work.conformance(app, delivered)})
	}
}

// rollBack makes each stage of the pipeline that deploys return to its last successful execution when it fails. By itself
// CloudFormation only takes back the one stack that failed, and a Region would be left with stacks of two versions.
func rollBack(line awscodepipeline.Pipeline, d environment.Delivery) {
	var deploying []string
	for _, e := range d.All() {
		deploying = append(deploying, e.Stages()...)
	}
	resource := line.Node().DefaultChild().(awscodepipeline.CfnPipeline)
	for i, stage := range *line.Stages() {
		if slices.Contains(deploying, *stage.StageName()) {
			resource.AddPropertyOverride(jsii.String(fmt.Sprintf("Stages.%d.OnFailure.Result", i)), "ROLLBACK")
		}
	}
}
