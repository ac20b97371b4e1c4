package synth

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
)

const benchAccount = "123456789012"

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

// tell adds to what a golden shows, for this test: another's golden may show less of the same type.
func tell(t *testing.T, more map[string][]string) {
	t.Helper()
	before := told
	told = maps.Clone(before)
	maps.Copy(told, more)
	t.Cleanup(func() { told = before })
}

// benchIn is a stack of a platform team that says its account and Region, as one with a network must.
func benchIn(t *testing.T, region string) (awscdk.App, awscdk.Stack, string) {
	t.Helper()
	out := t.TempDir()
	app := newApp(t, out)
	return app, awscdk.NewStack(app, jsii.String("bench"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(benchAccount), Region: jsii.String(region)},
	}), out
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

// endpoints are the endpoints of a template by the name of their service without Region.
func (tp template) endpoints(t *testing.T) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for _, r := range tp.all("AWS::EC2::VPCEndpoint") {
		name := r.Properties["ServiceName"]
		text, ok := name.(string)
		if !ok { // Fn::Join of the Region
			text = compact(t, name)
		}
		for _, service := range []string{"ecr.api", "ecr.dkr"} {
			if strings.HasSuffix(strings.Trim(text, `"]}`), service) {
				text = "." + strings.ReplaceAll(service, ".", "-")
			}
		}
		text = strings.Trim(text, `"]}`)
		found[strings.ReplaceAll(text[strings.LastIndex(text, ".")+1:], "ecr-", "ecr.")] = r
	}
	return found
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

// missing is what an assembly lacks, and the CDK command line would look up.
func missing(t *testing.T, out string) []any {
	t.Helper()
	var manifest struct{ Missing []any }
	readJSON(t, filepath.Join(out, "manifest.json"), &manifest)
	return manifest.Missing
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

func TestEachVariantHasTheEndpointsItNeeds(t *testing.T) {
	servers := []string{"bedrock-runtime", "logs", "s3"}
	containers := append([]string{"ecr.api", "ecr.dkr"}, servers...)
	instances := append([]string{"cloudformation", "ssm", "ssmmessages"}, servers...)
	own := map[network.Service][]network.Statement{
		network.SecretsManager: {{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:us-east-1:123456789012:secret:keys"}}},
		network.DynamoDB:       {{Actions: []string{"dynamodb:GetItem"}, Resources: []string{"arn:aws:dynamodb:us-east-1:123456789012:table/budgets"}}},
		network.S3:             someBucket,
	}
	tests := []struct {
		name  string
		needs network.Needs
		also  []network.Service
		own   []network.Service
		want  []string
	}{
		{"function", network.Needs{Function: true}, nil, nil, []string{"bedrock-runtime"}},
		{"containers", network.Needs{Containers: true}, nil, nil, containers},
		{"containers whose models are elsewhere", network.Needs{Containers: true, Elsewhere: true}, nil, nil, []string{"ecr.api", "ecr.dkr", "logs", "s3"}},
		{"instances", network.Needs{Instances: true}, nil, []network.Service{network.S3}, instances},
		{"all of it", network.Needs{Containers: true, Instances: true, Function: true, Secrets: true, Archive: true, DynamoDB: true}, nil,
			[]network.Service{network.S3, network.SecretsManager, network.DynamoDB},
			append([]string{"dynamodb", "ecr.api", "ecr.dkr", "secretsmanager"}, instances...)},
		{"one more", network.Needs{Function: true}, []network.Service{network.Monitoring}, nil, []string{"bedrock-runtime", "monitoring"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := forContainers(t)
			props.Needs, props.Also = test.needs, test.also
			if test.needs.Elsewhere {
				delete(props.Policies, network.BedrockRuntime)
			}
			for _, service := range test.own {
				props.Policies[service] = own[service]
			}
			tp := networkTemplate(t, props)
			endpoints := tp.endpoints(t)
			if diff := cmp.Diff(slices.Sorted(slices.Values(test.want)), slices.Sorted(maps.Keys(endpoints))); diff != "" {
				t.Error(diff)
			}
			for service, r := range endpoints {
				p := r.Properties
				if service == "s3" || service == "dynamodb" {
					if p["VpcEndpointType"] != "Gateway" || len(p["RouteTableIds"].([]any)) != 2 {
						t.Errorf("%s is no gateway in two route tables: %v", service, p)
					}
					continue
				}
				if p["VpcEndpointType"] != "Interface" || p["PrivateDnsEnabled"] != true || len(p["SubnetIds"].([]any)) != 2 || len(p["SecurityGroupIds"].([]any)) != 1 {
					t.Errorf("%s is no interface of two subnets and one security group: %v", service, p)
				}
			}
		})
	}
}

func TestEndpointPolicies(t *testing.T) {
	props := forContainers(t)
	props.Needs.Instances, props.Needs.Archive = true, true
	props.Policies[network.S3] = someBucket
	account := map[string]any{"aws:PrincipalAccount": benchAccount}
	const profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-5-5"
	want := map[string][]statement{
		"bedrock-runtime": {
			allow([]string{profile}, "aws:PrincipalAccount", benchAccount),
			allow([]string{
				"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5",
				"arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-5-5",
				"arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-5-5",
			}, "bedrock:InferenceProfileArn", profile, "aws:PrincipalAccount", benchAccount),
		},
		"logs": {{Effect: "Allow", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []string{"arn:aws:logs:us-east-1:123456789012:log-group:*"}, Condition: map[string]any{"StringEquals": account}}},
		"s3": {
			{Effect: "Allow", Actions: []string{"s3:GetObject"}, Resources: []string{
				"arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*", "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"}},
			{Effect: "Allow", Actions: []string{"s3:PutObject"}, Resources: []string{"arn:aws:s3:::records/*"},
				Condition: map[string]any{"StringEquals": account}},
		},
	}
	endpoints := networkTemplate(t, props).endpoints(t)
	for service, statements := range want {
		slices.SortFunc(statements, func(a, b statement) int { return strings.Compare(compact(t, a), compact(t, b)) })
		if diff := cmp.Diff(statements, endpointStatements(t, endpoints[service])); diff != "" {
			t.Errorf("%s: %s", service, diff)
		}
	}
	for service, r := range endpoints {
		for _, s := range endpointStatements(t, r) {
			if service != "s3" && !strings.Contains(compact(t, s), benchAccount) || slices.Contains(s.Actions, "*") {
				t.Errorf("%s lets anyone pass: %v", service, s)
			}
		}
	}
}

// endpointStatements reads an endpoint's policy, whose every principal must be anyone.
func endpointStatements(t *testing.T, r resource) []statement {
	t.Helper()
	document, ok := r.Properties["PolicyDocument"].(map[string]any)
	if !ok {
		t.Fatalf("%v has no policy, which allows everything", r.Properties["ServiceName"])
	}
	for _, raw := range document["Statement"].([]any) {
		s := raw.(map[string]any)
		if got := compact(t, s["Principal"]); got != `{"AWS":"*"}` {
			t.Errorf("the principal is %s", got)
		}
		delete(s, "Principal")
	}
	defer func() {
		for _, raw := range document["Statement"].([]any) {
			raw.(map[string]any)["Principal"] = map[string]any{"AWS": "*"}
		}
	}()
	return statementsOf(t, document)
}

func TestEndpointsAdmitTheWorkloadAlone(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	made := network.NewNetwork(stack, "Network", forContainers(t))
	other := awscdk.NewStack(app, jsii.String("workload"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: stack.Account(), Region: stack.Region()},
	})
	made.NewWorkloadGroup(other, "Workload")
	if made.Endpoint(network.BedrockRuntime) == nil || made.Endpoint(network.SSM) != nil {
		t.Error("Endpoint does not tell which endpoints there are")
	}
	tp := benchTemplate(t, app, out)
	noWorldIn(t, tp)
	if n := len(tp.all("AWS::EC2::SecurityGroupIngress")); n > 0 {
		t.Errorf("the network's stack has %d rules about a workload, and so depends on its stack", n)
	}
	var theirs template
	readJSON(t, filepath.Join(out, "workload.template.json"), &theirs)
	into, outOf, lists := theirs.all("AWS::EC2::SecurityGroupIngress"), theirs.all("AWS::EC2::SecurityGroupEgress"), 0
	for _, r := range slices.Concat(into, outOf) {
		p := r.Properties
		if p["FromPort"] != 443.0 || p["ToPort"] != 443.0 || p["IpProtocol"] != "tcp" {
			t.Errorf("a rule is not for 443 alone: %v", p)
		}
		peers := 0
		for _, key := range []string{"SourceSecurityGroupId", "DestinationSecurityGroupId", "DestinationPrefixListId"} {
			if p[key] != nil {
				peers++
			}
		}
		if peers != 1 || p["CidrIp"] != nil || p["CidrIpv6"] != nil {
			t.Errorf("a rule does not name its one peer: %v", p)
		}
		if p["DestinationPrefixListId"] == "pl-63a5400a" {
			lists++
		}
	}
	for _, group := range slices.Concat(tp.all("AWS::EC2::SecurityGroup"), theirs.all("AWS::EC2::SecurityGroup")) {
		if got := compact(t, group.Properties["SecurityGroupEgress"]); !strings.Contains(got, "Disallow all traffic") {
			t.Errorf("a group leaves the way out to AWS's default: %s", got)
		}
	}
	interfaces := len(tp.all("AWS::EC2::SecurityGroup"))
	if interfaces != 4 || len(into) != interfaces || len(outOf) != interfaces+1 || lists != 1 {
		t.Errorf("%d endpoint groups, %d rules in, %d out, %d of them to S3", interfaces, len(into), len(outOf), lists)
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

func TestNetworkRefuses(t *testing.T) {
	tests := []struct {
		name string
		with func(*network.Props)
		want []string
	}{
		{"nothing", func(p *network.Props) { *p = network.Props{} }, []string{`network.NewNetwork("Network"): 2 problems with the props:`,
			"Zones: has 0 zones; give 2 to 6", "Needs: is empty"}},
		{"one zone", func(p *network.Props) { p.Zones = []string{"us-east-1a"} }, []string{"Zones: has 1 zones"}},
		{"zone twice", func(p *network.Props) { p.Zones = []string{"us-east-1a", "us-east-1a"} }, []string{"Zones: us-east-1a is there twice"}},
		{"another Region's zone", func(p *network.Props) { p.Zones[1] = "us-west-2a" }, []string{"Zones: us-west-2a is not in the stack's Region, us-east-1"}},
		{"no zone's name", func(p *network.Props) { p.Zones[1] = "use1-az1" }, []string{`Zones: "use1-az1" is no zone's name`}},
		{"no Graviton on Fargate", func(p *network.Props) { p.ZoneIDs = map[string]string{"us-east-1b": "use1-az3"} },
			[]string{"ZoneIDs: us-east-1b is use1-az3, where Fargate has no Graviton"}},
		{"id of no zone", func(p *network.Props) { p.ZoneIDs = map[string]string{"us-east-1c": "use1-az1"} }, []string{"ZoneIDs: has us-east-1c"}},
		{"large range", func(p *network.Props) { p.CIDR = "10.0.0.0/8" }, []string{`CIDR: is "10.0.0.0/8"; give an IPv4 range from /16 to /19`}},
		{"small range", func(p *network.Props) { p.CIDR = "10.0.0.0/24" }, []string{"CIDR: is"}},
		{"range off its start", func(p *network.Props) { p.CIDR = "10.0.1.0/16" }, []string{"CIDR: is"}},
		{"public range", func(p *network.Props) { p.CIDR = "11.0.0.0/16" }, []string{"CIDR: 11.0.0.0/16 is not of a private range"}},
		{"retention", func(p *network.Props) { p.FlowLogRetention = 31 }, []string{"FlowLogRetention: is 31 days"}},
		{"no policy", func(p *network.Props) { p.Policies = nil }, []string{"Policies: nothing says what may pass the endpoint of bedrock-runtime"}},
		{"empty statement", func(p *network.Props) { p.Policies[network.Logs] = []network.Statement{{}} }, []string{"Policies: statement 0 of logs needs actions and resources"}},
		{"policy for nothing", func(p *network.Props) { p.Policies[network.SSM] = someBucket }, []string{"Policies: nothing needs an endpoint of ssm"}},
		{"large policy", func(p *network.Props) {
			p.Policies[network.S3] = []network.Statement{{Actions: []string{"s3:GetObject"}, Resources: []string{strings.Repeat("x", network.MaxPolicyBytes)}}}
		}, []string{"Policies: that of s3 has 2"}},
		{"archive without a bucket", func(p *network.Props) { p.Needs.Archive = true }, []string{"Policies: nothing says what may pass the endpoint of s3"}},
		{"unknown service", func(p *network.Props) { p.Also = []network.Service{"sqs"} }, []string{`Also: "sqs" is no service`}},
		{"no endpoints in a new VPC", func(p *network.Props) { p.Endpoints = network.EndpointsExisting },
			[]string{`Endpoints: "existing" is for an imported VPC`, "EndpointGroupIDs: is empty", "Policies: are for endpoints that are created"}},
		{"unknown choice", func(p *network.Props) { p.Endpoints = "some" }, []string{`Endpoints: is "some"; allowed are "created" and "existing"`}},
		{"groups without need", func(p *network.Props) { p.EndpointGroupIDs = []string{"sg-00000001"} }, []string{`EndpointGroupIDs: is for Endpoints "existing"`}},
		{"prefix list", func(p *network.Props) { p.PrefixLists = map[network.Service]string{network.S3: "s3"} }, []string{`PrefixLists: s3 has "s3"`}},
		{"created and imported", func(p *network.Props) {
			*p = imported(t)
			p.Zones, p.CIDR, p.NAT, p.FlowLogRetention, p.KeepDefaultGroup, p.Retain = []string{"us-east-1a"}, "10.0.0.0/16", true, 30, true, true
		}, []string{"6 problems", "Zones: is for a new VPC", "CIDR: is for", "NAT: is for", "FlowLogRetention: is for", "KeepDefaultGroup: is for", "Retain: is for"}},
		{"bad import", func(p *network.Props) {
			*p = imported(t)
			p.Import = &network.Import{VpcID: "main", Zones: []string{"us-east-1a", "us-east-1b"}, PublicSubnetIDs: []string{"subnet-00000001"},
				IsolatedSubnetIDs: []string{"subnet-00000001", "vpc-00000001"}}
		}, []string{"5 problems", `Import.VpcID: is "main"`, "Import.PublicSubnetIDs: has 1 elements for 2 zones", `Import.IsolatedSubnetIDs: "vpc-00000001" is no id`,
			"Import.IsolatedRouteTableIDs: has 0 elements for 2 zones", "Import: subnet subnet-00000001 is said to be public and isolated"}},
	}
	_, stack, _ := benchIn(t, "us-east-1")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := forContainers(t)
			test.with(&props)
			refused(t, test.want, func() { network.NewNetwork(stack, "Network", props) })
		})
	}
	t.Run("a Region whose prefix lists nobody knows", func(t *testing.T) {
		_, stack, _ := benchIn(t, "eu-west-1")
		props := forContainers(t)
		props.Zones = []string{"eu-west-1a", "eu-west-1b"}
		refused(t, []string{`PrefixLists: s3 has ""`, "com.amazonaws.<region>.s3"}, func() { network.NewNetwork(stack, "Network", props) })
	})
}

// refused checks that making something panics with a message that has every text.
func refused(t *testing.T, want []string, make func()) {
	t.Helper()
	defer func() {
		got := fmt.Sprint(recover())
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("no %q in\n%s", text, got)
			}
		}
	}()
	make()
	t.Error("the props are accepted")
}
