package synth

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
)

// toldOfNetworks is what a golden shows of a network.
var toldOfNetworks = map[string][]string{
	"AWS::EC2::VPC":                         {"CidrBlock"},
	"AWS::EC2::Subnet":                      {"AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch"},
	"AWS::EC2::Route":                       {"DestinationCidrBlock", "GatewayId"},
	"AWS::EC2::RouteTable":                  {},
	"AWS::EC2::SubnetRouteTableAssociation": {},
	"AWS::EC2::InternetGateway":             {},
	"AWS::EC2::VPCGatewayAttachment":        {},
	"AWS::EC2::FlowLog":                     {"TrafficType", "LogDestinationType"},
	"AWS::EC2::VPCEndpoint":                 {"VpcEndpointType", "PrivateDnsEnabled"},
	"AWS::EC2::SecurityGroup":               {"GroupDescription", "SecurityGroupIngress", "SecurityGroupEgress"},
	"AWS::EC2::SecurityGroupIngress":        {"FromPort", "ToPort", "SourceSecurityGroupId"},
	"AWS::EC2::SecurityGroupEgress":         {"FromPort", "ToPort", "DestinationSecurityGroupId", "DestinationPrefixListId"},
	"Custom::EmptyDefaultSecurityGroup":     {},
}

// haiku is what a role is allowed of one model.
func haiku(t *testing.T) []network.Statement {
	t.Helper()
	models, err := access.New(benchAccount, []access.Target{{Model: "us.anthropic.claude-haiku-5-5", Region: "us-east-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return network.ModelStatements(models)
}

// someBucket may be written to.
var someBucket = []network.Statement{{Actions: []string{"s3:PutObject"}, Resources: []string{"arn:aws:s3:::records/*"}}}

// forContainers is the props with nothing but what containers require.
func forContainers(t *testing.T) network.Props {
	t.Helper()
	return network.Props{
		Zones:    []string{"us-east-1a", "us-east-1b"},
		Needs:    network.Needs{Containers: true},
		Policies: map[network.Service][]network.Statement{network.BedrockRuntime: haiku(t)},
	}
}

// forInstances is the props with nothing but what instances require.
func forInstances(t *testing.T) network.Props {
	t.Helper()
	props := forContainers(t)
	props.Needs = network.Needs{Instances: true}
	props.Policies[network.S3] = someBucket
	return props
}

func imported(t *testing.T) network.Props {
	t.Helper()
	props := forContainers(t)
	props.Zones = nil
	props.Import = &network.Import{
		VpcID: "vpc-0123456789abcdef0", Zones: []string{"us-east-1a", "us-east-1b"},
		PublicSubnetIDs:       []string{"subnet-00000001", "subnet-00000002"},
		IsolatedSubnetIDs:     []string{"subnet-00000003", "subnet-00000004"},
		IsolatedRouteTableIDs: []string{"rtb-00000003", "rtb-00000004"},
	}
	return props
}

// networkTemplate is that of a network alone.
func networkTemplate(t *testing.T, props network.Props) template {
	t.Helper()
	app, stack, out := benchIn(t, "us-east-1")
	network.NewNetwork(stack, "Network", props)
	return benchTemplate(t, app, out)
}

func TestGoldenNetwork(t *testing.T) {
	tell(t, toldOfNetworks)
	app, stack, out := benchIn(t, "us-east-1")
	made := network.NewNetwork(stack, "Network", forContainers(t))
	made.NewWorkloadGroup(stack, "Workload")
	tp := benchTemplate(t, app, out)
	// The function that empties the default group is CDK's, and changes with it.
	maps.DeleteFunc(tp.Resources, func(_ string, r resource) bool { return r.Type == "AWS::Lambda::Function" })
	golden(t, "network", tp.summary(t))
}

func TestNetworkAsksTheAccountForNothing(t *testing.T) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "CDK_DEFAULT") {
			t.Setenv(name, "") // restored by the test's end
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	validation("false") // a new client, which sees no credentials
	app, stack, out := benchIn(t, "us-east-1")
	network.NewNetwork(stack, "Network", forInstances(t))
	app.Synth(nil)
	if asked := missing(t, out); len(asked) > 0 {
		t.Errorf("synthesis asks for %v", asked)
	}
	// CDK's own VPC does ask, even for zones that it is given: the test above would see it.
	app, stack, out = benchIn(t, "us-east-1")
	awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{AvailabilityZones: jsii.Strings("dummy1a", "dummy1b")})
	app.Synth(nil)
	if len(missing(t, out)) == 0 {
		t.Error("CDK's own VPC asks for nothing any more: use it")
	}
}

func TestSubnets(t *testing.T) {
	props := forContainers(t)
	props.Zones = []string{"us-east-1c", "us-east-1a", "us-east-1f"}
	props.CIDR = "172.16.32.0/19"
	tp := networkTemplate(t, props)
	got := map[string]string{}
	for _, r := range tp.all("AWS::EC2::Subnet") {
		got[r.Properties["CidrBlock"].(string)] = r.Properties["AvailabilityZone"].(string)
		if r.Properties["MapPublicIpOnLaunch"] != false {
			t.Errorf("%v gives public addresses", r.Properties["CidrBlock"])
		}
	}
	want := map[string]string{
		"172.16.32.0/23": "us-east-1c", "172.16.34.0/23": "us-east-1a", "172.16.36.0/23": "us-east-1f",
		"172.16.62.0/27": "us-east-1c", "172.16.62.32/27": "us-east-1a", "172.16.62.64/27": "us-east-1f",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(tp.all("AWS::EC2::NatGateway")); n != 0 {
		t.Errorf("there are %d NAT gateways", n)
	}
	for id, r := range tp.Resources {
		if r.Type == "AWS::EC2::Route" && !strings.Contains(id, "Balancer") {
			t.Errorf("%s is a way out of the workload's subnets", id)
		}
	}
}

func TestNATIsAWayOutInEachZone(t *testing.T) {
	props := forContainers(t)
	props.NAT = true
	tp := networkTemplate(t, props)
	if got := len(tp.all("AWS::EC2::NatGateway")); got != 2 {
		t.Errorf("there are %d NAT gateways, want one for each zone", got)
	}
	out := 0
	for id, r := range tp.Resources {
		if r.Type == "AWS::EC2::Route" && strings.Contains(id, "Workload") && r.Properties["NatGatewayId"] != nil {
			out++
		}
	}
	if out != 2 {
		t.Errorf("%d workload subnets have a way out, want 2", out)
	}
}

// noWorldIn checks that nothing may be reached from, or reach, the whole internet, but what acknowledged says.
func noWorldIn(t *testing.T, tp template, acknowledged ...string) {
	t.Helper()
	for id, r := range tp.Resources {
		if !strings.HasPrefix(r.Type, "AWS::EC2::SecurityGroup") {
			continue
		}
		rules := []any{r.Properties}
		for _, key := range []string{"SecurityGroupIngress", "SecurityGroupEgress"} {
			inside, _ := r.Properties[key].([]any)
			rules = append(rules, inside...)
		}
		for _, raw := range rules {
			rule := raw.(map[string]any)
			world := rule["CidrIp"] == "0.0.0.0/0" || rule["CidrIpv6"] != nil
			if world && !(slices.Contains(acknowledged, fmt.Sprint(rule["Description"])) && rule["FromPort"] == 443.0 && rule["ToPort"] == 443.0) {
				t.Errorf("%s: %v", id, rule)
			}
			if rule["FromPort"] == 80.0 {
				t.Errorf("%s lets port 80 through: %v", id, rule)
			}
		}
	}
}

func TestFlowsAreLoggedAndTheDefaultGroupIsEmptied(t *testing.T) {
	props := forContainers(t)
	props.FlowLogRetention, props.Retain = 90, true
	tp := networkTemplate(t, props)
	flows := tp.only(t, "AWS::EC2::FlowLog").Properties
	if flows["TrafficType"] != "ALL" || flows["ResourceType"] != "VPC" {
		t.Errorf("flow log: %v", flows)
	}
	for _, logs := range tp.all("AWS::Logs::LogGroup") {
		if logs.Properties["RetentionInDays"] != 90.0 || logs.DeletionPolicy != "Retain" {
			t.Errorf("log group: %v", logs)
		}
	}
	var calls []string
	for _, r := range tp.all("Custom::EmptyDefaultSecurityGroup") {
		calls = append(calls, compact(t, r.Properties["Create"]))
	}
	if got := strings.Join(calls, "\n"); len(calls) != 2 || !strings.Contains(got, "RevokeSecurityGroupIngress") || !strings.Contains(got, "RevokeSecurityGroupEgress") {
		t.Errorf("calls: %s", got)
	}
	for _, policy := range tp.all("AWS::IAM::Policy") {
		for _, s := range statementsOf(t, policy.Properties["PolicyDocument"]) {
			if text := strings.Join(slices.Concat(s.Actions, s.Resources), " "); strings.Contains(text, `"*"`) || text == "*" {
				t.Errorf("a statement has a wildcard: %v", s)
			}
		}
	}
	for _, role := range tp.all("AWS::IAM::Role") {
		if role.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("a role has managed policies: %v", role.Properties)
		}
	}
	props.KeepDefaultGroup = true
	if n := len(networkTemplate(t, props).all("AWS::Lambda::Function")); n != 0 {
		t.Errorf("%d functions, though the default group is kept", n)
	}
}

func TestImportedNetwork(t *testing.T) {
	tp := networkTemplate(t, imported(t))
	for _, kind := range []string{"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::FlowLog", "AWS::Lambda::Function"} {
		if n := len(tp.all(kind)); n != 0 {
			t.Errorf("there are %d of %s", n, kind)
		}
	}
	endpoint := tp.endpoints(t)["bedrock-runtime"].Properties
	if diff := cmp.Diff([]any{"vpc-0123456789abcdef0", []any{"subnet-00000003", "subnet-00000004"}}, []any{endpoint["VpcId"], endpoint["SubnetIds"]}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"rtb-00000003", "rtb-00000004"}, tp.endpoints(t)["s3"].Properties["RouteTableIds"]); diff != "" {
		t.Error(diff)
	}
}

func TestImportedNetworkWithItsOwnEndpoints(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	props := imported(t)
	props.Endpoints, props.EndpointGroupIDs, props.Policies = network.EndpointsExisting, []string{"sg-0123456789abcdef0"}, nil
	props.Import.PublicSubnetIDs, props.Import.IsolatedRouteTableIDs = nil, nil
	made := network.NewNetwork(stack, "Network", props)
	made.Allow(awsec2.NewSecurityGroup(stack, jsii.String("Workload"), &awsec2.SecurityGroupProps{Vpc: made.Vpc(), AllowAllOutbound: jsii.Bool(false)}))
	if got := *(*made.BalancerSubnets().Subnets)[0].SubnetId(); got != "subnet-00000003" {
		t.Errorf("without public subnets a balancer is in %s", got)
	}
	tp := benchTemplate(t, app, out)
	if n := len(tp.all("AWS::EC2::VPCEndpoint")); n != 0 {
		t.Errorf("there are %d endpoints", n)
	}
	into := tp.only(t, "AWS::EC2::SecurityGroupIngress").Properties
	if into["GroupId"] != "sg-0123456789abcdef0" || into["SourceSecurityGroupId"] == nil || into["FromPort"] != 443.0 {
		t.Errorf("the rule of the existing endpoints' group is %v", into)
	}
}
