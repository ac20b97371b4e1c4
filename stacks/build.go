// Package stacks puts the constructs together: one CDK stage for each environment and Region, and in it the stacks
// that the environment asks for. Build is the one place that does so, for the app and for the tests.
//
// It is wiring only: what a resource looks like is the constructs' business, what is asked for the environment's.
package stacks

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// LambdaPackage is the Go package of the program that the serverless variant runs; the others run compute.ServerPackage.
const LambdaPackage = "./runtime/cmd/lambda"

// TracedLambdaPackage is that of the one that can trace requests.
const TracedLambdaPackage = "./runtime/cmd/tracedlambda"

// The outputs of the stacks.
const (
	OutputURL          = "Url"          // base URL; of a function only with an API
	OutputFunctionName = "FunctionName" // of the function, for its logs and metrics
	OutputAliasARN     = "AliasArn"     // what aws lambda invoke --function-name takes
	OutputClusterName  = "ClusterName"  // of the containers' ECS cluster
	OutputServiceName  = "ServiceName"  // of the containers' ECS service
	OutputGroupName    = "GroupName"    // of the instances' Auto Scaling group

	OutputRecordsBucketName = "RecordsBucketName" // of the bucket with the usage records; only with an archive

	OutputKeysSecretARN = "KeysSecretArn" // of the secret to put the hashes of API keys into; only where a stack makes it
)

// Build adds every environment to the app, each Region as stage <environment>-<region>: cdk deploy 'dev-us-east-1/**'
// deploys just that. It builds each program once. Its error is the
// builder's, or names the environment whose models no role can be given.
func Build(app awscdk.App, environments []environment.Environment, builder binary.Builder) error {
	programs := programs{builder: builder, built: map[string]binary.Asset{}}
	for _, e := range environments {
		global(app, e)
		for _, region := range e.Regions {
			newCopies(app, e, region)
			if err := stage(app, e, region, programs); err != nil {
				return fmt.Errorf("%s: %w", e.StageName(region), err)
			}
		}
	}
	return nil
}

// newStage makes a stage under one of the names that the environment has for them.
func newStage(app awscdk.App, e environment.Environment, name, region string) awscdk.Stage {
	return awscdk.NewStage(app, jsii.String(name), &awscdk.StageProps{
		Env: &awscdk.Environment{Account: jsii.String(e.Account), Region: jsii.String(region)},
	})
}

func stage(app awscdk.App, e environment.Environment, region string, programs programs) error {
	var err error
	if _, err = access.New(e.Account, models(e, region)); err != nil {
		return fmt.Errorf("%s: models: %w", e.File, err)
	}
	scope := newStage(app, e, e.StageName(region), region)
	shared := newKept(scope, e, region)
	where := place{e: e, region: region, net: newNetwork(scope, e, region, shared), kept: shared, watched: &watched{}}
	for _, variant := range []struct {
		asked   bool
		program string
		hook    bool
		add     func(constructs.Construct, place)
	}{
		{e.Serverless != nil, either(e, LambdaPackage, TracedLambdaPackage), e.Serverless != nil && e.Serverless.Rollout == environment.Canary, serverless},
		{e.Containers != nil, either(e, compute.ServerPackage, compute.TracedServerPackage), e.Containers != nil && e.Containers.Rollout == environment.Canary, containers},
		{e.Instances != nil, either(e, compute.ServerPackage, compute.TracedServerPackage), false, instances},
	} {
		if !variant.asked {
			continue
		}
		if where.code, err = programs.build(variant.program); err != nil {
			return err
		}
		if variant.hook {
			if where.hook, err = programs.build(compute.HookPackage); err != nil {
				return err
			}
		}
		variant.add(scope, where)
	}
	observe(scope, where)
	return nil
}

// either is the plain program, or the one that can trace where the environment wants that.
func either(e environment.Environment, plain, traced string) string {
	if e.Tracing != nil {
		return traced
	}
	return plain
}

// stackProps is what every stack of an environment has in common.
func stackProps(e environment.Environment, description string) *awscdk.StackProps {
	tags := map[string]*string{"environment": jsii.String(e.Name)}
	tags["lifecycle"] = jsii.String("disposable")
	if e.Production {
		tags["lifecycle"] = jsii.String("kept")
	}
	if !e.Expires.IsZero() {
		tags["expires"] = jsii.String(e.Expires.Format(time.DateOnly))
	}
	for key, text := range e.Tags {
		tags[key] = jsii.String(text)
	}
	return &awscdk.StackProps{
		Description:           jsii.String(fmt.Sprintf("%s, environment %s", description, e.Name)),
		Tags:                  &tags,
		TerminationProtection: jsii.Bool(e.Production),
	}
}

// programs builds each program once, however many stacks run it.
type programs struct {
	builder binary.Builder
	built   map[string]binary.Asset
}

func (p programs) build(pkg string) (binary.Asset, error) {
	if asset, ok := p.built[pkg]; ok {
		return asset, nil
	}
	asset, err := p.builder.Build(pkg)
	if err != nil {
		return binary.Asset{}, err
	}
	p.built[pkg] = asset
	return asset, nil
}
