// Command compose is a CDK app of somebody else's that uses the gateway's constructs, without its stacks and without
// environment files. The README shows this code.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func main() {
	code, err := binary.Go{}.Build("./runtime/cmd/lambda")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	app := awscdk.NewApp(nil)
	gateway(awscdk.NewStack(app, jsii.String("chat"), nil), code)
	app.Synth(nil)
	jsii.Close()
}

func gateway(stack awscdk.Stack, code binary.Asset) {
	const model, region = "global.anthropic.claude-haiku-5-5", "us-east-1"
	told := settings.Default()
	told.Environment, told.Variant = "chat", settings.VariantServerless
	told.Aliases = []settings.Alias{{Name: "fast", DefaultMaxTokens: 1024, MaxTokens: 8192,
		Targets: []settings.Target{{Model: model, Region: region}}}}

	function := compute.NewFunction(stack, "Gateway", compute.FunctionProps{
		Code:     code,
		Settings: told,
		Models:   []access.Target{{Model: model, Region: region}},
	})
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{Handler: function.Alias()})
	api.GrantInvoke(awsiam.NewUser(stack, jsii.String("Caller"), nil))
	function.Metric(metric.Errors, nil).CreateAlarm(stack, jsii.String("Errors"), &awscloudwatch.CreateAlarmOptions{
		Threshold:         jsii.Number(1),
		EvaluationPeriods: jsii.Number(1),
	})
}
