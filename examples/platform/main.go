// Command platform is the app of a platform team, in a module of its own: its network, the gateway as a function in it, one
// name for two Regions, and a dashboard.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const account, name, zone, model = "123456789012", "chat.example.com", "Z0123456789ABCDEFGHIJ", "global.anthropic.claude-haiku-5-5"

func main() {
	defer jsii.Close()
	code, err := binary.Go{}.Build("github.com/genai-pipeline/genai-pipeline/runtime/cmd/lambda")
	if err != nil {
		panic(err)
	}
	app := awscdk.NewApp(nil)
	region(app, code, "us-east-1", "us-west-2", failover.Primary)
	region(app, code, "us-west-2", "us-east-1", failover.Secondary)
	app.Synth(nil)
}

func region(app awscdk.App, code binary.Asset, here, other string, role failover.Role) {
	stack := awscdk.NewStack(app, jsii.String("chat-"+here), &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String(account), Region: jsii.String(here)}})
	models := []access.Target{{Model: model, Region: here}}
	told := settings.Default()
	told.Environment, told.Variant, told.Auth.Mode = "chat", settings.VariantServerless, settings.AuthGateway
	told.Aliases = []settings.Alias{{Name: "fast", DefaultMaxTokens: 1024, MaxTokens: 8192, Targets: []settings.Target{{Model: model, Region: here}}}}
	granted, err := access.New(account, models)
	if err != nil {
		panic(err)
	}
	private := network.NewNetwork(stack, "Network", network.Props{Zones: []string{here + "a", here + "b"}, Needs: network.Needs{Function: true},
		Policies: map[network.Service][]network.Statement{network.BedrockRuntime: network.ModelStatements(granted)}})
	gateway := compute.NewFunction(stack, "Gateway", compute.FunctionProps{Code: code, Settings: told, Models: models, Vpc: private.Vpc(),
		Subnets: private.WorkloadSubnets(), SecurityGroup: private.NewWorkloadGroup(stack, "Workload")})
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{Handler: gateway.Alias(), Domain: &edge.Domain{Name: name, HostedZoneID: zone,
		CertificateARN: "arn:aws:acm:" + here + ":" + account + ":certificate/00000000-0000-0000-0000-000000000000", NoRecord: true, Further: []string{here + "." + name}}})
	front := api.Api().DomainName()
	failover.NewRecord(stack, "Failover", failover.RecordProps{Name: name, HostedZoneID: zone, Role: role, OtherRegion: other,
		Recovery: recovery.Plan{KeepAlive: recovery.Limit / 3}, Endpoint: failover.Endpoint{Region: here, CheckName: here + "." + name,
			DNSName: *front.DomainNameAliasDomainName(), ZoneID: *front.DomainNameAliasHostedZoneId()}})
	awscloudwatch.NewDashboard(stack, jsii.String("Dashboard"), nil).AddWidgets(awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Left: &[]awscloudwatch.IMetric{gateway.Metric(metric.Requests, nil), gateway.Metric(metric.Errors, nil)}}))
}
