package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// The outputs of the serverless stack.
const (
	OutputURL          = "Url"          // base URL of the API; only with an API
	OutputFunctionName = "FunctionName" // of the function, for its logs and metrics
	OutputAliasARN     = "AliasArn"     // what aws lambda invoke --function-name takes

	OutputKeysSecretARN = "KeysSecretArn" // of the secret to put the hashes of API keys into; only where the stack makes it
)

// serverless is the variant of a function, with or without an API in front.
func serverless(scope constructs.Construct, e environment.Environment, region string, code binary.Asset) {
	asked := e.Serverless
	stack := awscdk.NewStack(scope, jsii.String("serverless"), stackProps(e, "Inference gateway on AWS Lambda"))
	told := e.Settings(settings.VariantServerless, region)
	if e.Auth.Mode == environment.AuthKeys && e.Auth.Secret == "" {
		told.Auth.Secret = *keysSecret(stack, e).SecretArn()
		output(stack, OutputKeysSecretARN, jsii.String(told.Auth.Secret))
	}
	gateway := compute.NewFunction(stack, "Gateway", compute.FunctionProps{
		Code:                code,
		Settings:            told,
		Models:              models(e, region),
		Memory:              asked.Memory.MB(),
		Timeout:             asked.Timeout,
		LogRetention:        asked.LogRetention,
		ReservedConcurrency: asked.ReservedConcurrency,
		Retain:              e.Production,
	})
	output(stack, OutputFunctionName, gateway.Function().FunctionName())
	output(stack, OutputAliasARN, gateway.Alias().FunctionArn())
	if asked.API == nil {
		return
	}
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{
		Handler:       gateway.Alias(),
		StreamTimeout: asked.Timeout,
		Authorizer:    edge.Authorizer(asked.API.Authorizer),
		OpenReason:    openReason(e),
	})
	output(stack, OutputURL, api.Url())
}

// models is what a program in the Region must be allowed to call.
func models(e environment.Environment, region string) []access.Target {
	var targets []access.Target
	for _, t := range e.Targets(region) {
		targets = append(targets, access.Target{Model: t.Model, Region: t.Region, Destinations: t.Destinations})
	}
	return targets
}

func output(scope constructs.Construct, id string, text *string) {
	awscdk.NewCfnOutput(scope, jsii.String(id), &awscdk.CfnOutputProps{Value: text})
}
