// Command platform is a platform team's app in a module of its own: its network, the gateway, one name for two Regions, dashboards.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const account, name, zone, memory = "123456789012", "chat.example.com", "Z0123456789ABCDEFGHIJ", 1024
const app, alias, model, certificate = "chat", "fast", "global.anthropic.claude-haiku-5-5", "00000000-0000-0000-0000-000000000000"

func main() {
	defer jsii.Close()
	code, err := binary.Go{}.Build("github.com/genai-pipeline/genai-pipeline/runtime/cmd/lambda")
	if err != nil {
		panic(err)
	}
	cdk := awscdk.NewApp(nil)
	region(cdk, code, "us-east-1", "us-west-2", failover.Primary)
	region(cdk, code, "us-west-2", "us-east-1", failover.Secondary)
	cdk.Synth(nil)
}

func region(cdk awscdk.App, code binary.Asset, here, other string, role failover.Role) {
	stack := awscdk.NewStack(cdk, jsii.String(app+"-"+here), &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String(account), Region: jsii.String(here)}})
	models := []access.Target{{Model: model, Region: here}}
	told := settings.Default()
	told.Environment, told.Variant, told.Auth.Mode = app, settings.VariantServerless, settings.AuthGateway
	told.Aliases = []settings.Alias{{Name: alias, DefaultMaxTokens: 1024, MaxTokens: 8192, Targets: []settings.Target{{Model: model, Region: here}}}}
	granted, err := access.New(account, models)
	if err != nil {
		panic(err)
	}
	private := network.NewNetwork(stack, "Network", network.Props{Zones: []string{here + "a", here + "b"}, Needs: network.Needs{Function: true},
		Policies: map[network.Service][]network.Statement{network.BedrockRuntime: network.ModelStatements(granted)}})
	gateway := compute.NewFunction(stack, "Gateway", compute.FunctionProps{Code: code, Settings: told, Models: models, Memory: memory, Vpc: private.Vpc(),
		Subnets: private.WorkloadSubnets(), SecurityGroup: private.NewWorkloadGroup(stack, "Workload")})
	front := edge.NewRestApi(stack, "Edge", edge.RestApiProps{Handler: gateway.Alias(), Domain: &edge.Domain{Name: name, HostedZoneID: zone,
		CertificateARN: "arn:aws:acm:" + here + ":" + account + ":certificate/" + certificate, NoRecord: true, Further: []string{here + "." + name}}}).Api().DomainName()
	failover.NewRecord(stack, "Failover", failover.RecordProps{Name: name, HostedZoneID: zone, Role: role, OtherRegion: other,
		Recovery: recovery.Plan{KeepAlive: budget.BalancerKeepAlive, Silence: budget.Function(told.RequestTimeout), FirstByte: told.FirstByteAtWorst()}, Endpoint: failover.Endpoint{Region: here, CheckName: here + "." + name,
			DNSName: *front.DomainNameAliasDomainName(), ZoneID: *front.DomainNameAliasHostedZoneId()}})
	watched := []observability.Gateway{{Variant: told.Variant, LogGroup: gateway.LogGroup().LogGroupName(),
		Function: &observability.Function{Name: gateway.Function().FunctionName(), MemoryMB: memory}, API: &observability.API{Name: stack.StackName(), Stage: jsii.String(edge.StageName)}}}
	alarms := observability.NewAlarms(stack, "Alarms", observability.AlarmsProps{Environment: app, Gateways: watched})
	observability.NewDashboards(stack, "Dashboards", observability.DashboardsProps{Environment: app, Gateways: watched,
		Aliases: []string{alias}, Models: []string{model}, Alarms: []awscloudwatch.IAlarm{alarms.Page()}})
}
