// Package stacks puts the constructs together: one CDK stage for each environment and Region, and in it the stacks
// that the environment asks for. Build is the one place that does so, for the app and for the tests.
//
// It is wiring only, and must not know what a resource looks like, which is the constructs' business, nor how an
// environment is written, which is package environment's.
package stacks

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/tag"
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
		newSecrets(app, e)
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
	if _, err = access.New(e.Account, granted(e, region)); err != nil {
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

// newStack makes a stack of an environment. Its tags are on each resource too, and not only on the stack: CloudFormation
// copies those of a stack to most that it makes, but not to what these make in turn, such as instances and their volumes.
func newStack(scope constructs.Construct, id string, e environment.Environment, description string) awscdk.Stack {
	tags := tagsOf(e)
	stack := awscdk.NewStack(scope, jsii.String(id), &awscdk.StackProps{
		Description:           jsii.String(fmt.Sprintf("%s, environment %s", description, e.Name)),
		Tags:                  &tags,
		TerminationProtection: jsii.Bool(e.Production),
	})
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		awscdk.Tags_Of(stack).Add(jsii.String(key), tags[key], &awscdk.TagProps{ExcludeResourceTypes: jsii.Strings(untagged...)})
	}
	return stack
}

// untagged are types that CDK gives tags and cfn-lint's schemas do not know to take any: until both agree, they have what
// CloudFormation copies from their stack.
var untagged = []string{"AWS::CloudWatch::Dashboard", "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule"}

// tagsOf are those that every resource of an environment carries.
func tagsOf(e environment.Environment) map[string]*string {
	tags := map[string]*string{tag.Project: jsii.String(tag.DefaultProject)}
	for key, text := range e.Tags {
		tags[key] = jsii.String(text)
	}
	tags[tag.Environment], tags[tag.Lifecycle] = jsii.String(e.Name), jsii.String(tag.Disposable)
	if e.Production {
		tags[tag.Lifecycle] = jsii.String(tag.Kept)
	}
	if !e.Expires.IsZero() {
		tags[tag.Expires] = jsii.String(e.Expires.Format(time.DateOnly))
	}
	return tags
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
