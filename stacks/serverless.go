package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// serverless is the variant of a function, with or without an API in front.
func serverless(scope constructs.Construct, p place) {
	asked := p.e.Serverless
	stack := newStack(scope, settings.VariantServerless, p.e, "Inference gateway on AWS Lambda")
	told, models := p.told(stack, settings.VariantServerless)
	props := compute.FunctionProps{
		Code:                p.code,
		Settings:            told,
		Models:              models,
		Memory:              asked.Memory.MB(),
		Timeout:             budget.Function(p.e.Gateway.StreamBudget),
		LogRetention:        asked.LogRetention,
		ReservedConcurrency: asked.ReservedConcurrency,
		Retain:              p.e.Production,
	}
	if asked.VPC {
		props.Vpc, props.Subnets = p.net.Vpc(), p.net.WorkloadSubnets()
		props.SecurityGroup = p.net.NewWorkloadGroup(stack, "Workload")
	}
	if asked.Rollout == environment.Canary {
		props.Canary = &compute.Canary{Hook: p.hook, KeySecret: p.e.Auth.SmokeKey, Front: apiFront(stack, asked)}
	}
	gateway := compute.NewFunction(stack, "Gateway", props)
	output(stack, OutputFunctionName, gateway.Function().FunctionName())
	output(stack, OutputAliasARN, gateway.Alias().FunctionArn())
	seen := observability.Gateway{
		Variant: settings.VariantServerless, LogGroup: gateway.LogGroup().LogGroupName(),
		Function: &observability.Function{Name: gateway.Function().FunctionName(), MemoryMB: asked.Memory.MB(), Reserved: asked.ReservedConcurrency},
	}
	if asked.API == nil {
		p.watched.add(seen)
		return
	}
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{
		Handler:       gateway.Alias(),
		StreamTimeout: budget.Function(p.e.Gateway.StreamBudget),
		Authorizer:    edge.Authorizer(asked.API.Authorizer),
		OpenReason:    openReason(p.e),
		Domain:        domain(p.e, p.region),
		Firewall:      firewall(p.e),
	})
	if asked.API.Domain != "" {
		p.nameAPI(stack, api.Api().DomainName())
		p.watchArrivals(stack, gateway, asked.API.Domain)
	}
	seen.API = &observability.API{Name: stack.StackName(), Stage: jsii.String(edge.StageName)}
	p.watched.add(seen)
	output(stack, OutputURL, api.Url())
}

// apiFront are the API's errors and requests. Its names are written out: the API waits for the alias, and that for what
// watches it.
func apiFront(stack awscdk.Stack, asked *environment.Serverless) *compute.Front {
	if asked.API == nil {
		return nil
	}
	count := func(name string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/ApiGateway"), MetricName: jsii.String(name), Statistic: jsii.String("Sum"),
			Period:        awscdk.Duration_Minutes(jsii.Number(1)),
			DimensionsMap: &map[string]*string{"ApiName": stack.StackName(), "Stage": jsii.String(edge.StageName)},
		})
	}
	return &compute.Front{Errors: count("5XXError"), Requests: count("Count")}
}

// domain is the API's own name; nil for AWS's.
func domain(e environment.Environment, region string) *edge.Domain {
	if e.Serverless.API.Domain == "" {
		return nil
	}
	made := &edge.Domain{Name: e.Serverless.API.Domain, CertificateARN: e.Edge.Certificates[region], HostedZoneID: e.Edge.HostedZone}
	if e.Failover != nil {
		made.NoRecord, made.Further = true, []string{environment.CheckName(region, made.Name)}
	}
	return made
}

// openReason says in the API's description why it asks for no signature.
func openReason(e environment.Environment) string {
	api := e.Serverless.API
	switch {
	case api.Authorizer != environment.AuthorizerNone:
		return ""
	case api.Reason != "":
		return api.Reason
	case e.Auth.Mode == environment.AuthOff:
		return e.Auth.Reason
	case e.Auth.Mode == environment.AuthOIDC:
		return "the program itself asks for a token of " + e.Auth.Issuer
	}
	return "the program itself asks for an API key"
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
