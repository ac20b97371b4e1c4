package synth

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

func init() {
	for _, kind := range []string{
		"AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy",
		"AWS::CodeDeploy::Application", "AWS::ElasticLoadBalancingV2::ListenerRule",
	} {
		if told[kind] == nil {
			told[kind] = []string{}
		}
	}
	told["AWS::CloudWatch::Alarm"] = []string{"AlarmDescription", "Threshold"}
	told["AWS::CodeDeploy::DeploymentGroup"] = []string{"DeploymentConfigName"}
}

// withoutRollout is a template without what tests and shifts: the hook, and the role of who deploys.
func (tp template) withoutRollout() template {
	tp.Resources = maps.Clone(tp.Resources)
	maps.DeleteFunc(tp.Resources, func(id string, _ resource) bool {
		return strings.HasPrefix(id, "GatewayHook") || strings.HasPrefix(id, "GatewayDeployer")
	})
	return tp
}

// edition builds programs that differ from those of another edition, save for the smoke test.
type edition struct {
	binary.Stub
	text string
}

// Build implements binary.Builder.
func (e edition) Build(pkg string) (binary.Asset, error) {
	asset, err := e.Stub.Build(pkg)
	if err != nil || pkg == compute.HookPackage {
		return asset, err
	}
	return asset, os.WriteFile(filepath.Join(asset.Dir, binary.Name), []byte("#!/bin/sh\n# "+e.text+"\nexit 1\n"), 0o700)
}

// twice synthesizes an environment with two editions of its programs.
func twice(t *testing.T, e environment.Environment) (first, second string) {
	t.Helper()
	return synthesize(t, edition{binary.Stub{Out: t.TempDir()}, "one"}, e), synthesize(t, edition{binary.Stub{Out: t.TempDir()}, "two"}, e)
}

// changed lists the resources that differ between two templates: their types, and what of them differs.
func changed(t *testing.T, before, after template) []string {
	t.Helper()
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(before.Resources)) {
		old, now := before.Resources[id], after.Resources[id]
		switch {
		case now.Type == "":
			lines = append(lines, old.Type+" replaced")
		case compact(t, old) != compact(t, now):
			for _, name := range slices.Sorted(maps.Keys(old.Properties)) {
				if compact(t, old.Properties[name]) != compact(t, now.Properties[name]) {
					lines = append(lines, old.Type+" "+name)
				}
			}
		}
	}
	if len(before.Resources) != len(after.Resources) {
		lines = append(lines, fmt.Sprintf("%d resources became %d", len(before.Resources), len(after.Resources)))
	}
	return lines
}

// TestAChangedProgramMovesNoCaller is the promise that a stack update does not undo what CodeDeploy or ECS have shifted:
// CloudFormation touches only resources whose template changes.
func TestAChangedProgramMovesNoCaller(t *testing.T) {
	for _, rollout := range []environment.Rollout{environment.Canary, environment.AllAtOnce} {
		e := shipped(t, "prod")
		e.Serverless.Rollout, e.Containers.Rollout, e.Instances.Rollout = rollout, rollout, rollout
		first, second := twice(t, e)
		hook := map[environment.Rollout][]string{environment.Canary: {"AWS::Lambda::Function Environment"}}
		for stack, want := range map[string][]string{
			"data": nil, "network": nil,
			"serverless": append(hook[rollout], "AWS::Lambda::Alias FunctionVersion", "AWS::Lambda::Function Code", "AWS::Lambda::Version replaced"),
			"containers": {"AWS::ECS::TaskDefinition ContainerDefinitions"},
			// The role may read the one program.
			"instances": {"AWS::EC2::LaunchTemplate LaunchTemplateData", "AWS::IAM::Policy PolicyDocument"},
		} {
			before, after := stackOf(t, first, "prod-us-east-1", stack), stackOf(t, second, "prod-us-east-1", stack)
			got := changed(t, before, after)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: %s", rollout, stack, diff)
			}
			for _, kind := range []string{"AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::TargetGroup"} {
				if diff := cmp.Diff(before.all(kind), after.all(kind)); diff != "" {
					t.Errorf("%s, %s: %s changed: %s", rollout, stack, kind, diff)
				}
			}
		}
	}
}

func TestFunctionIsRolledOutByCodeDeploy(t *testing.T) {
	tp := stackOf(t, synthesize(t, stub(t), shipped(t, "prod")), "prod-us-east-1", "serverless")
	group := tp.only(t, "AWS::CodeDeploy::DeploymentGroup")
	rollback := group.Properties["AutoRollbackConfiguration"]
	if got := compact(t, rollback); got != `{"Enabled":true,"Events":["DEPLOYMENT_FAILURE","DEPLOYMENT_STOP_ON_REQUEST","DEPLOYMENT_STOP_ON_ALARM"]}` {
		t.Errorf("rolls back on %s", got)
	}
	if got := fmt.Sprint(group.Properties["DeploymentConfigName"]); got != "CodeDeployDefault.LambdaCanary10Percent5Minutes" {
		t.Errorf("deploys as %s", got)
	}
	if n := len(at(group.Properties["AlarmConfiguration"], "Alarms").([]any)); n != 3 {
		t.Errorf("%d alarms watch, want errors, overhead and the API", n)
	}
	update := at(tp.only(t, "AWS::Lambda::Alias").UpdatePolicy, "CodeDeployLambdaAliasUpdate")
	hook := fmt.Sprint(at(update, "BeforeAllowTrafficHook", "Ref"))
	variables := variablesOf(tp.Resources[hook])
	if !strings.Contains(variables[settings.EnvHookVersion], "CurrentVersion") {
		t.Errorf("the smoke test is told %v; want the new version", variables)
	}
	var may []string
	for id, r := range tp.Resources {
		if r.Type != "AWS::IAM::Policy" || !strings.Contains(id, "Hook") && !strings.Contains(id, "Deployer") {
			continue
		}
		for _, s := range statementsOf(t, r.Properties["PolicyDocument"]) {
			may = append(may, s.Actions...)
			if slices.Contains(s.Resources, "*") && s.Actions[0] != "cloudwatch:DescribeAlarms" {
				t.Errorf("%s: %v on everything", id, s.Actions)
			}
			if s.Actions[0] == "lambda:UpdateAlias" && strings.Contains(strings.Join(s.Resources, " "), "*") {
				t.Errorf("%s moves %v", id, s.Resources)
			}
		}
	}
	slices.Sort(may)
	want := []string{"cloudwatch:DescribeAlarms", "codedeploy:PutLifecycleEventHookExecutionStatus", "lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig",
		"lambda:InvokeFunction", "lambda:InvokeFunction", "lambda:UpdateAlias", "logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue"}
	if diff := cmp.Diff(want, may); diff != "" {
		t.Errorf("the hook and CodeDeploy together may: %s", diff)
	}
	for id, r := range tp.Resources {
		if r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has a managed policy", id)
		}
	}
}

// TestWhatTheSmokeTestAsks is told by how callers are known, and by which model both surfaces serve.
func TestWhatTheSmokeTestAsks(t *testing.T) {
	const head, nova = "account: \"123456789012\"\nregions: [us-east-1]\n", "models: {nova: {targets: [{model: amazon.nova-lite-v1:0}]}, %s}\n"
	const haiku = "haiku: {targets: [{model: global.anthropic.claude-haiku-5-5}]}"
	const open = "serverless: {rollout: canary, api: {authorizer: none}}\n"
	for _, tt := range []struct{ name, text, auth, model, messages, key string }{
		{"iam", "serverless: {rollout: canary}\n", "", "haiku", "haiku", ""},
		{"keys", open + "auth: {mode: keys, smokeKey: smoke}\n", "keys", "haiku", "haiku", "smoke"},
		{"keyless", open + "auth: {mode: keys}\n", "keys", "", "", ""},
		{"tokens", open + "auth: {mode: oidc, issuer: https://issuer.example.com, audience: gateway}\n", "oidc", "", "", ""},
		{"tokened", open + "auth: {mode: oidc, issuer: https://issuer.example.com, audience: gateway, smokeKey: smoke}\n", "oidc", "haiku", "haiku", "smoke"},
		{"mixed", "serverless: {rollout: canary}\n" + fmt.Sprintf(nova, haiku), "", "haiku", "haiku", ""},
		{"other", "serverless: {rollout: canary}\n" + fmt.Sprintf(nova, "lite: {targets: [{model: amazon.nova-lite-v1:0}]}"), "", "nova", "", ""},
	} {
		tp := stackOf(t, synthesize(t, stub(t), written(t, tt.name, head+tt.text)), tt.name+"-us-east-1", "serverless")
		found, reads := false, 0
		for _, r := range tp.all("AWS::Lambda::Function") {
			told := variablesOf(r)
			if told[settings.EnvHookVersion] == "" {
				continue
			}
			found = true
			for name, want := range map[string]string{settings.EnvHookAuth: tt.auth, settings.EnvHookModel: tt.model, settings.EnvHookMessagesModel: tt.messages, settings.EnvHookKeySecret: tt.key} {
				if told[name] != want {
					t.Errorf("%s: the smoke test is told %s=%q, want %q", tt.name, name, told[name], want)
				}
			}
		}
		for id, r := range tp.Resources {
			if r.Type != "AWS::IAM::Policy" || !strings.Contains(id, "Hook") {
				continue
			}
			for _, s := range statementsOf(t, r.Properties["PolicyDocument"]) {
				if s.Actions[0] == "secretsmanager:GetSecretValue" && len(s.Actions)+len(s.Resources) == 2 && strings.HasSuffix(s.Resources[0], ":secret:smoke-??????") {
					reads++
				}
			}
		}
		if !found || reads != len(tt.key)/len("smoke") {
			t.Errorf("%s: there is a smoke test: %t; it may read %d secrets", tt.name, found, reads)
		}
	}
}

func TestContainersAreRolledOutByECS(t *testing.T) {
	tp := stackOf(t, synthesize(t, stub(t), shipped(t, "prod")), "prod-us-east-1", "containers")
	service := tp.only(t, "AWS::ECS::Service")
	deployed := service.Properties["DeploymentConfiguration"]
	for want, got := range map[string]any{
		"CANARY": at(deployed, "Strategy"), "5": at(deployed, "BakeTimeInMinutes"),
		`{"CanaryBakeTimeInMinutes":5,"CanaryPercent":10}`: at(deployed, "CanaryConfiguration"),
		"true":  at(deployed, "Alarms", "Rollback"),
		"<nil>": service.Properties["DesiredCount"], // it would undo what scaling has done
	} {
		if text, ok := got.(map[string]any); ok && compact(t, text) == want {
			continue
		}
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	if n := len(at(deployed, "Alarms", "AlarmNames").([]any)); n != 3 {
		t.Errorf("%d alarms watch, want errors, overhead and the balancer", n)
	}
	if stage := compact(t, at(deployed, "LifecycleHooks", 0, "LifecycleStages")); stage != `["POST_TEST_TRAFFIC_SHIFT"]` {
		t.Errorf("the smoke test is at %s", stage)
	}
	groups := tp.all("AWS::ElasticLoadBalancingV2::TargetGroup")
	if len(groups) != 2 || compact(t, groups[0].Properties) != compact(t, groups[1].Properties) {
		t.Errorf("there are %d target groups, want two alike", len(groups))
	}
	rules := tp.all("AWS::ElasticLoadBalancingV2::ListenerRule")
	for i, want := range []string{
		`[{"Field":"http-header","HttpHeaderConfig":{"HttpHeaderName":"X-Genai-Version","Values":["new"]}},{"Field":"source-ip","SourceIpConfig":`,
		`[{"Field":"path-pattern","PathPatternConfig":{"Values":["/*"]}}]`,
	} {
		priority := fmt.Sprint(i + 1)
		j := slices.IndexFunc(rules, func(r resource) bool { return fmt.Sprint(r.Properties["Priority"]) == priority })
		if j < 0 || !strings.HasPrefix(compact(t, rules[j].Properties["Conditions"]), want) {
			t.Errorf("no rule of priority %s with %s", priority, want)
			continue
		}
		if n := len(at(rules[j].Properties, "Actions", 0, "ForwardConfig", "TargetGroups").([]any)); n != 2 {
			t.Errorf("rule %s forwards to %d groups", priority, n)
		}
	}
	waits := fmt.Sprint(service.DependsOn)
	for _, what := range []string{"ShifterRoleDefaultPolicy", "HookFunction", "HookRoleDefaultPolicy", "EdgeGatewayRule", "EdgeGatewayTest", "EdgeGroup"} {
		if !strings.Contains(waits, what) {
			t.Errorf("the service does not wait for %s: %s", what, waits)
		}
	}
}

// TestScalingFollowsBothTargetGroups holds the requests of both groups against one target.
func TestScalingFollowsBothTargetGroups(t *testing.T) {
	tp := stackOf(t, synthesize(t, stub(t), shipped(t, "prod")), "prod-us-east-1", "containers")
	policies := tp.all("AWS::ApplicationAutoScaling::ScalingPolicy")
	var groups []string
	for _, r := range policies {
		followed := r.Properties["TargetTrackingScalingPolicyConfiguration"]
		if at(followed, "PredefinedMetricSpecification", "PredefinedMetricType") == "ALBRequestCountPerTarget" {
			t.Error("scaling follows one group alone, which is empty after every second deployment")
		}
		metrics, _ := at(followed, "CustomizedMetricSpecification", "Metrics").([]any)
		for _, m := range metrics {
			switch at(m, "ReturnData") {
			case true:
				if at(m, "Expression") != "SUM([FILL(blue, 0), FILL(green, 0)])" {
					t.Errorf("follows %v", at(m, "Expression"))
				}
			default:
				groups = append(groups, compact(t, at(m, "MetricStat", "Metric", "Dimensions", 1)))
			}
		}
	}
	slices.Sort(groups)
	if len(policies) != 2 || len(slices.Compact(groups)) != 2 {
		t.Errorf("%d policies follow the groups %v", len(policies), groups)
	}
}

func TestSmokeTestReachesTheBalancerAndNothingElse(t *testing.T) {
	for _, public := range []bool{true, false} {
		e := shipped(t, "prod")
		if !public {
			internal(&e)
		}
		out := synthesize(t, stub(t), e)
		tp := stackOf(t, out, "prod-us-east-1", "containers")
		noWorldIn(t, tp, "Gateway workload to the internet, through NAT", "Smoke test to the balancer, through NAT")
		var ways []string
		for id, r := range tp.Resources {
			text := compact(t, r.Properties)
			if strings.HasPrefix(r.Type, "AWS::EC2::SecurityGroup") && strings.Contains(text, "Smoke test") {
				ways = append(ways, id+" "+text)
			}
		}
		all := strings.Join(ways, "\n")
		if got := strings.Contains(all, "0.0.0.0/0"); got != public {
			t.Errorf("public %t: the smoke test may call the internet: %t\n%s", public, got, all)
		}
		var outward []string
		for _, r := range tp.all("AWS::EC2::SecurityGroupEgress") {
			if strings.Contains(compact(t, r.Properties["GroupId"]), "HookGroup") {
				outward = append(outward, fmt.Sprint(r.Properties["Description"], " ", r.Properties["FromPort"], " ", r.Properties["CidrIp"]))
			}
		}
		slices.Sort(outward)
		want := []string{"Smoke test of new tasks 443 <nil>", "To the VPC endpoint of secretsmanager 443 <nil>"}
		if public {
			want[0] = "Smoke test to the balancer, through NAT 443 0.0.0.0/0"
		}
		if diff := cmp.Diff(want, outward); diff != "" {
			t.Errorf("public %t: the smoke test's ways: %s", public, diff)
		}
		rule := tp.all("AWS::ElasticLoadBalancingV2::ListenerRule")
		if private := strings.Contains(compact(t, rule), `"`+e.Network.CIDR+`"`); private == public {
			t.Errorf("public %t: the rule takes the header from the network: %t", public, private)
		}
	}
}

func TestInstancesAreRolledOutInTwoSteps(t *testing.T) {
	tp := stackOf(t, synthesize(t, stub(t), shipped(t, "prod")), "prod-us-east-1", "instances")
	update := tp.only(t, "AWS::AutoScaling::AutoScalingGroup").UpdatePolicy
	text := compact(t, update)
	for _, want := range []string{`"CheckpointPercentages":[10,100]`, `"CheckpointDelay":300`, `"BakeTime":300`, `"MinHealthyPercentage":100`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if n := strings.Count(text, `{"Ref":"GatewayAlarms`); n != 3 {
		t.Errorf("%d alarms watch, want errors, overhead and the balancer: %s", n, text)
	}
}

// TestAlarmsAreRightWithoutTraffic reads what decides: an expression that is 0 when there is nothing to divide by, and no
// data is no alarm.
func TestAlarmsAreRightWithoutTraffic(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	for _, stack := range []string{"serverless", "containers", "instances"} {
		tp := stackOf(t, out, "prod-us-east-1", stack)
		for _, alarm := range tp.all("AWS::CloudWatch::Alarm") {
			p := alarm.Properties
			if p["TreatMissingData"] != "notBreaching" || fmt.Sprint(p["EvaluationPeriods"], p["DatapointsToAlarm"]) != "3 2" {
				t.Errorf("%s: %s", stack, compact(t, p))
			}
			for _, m := range slices.Collect(metrics(p)) {
				if text, ok := at(m, "Expression").(string); ok && !strings.HasPrefix(text, "IF(errors >= 3, ") {
					t.Errorf("%s: %s divides by nothing", stack, text)
				}
			}
			// The alias and the service wait for the alarms, so these wait for neither.
			for _, cycle := range []string{"GatewayAlias", "GatewayService", "EdgeApi"} {
				if strings.Contains(compact(t, p), `"`+cycle) {
					t.Errorf("%s: an alarm refers to %s", stack, cycle)
				}
			}
		}
	}
}

func metrics(alarm map[string]any) func(func(any) bool) {
	list, _ := alarm["Metrics"].([]any)
	return slices.Values(list)
}
