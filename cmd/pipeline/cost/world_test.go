package cost_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// metrics are those that each request has.
var metrics = float64(len(metric.OfRequests()))

// today is when these tests were written.
var today = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// resource is a resource of a template as JSON.
type resource = map[string]any

func of(kind string, properties resource) resource {
	return resource{"Type": kind, "Properties": properties}
}

func ref(id string) resource { return resource{"Ref": id} }

// aliases is what a program is told; three aliases, as by default.
const aliases = `[{"name":"haiku","targets":[{"model":"global.anthropic.claude-haiku-5-5","region":"us-east-1"}]},` +
	`{"name":"sonnet","targets":[{"model":"global.anthropic.claude-sonnet-5-5","region":"us-east-1"}]},` +
	`{"name":"opus","targets":[{"model":"global.anthropic.claude-opus-5-5","region":"us-east-1"}]}]`

// write makes an assembly of stacks, by id, in a Region.
func write(t *testing.T, region string, stacks map[string]map[string]resource) *assembly.Assembly {
	t.Helper()
	dir := t.TempDir()
	var all []assemblytest.Stack
	for id, resources := range stacks {
		all = append(all, assemblytest.Stack{ID: id, Region: region, Template: resource{"Resources": resources}})
	}
	assemblytest.Write(t, dir, all...)
	a, err := assembly.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func report(t *testing.T, a *assembly.Assembly, change ...func(*cost.Load)) *cost.Report {
	t.Helper()
	load := cost.DefaultLoad()
	for _, c := range change {
		c(&load)
	}
	r, err := cost.Of(a, load, today)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(got, want float64) bool { return math.Abs(got-want) < 1e-6 }

// network has one of everything that stands before a program.
func network() map[string]resource {
	endpoint := of("AWS::EC2::VPCEndpoint", resource{"VpcEndpointType": "Interface", "SubnetIds": []any{ref("A"), ref("B"), ref("C")}})
	return map[string]resource{
		"A": of("AWS::EC2::Subnet", nil), "B": of("AWS::EC2::Subnet", nil), "C": of("AWS::EC2::Subnet", nil),
		"Nat1": of("AWS::EC2::NatGateway", nil), "Nat2": of("AWS::EC2::NatGateway", nil),
		"Ip1": of("AWS::EC2::EIP", nil), "Ip2": of("AWS::EC2::EIP", nil),
		"Bedrock": endpoint, "Logs": endpoint,
		"S3": of("AWS::EC2::VPCEndpoint", resource{"VpcEndpointType": "Gateway", "RouteTableIds": []any{ref("T")}}),
		"Balancer": of("AWS::ElasticLoadBalancingV2::LoadBalancer",
			resource{"Type": "application", "Scheme": "internet-facing", "Subnets": []any{ref("A"), ref("B")}}),
		"Inside": of("AWS::ElasticLoadBalancingV2::LoadBalancer",
			resource{"Type": "application", "Scheme": "internal", "Subnets": []any{ref("A"), ref("B")}}),
		"Firewall": of("AWS::WAFv2::WebACL", resource{"Rules": []any{
			resource{"Statement": resource{"RateBasedStatement": resource{}}},
			resource{"Statement": resource{"ManagedRuleGroupStatement": resource{"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}},
		}}),
		"Secret":    of("AWS::SecretsManager::Secret", resource{"ReplicaRegions": []any{resource{"Region": "us-west-2"}}}),
		"Key":       of("AWS::KMS::Key", nil),
		"Dashboard": of("AWS::CloudWatch::Dashboard", nil),
		"Alarm":     of("AWS::CloudWatch::Alarm", resource{"MetricName": "Errors", "Period": 60}),
		"Rate": of("AWS::CloudWatch::Alarm", resource{"Metrics": []any{
			resource{"Id": "e", "Expression": "IF(m2>0,100*m1/m2,0)"},
			resource{"Id": "m1", "MetricStat": resource{}}, resource{"Id": "m2", "MetricStat": resource{}},
		}}),
		"Check": of("AWS::Route53::HealthCheck", resource{"HealthCheckConfig": resource{"Type": "HTTPS", "RequestInterval": 10}}),
	}
}

// serverless is a function of ours behind an API.
func serverless() map[string]resource {
	function := of("AWS::Lambda::Function", resource{
		"MemorySize": 1024, "Architectures": []any{"arm64"},
		"Environment": resource{"Variables": resource{"GENAI_ALIASES": aliases}},
	})
	function["Metadata"] = resource{"GenAI::Binary": "./runtime/cmd/lambda"}
	return map[string]resource{
		"Function": function, "Api": of("AWS::ApiGateway::RestApi", nil),
		"Firewall": of("AWS::WAFv2::WebACL", nil),
		"Logs":     of("AWS::Logs::LogGroup", resource{"RetentionInDays": 365}),
	}
}

// containers is a service of ours on Fargate, with a base of two on demand and half of the rest on Spot.
func containers() map[string]resource {
	definition := of("AWS::ECS::TaskDefinition", resource{
		"Cpu": "1024", "Memory": "2048", "RuntimePlatform": resource{"CpuArchitecture": "ARM64"},
		"ContainerDefinitions": []any{resource{"Environment": []any{resource{"Name": "GENAI_ALIASES", "Value": aliases}}}},
	})
	definition["Metadata"] = resource{"GenAI::Binary": "./runtime/cmd/server"}
	return map[string]resource{
		"Definition": definition,
		"Service": of("AWS::ECS::Service", resource{"TaskDefinition": ref("Definition"), "CapacityProviderStrategy": []any{
			resource{"CapacityProvider": "FARGATE", "Base": 2, "Weight": 50}, resource{"CapacityProvider": "FARGATE_SPOT", "Weight": 50},
		}}),
		"Target": of("AWS::ApplicationAutoScaling::ScalableTarget", resource{"MinCapacity": 2,
			"ResourceId": resource{"Fn::Join": []any{"", []any{"service/", resource{"Fn::GetAtt": []any{"Service", "Name"}}}}}}),
		"Policy": of("AWS::ApplicationAutoScaling::ScalingPolicy", resource{"ScalingTargetId": ref("Target"),
			"TargetTrackingScalingPolicyConfiguration": resource{"TargetValue": 600,
				"PredefinedMetricSpecification": resource{"PredefinedMetricType": "ALBRequestCountPerTarget"}}}),
		"Balancer": of("AWS::ElasticLoadBalancingV2::LoadBalancer", resource{"Scheme": "internal", "Subnets": []any{ref("A")}}),
	}
}

// instanceGroup is a group of ours.
func instanceGroup(kind string) map[string]resource {
	template := of("AWS::EC2::LaunchTemplate", resource{"LaunchTemplateData": resource{
		"BlockDeviceMappings": []any{resource{"Ebs": resource{"VolumeType": "gp3", "VolumeSize": 12}}},
		"UserData": resource{"Fn::Base64": resource{"Fn::Join": []any{"", []any{
			"#!/bin/bash\nGENAI_ALIASES=" + fmt.Sprintf("%q", aliases) + "\nGENAI_ARCHIVE_BUCKET=\"", ref("Bucket"), "\"\n"}}}},
	}})
	template["Metadata"] = resource{"GenAI::Binary": "./runtime/cmd/server"}
	return map[string]resource{
		"Template": template,
		"Group": of("AWS::AutoScaling::AutoScalingGroup", resource{"MinSize": "2", "MixedInstancesPolicy": resource{
			"LaunchTemplate": resource{
				"LaunchTemplateSpecification": resource{"LaunchTemplateId": ref("Template")},
				"Overrides":                   []any{resource{"InstanceType": kind}, resource{"InstanceType": "c7g.large"}},
			},
		}}),
	}
}

// variant finds one of a report.
func variant(t *testing.T, r *cost.Report, name string) cost.Variant {
	t.Helper()
	for _, v := range r.Deployments[0].Variants {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("there is no variant %s", name)
	return cost.Variant{}
}

// part finds one of a variant, -1 where it has no price.
func part(t *testing.T, parts []cost.Part, item string) float64 {
	t.Helper()
	for _, p := range parts {
		if strings.HasPrefix(p.Item, item) {
			if p.USD == nil {
				return -1
			}
			return *p.USD
		}
	}
	t.Errorf("there is no %q in %+v", item, parts)
	return 0
}
