package synth

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

func init() {
	for _, kind := range []string{
		"AWS::EC2::FlowLog", "AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::Route", "AWS::EC2::RouteTable",
		"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
		"AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCGatewayAttachment",
		"AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::TargetGroup",
		"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SecretsManager::Secret", "Custom::EmptyDefaultSecurityGroup",
	} {
		if told[kind] == nil {
			told[kind] = []string{}
		}
	}
}

// kinds is a stack as a person skims it: how many of each type, and the outputs. What each of them looks like, the goldens
// of the constructs show.
func (tp template) kinds() string {
	counts := map[string]int{}
	for _, r := range tp.Resources {
		counts[r.Type]++
	}
	var lines []string
	for kind, n := range counts {
		lines = append(lines, fmt.Sprintf("%3d %s", n, kind))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[4:], b[4:]) })
	for name := range tp.Outputs {
		if !forStacks(name) {
			lines = append(lines, "    output "+name)
		}
	}
	slices.Sort(lines[len(counts):])
	return tp.Description + "\n" + strings.Join(lines, "\n") + "\n"
}

func TestGoldenOfEveryStackOfAProductionEnvironment(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	var b strings.Builder
	for _, stage := range []struct {
		name   string
		stacks []string
	}{
		{"prod-secrets", []string{"data"}},
		{"prod-us-east-1-copies", []string{"data"}},
		{"prod-us-west-2-copies", []string{"data"}},
		{"prod-us-east-1", []string{"data", "network", "serverless", "containers", "instances", "observability"}},
		{"prod-us-west-2", []string{"data", "network", "serverless", "containers", "instances", "observability"}},
		{"prod-global", []string{"watch", "audit"}},
	} {
		for _, stack := range stage.stacks {
			fmt.Fprintf(&b, "%s/%s: %s\n", stage.name, stack, stackOf(t, out, stage.name, stack).kinds())
		}
	}
	golden(t, "prod-stacks", b.String())
}

// variantVariables returns the variables of a variant's program wherever its template keeps them.
func variantVariables(t *testing.T, tp template, variant string) map[string]string {
	t.Helper()
	variables := map[string]string{}
	switch variant {
	case settings.VariantServerless:
		return variablesOf(tp.withoutRollout().only(t, "AWS::Lambda::Function"))
	case settings.VariantContainers:
		container := at(tp.only(t, "AWS::ECS::TaskDefinition").Properties, "ContainerDefinitions", 0)
		for _, pair := range at(container, "Environment").([]any) {
			variables[at(pair, "Name").(string)] = fmt.Sprint(at(pair, "Value"))
		}
	case settings.VariantInstances:
		unescape := strings.NewReplacer(`\\`, `\`, `\"`, `"`, "\\`", "`", `\$`, `$`)
		for line := range strings.FieldsFuncSeq(document(t, bootScript(t, tp), "END_OF_SETTINGS"), func(r rune) bool { return r == '\n' }) {
			name, quoted, _ := strings.Cut(line, "=")
			variables[name] = unescape.Replace(quoted[1 : len(quoted)-1])
		}
	}
	return variables
}

func TestEveryVariantIsToldTheSame(t *testing.T) {
	e := shipped(t, "local")
	out := synthesize(t, stub(t), e)
	for _, variant := range []string{settings.VariantServerless, settings.VariantContainers, settings.VariantInstances} {
		t.Run(variant, func(t *testing.T) {
			variables := variantVariables(t, stackOf(t, out, "local-us-east-1", variant), variant)
			got, err := settings.Load(func(name string) string { return variables[name] })
			if err != nil {
				t.Fatal(err)
			}
			want := e.Settings(variant, "us-east-1")
			if want.FeedbackSecret = variables[settings.EnvFeedbackSecret]; want.FeedbackSecret == "" {
				t.Error("it is told of no feedback secret")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOneStreamBudgetDrivesEveryTimeout reads the timeouts of all templates and holds them in order, for a short budget
// and for the longest.
func TestOneStreamBudgetDrivesEveryTimeout(t *testing.T) {
	for _, budget := range []time.Duration{45 * time.Second, 890 * time.Second} {
		e := shipped(t, "local")
		e.Gateway.StreamBudget = budget
		out := synthesize(t, stub(t), e)
		fn := stackOf(t, out, "local-us-east-1", "serverless")
		function := fn.only(t, "AWS::Lambda::Function").Properties["Timeout"].(float64)
		var api float64
		for _, method := range fn.all("AWS::ApiGateway::Method") {
			if limit, ok := at(method.Properties, "Integration", "TimeoutInMillis").(float64); ok {
				api = max(api, limit/1000)
			}
		}
		if gateway := budget.Seconds(); !(gateway < function && function <= api && api <= 900) {
			t.Errorf("serverless: gateway %v s, function %v s, API %v s", gateway, function, api)
		}
		for _, variant := range []string{settings.VariantContainers, settings.VariantInstances} {
			tp := stackOf(t, out, "local-us-east-1", variant)
			variables := variantVariables(t, tp, variant)
			program, err := settings.Load(func(name string) string { return variables[name] })
			if err != nil {
				t.Fatal(err)
			}
			attributes := map[string]string{}
			for _, of := range []struct{ kind, key string }{
				{"AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes"}, {"AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupAttributes"},
			} {
				for _, pair := range tp.only(t, of.kind).Properties[of.key].([]any) {
					attributes[at(pair, "Key").(string)] = fmt.Sprint(at(pair, "Value"))
				}
			}
			idle, keepAlive, drain := secondsOf(t, attributes["idle_timeout.timeout_seconds"]), secondsOf(t, attributes["client_keep_alive.seconds"]),
				secondsOf(t, attributes["deregistration_delay.timeout_seconds"])
			if !(program.RequestTimeout == budget && program.PingInterval < idle && budget < idle && keepAlive == time.Minute && idle < program.IdleTimeout() && drain >= budget) {
				t.Errorf("%s: pings %v, gateway %v, balancer idle %v, keep-alive %v, server idle %v, drain %v", variant,
					program.PingInterval, program.RequestTimeout, idle, keepAlive, program.IdleTimeout(), drain)
			}
		}
	}
}

func secondsOf(t *testing.T, number string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(number + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestModelsElsewhereNeedNoEndpoint(t *testing.T) {
	e := written(t, "away", "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {vpc: true}\n"+
		"models: {haiku: {targets: [{model: us.anthropic.claude-haiku-5-5, region: us-west-2}]}}\n"+
		"network: {zones: {us-east-1: [us-east-1a, us-east-1b]}, nat: true}\n")
	net := stackOf(t, synthesize(t, stub(t), e), "away-us-east-1", "network")
	if found := net.endpoints(t); len(found) != 0 {
		t.Errorf("there are endpoints that nothing calls: %v", found)
	}
}

func TestFunctionInTheNetwork(t *testing.T) {
	e := written(t, "inside", "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {vpc: true}\n"+
		"network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}\n")
	out := synthesize(t, stub(t), e)
	tp, net := stackOf(t, out, "inside-us-east-1", "serverless"), stackOf(t, out, "inside-us-east-1", "network")
	placed := tp.only(t, "AWS::Lambda::Function").Properties["VpcConfig"]
	if subnets, groups := at(placed, "SubnetIds").([]any), at(placed, "SecurityGroupIds").([]any); len(subnets) != 2 || len(groups) != 1 {
		t.Errorf("the function is in %d subnets and %d groups", len(subnets), len(groups))
	}
	if n := len(net.endpoints(t)); n != 1 {
		t.Errorf("there are %d endpoints; a function that knows no keys needs Bedrock's alone", n)
	}
	noWorldIn(t, tp)
	denied := false
	for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
		denied = denied || s.Effect == "Deny" && slices.Contains(s.Actions, "ec2:CreateNetworkInterface")
	}
	if !denied {
		t.Error("the function's own code may make network interfaces")
	}
}

// TestStacksOfAVariantComeAfterWhatTheyStandOn looks at the order in which the CDK command line deploys.
func TestStacksOfAVariantComeAfterWhatTheyStandOn(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	var manifest struct {
		Artifacts map[string]struct {
			Type         string
			DisplayName  string
			Dependencies []string
		}
	}
	readJSON(t, out+"/assembly-prod-us-east-1/manifest.json", &manifest)
	got := map[string][]string{}
	for _, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		name := strings.TrimPrefix(artifact.DisplayName, "prod-us-east-1/")
		got[name] = nil
		for _, id := range artifact.Dependencies {
			if on := manifest.Artifacts[id]; on.Type == artifact.Type {
				got[name] = append(got[name], strings.TrimPrefix(on.DisplayName, "prod-us-east-1/"))
			}
		}
		slices.Sort(got[name])
	}
	want := map[string][]string{"data": nil, "network": {"data"}, "serverless": nil,
		"containers": {"data", "network"}, "instances": {"data", "network"}, "observability": {"containers", "instances", "serverless"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestNothingIsOpenToTheWorldUnasked reads every stack of every shipped environment.
func TestNothingIsOpenToTheWorldUnasked(t *testing.T) {
	for _, name := range []string{"dev", "local", "prod"} {
		e := shipped(t, name)
		out := synthesize(t, stub(t), e)
		for _, region := range e.Regions {
			for _, stack := range stacksOf(e) {
				noWorldIn(t, stackOf(t, out, e.StageName(region), stack), "Gateway workload to the internet, through NAT",
					"Smoke test to the balancer, through NAT")
			}
		}
	}
}

// TestNATIsOpenToTheServers reads the rule without which the gateways of the network would be of no use.
func TestNATIsOpenToTheServers(t *testing.T) {
	e := shipped(t, "prod")
	for _, nat := range []bool{true, false} {
		e.Network.NAT = nat
		out := synthesize(t, stub(t), e)
		for _, variant := range []string{settings.VariantContainers, settings.VariantInstances} {
			ways := 0
			for _, r := range stackOf(t, out, "prod-us-east-1", variant).all("AWS::EC2::SecurityGroupEgress") {
				if r.Properties["Description"] == "Gateway workload to the internet, through NAT" && r.Properties["CidrIp"] == "0.0.0.0/0" {
					ways++
				}
			}
			if (ways == 1) != nat || ways > 1 {
				t.Errorf("%s: NAT is %t, and there are %d ways to the internet", variant, nat, ways)
			}
		}
	}
}

func stacksOf(e environment.Environment) []string {
	var names []string
	for _, stack := range []struct {
		name  string
		there bool
	}{{"network", e.Network != nil}, {"serverless", e.Serverless != nil}, {"containers", e.Containers != nil}, {"instances", e.Instances != nil}} {
		if stack.there {
			names = append(names, stack.name)
		}
	}
	return names
}

// TestOnlyServersArchive reads who is told of the bucket of usage records, and who may write it.
func TestOnlyServersArchive(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	for variant, want := range map[string]bool{settings.VariantServerless: false, settings.VariantContainers: true, settings.VariantInstances: true} {
		tp := stackOf(t, out, "prod-us-east-1", variant)
		may := false
		for _, r := range tp.all("AWS::IAM::Policy") {
			for _, s := range statementsOf(t, r.Properties["PolicyDocument"]) {
				may = may || slices.Contains(s.Actions, "s3:PutObject") && len(s.Actions) == 1 && strings.Contains(compact(t, s.Resources), settings.ArchivePrefix+"*")
			}
		}
		isTold := variantVariables(t, tp, variant)[settings.EnvArchiveBucket] != ""
		if may != want || isTold != want {
			t.Errorf("%s: may write records: %t, is told of the bucket: %t, want %t", variant, may, isTold, want)
		}
	}
	s3 := stackOf(t, out, "prod-us-east-1", "network").endpoints(t)["s3"]
	if !strings.Contains(compact(t, s3.Properties["PolicyDocument"]), settings.ArchivePrefix+"*") {
		t.Error("the endpoint lets no record pass")
	}
}
