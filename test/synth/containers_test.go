package synth

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func init() {
	told["AWS::ApplicationAutoScaling::ScalableTarget"] = []string{"MinCapacity", "MaxCapacity"}
	told["AWS::ApplicationAutoScaling::ScalingPolicy"] = []string{"PolicyType"}
	told["AWS::ECS::Cluster"] = []string{"ClusterSettings"}
	told["AWS::ECS::ClusterCapacityProviderAssociations"] = []string{"CapacityProviders"}
	told["AWS::ECS::Service"] = []string{"CapacityProviderStrategy", "DeploymentConfiguration", "AvailabilityZoneRebalancing",
		"EnableExecuteCommand", "NetworkConfiguration"}
	told["AWS::ECS::TaskDefinition"] = []string{"Cpu", "Memory", "RuntimePlatform"}
}

// leastContainers is the props with nothing but what is required.
func leastContainers(t *testing.T, stack awscdk.Stack) compute.ContainersProps {
	t.Helper()
	props := least(t)
	props.Settings.Variant = settings.VariantContainers
	props.Settings.Auth = settings.Auth{Mode: settings.AuthKeys, Secret: "gateway-keys"}
	repository := awsecr.Repository_FromRepositoryName(stack, jsii.String("Repository"), jsii.String("gateway"))
	return compute.ContainersProps{
		Image:    awsecs.ContainerImage_FromEcrRepository(repository, jsii.String("1")),
		Settings: props.Settings, Models: props.Models,
		Placement: placement(stack, elb.TargetType_IP),
	}
}

// containersTemplate is that of Containers with changed props.
func containersTemplate(t *testing.T, change func(*compute.ContainersProps, awscdk.Stack)) template {
	t.Helper()
	app, stack, out := bench(t)
	props := leastContainers(t, stack)
	if change != nil {
		change(&props, stack)
	}
	compute.NewContainers(stack, "Gateway", props)
	return benchTemplate(t, app, out)
}

func TestContainersGolden(t *testing.T) {
	golden(t, "containers", own(containersTemplate(t, nil)).summary(t))
}

func TestContainerIsLockedDown(t *testing.T) {
	task := containersTemplate(t, nil).only(t, "AWS::ECS::TaskDefinition")
	container := at(task.Properties, "ContainerDefinitions", 0)
	got := map[string]any{
		"containers": len(task.Properties["ContainerDefinitions"].([]any)),
		"cpu":        task.Properties["Cpu"], "memory": task.Properties["Memory"],
		"architecture": at(task.Properties, "RuntimePlatform", "CpuArchitecture"),
		"system":       at(task.Properties, "RuntimePlatform", "OperatingSystemFamily"),
		"network":      task.Properties["NetworkMode"],
		"user":         at(container, "User"), "privileged": at(container, "Privileged"),
		"root is read-only": at(container, "ReadonlyRootFilesystem"),
		"dropped":           at(container, "LinuxParameters", "Capabilities"),
		"stop":              at(container, "StopTimeout"),
		"port":              at(container, "PortMappings", 0, "ContainerPort"),
		"health check":      at(container, "HealthCheck"), // the balancer's, for nothing in the image could ask
		"log driver":        at(container, "LogConfiguration", "LogDriver"),
		"log mode":          at(container, "LogConfiguration", "Options", "mode"),
		"log buffer":        at(container, "LogConfiguration", "Options", "max-buffer-size"),
		"binary":            task.Metadata[settings.BinaryMetadata],
	}
	want := map[string]any{
		"containers": 1, "cpu": "512", "memory": "1024", "architecture": "ARM64", "system": "LINUX", "network": "awsvpc",
		"user": "65532:65532", "privileged": false, "root is read-only": true,
		"dropped": map[string]any{"Drop": []any{"ALL"}}, "stop": 120.0, "port": 8080.0, "health check": nil,
		"log driver": "awslogs", "log mode": "non-blocking", "log buffer": "16777216b", "binary": "./runtime/cmd/server",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestContainerIsToldItsSettings(t *testing.T) {
	var want settings.Settings
	tp := containersTemplate(t, func(props *compute.ContainersProps, _ awscdk.Stack) { want = props.Settings })
	variables := map[string]string{}
	for _, pair := range at(tp.only(t, "AWS::ECS::TaskDefinition").Properties, "ContainerDefinitions", 0, "Environment").([]any) {
		variables[at(pair, "Name").(string)] = at(pair, "Value").(string)
	}
	got, err := settings.Load(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestServiceRollsSafely(t *testing.T) {
	tp := containersTemplate(t, func(props *compute.ContainersProps, stack awscdk.Stack) {
		props.Alarms = []awscloudwatch.IAlarm{awscloudwatch.Alarm_FromAlarmName(stack, jsii.String("Alarm"), jsii.String("errors"))}
	})
	p := tp.only(t, "AWS::ECS::Service").Properties
	deployment := p["DeploymentConfiguration"]
	got := map[string]any{
		"breaker": at(deployment, "DeploymentCircuitBreaker"), "alarms": at(deployment, "Alarms"),
		"least": at(deployment, "MinimumHealthyPercent"), "most": at(deployment, "MaximumPercent"),
		"rebalancing": p["AvailabilityZoneRebalancing"], "exec": p["EnableExecuteCommand"], "tags": p["PropagateTags"],
		"public address": at(p, "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"),
		"subnets":        at(p, "NetworkConfiguration", "AwsvpcConfiguration", "Subnets"),
		"launch type":    p["LaunchType"], "desired": p["DesiredCount"],
	}
	want := map[string]any{
		"breaker": map[string]any{"Enable": true, "Rollback": true},
		"alarms":  map[string]any{"AlarmNames": []any{"errors"}, "Enable": true, "Rollback": true},
		"least":   100.0, "most": 200.0, "rebalancing": "ENABLED", "exec": false, "tags": "SERVICE",
		"public address": "DISABLED", "subnets": []any{"subnet-0000000000000000a", "subnet-0000000000000000b"}, "launch type": nil, "desired": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	insights := at(tp.only(t, "AWS::ECS::Cluster").Properties, "ClusterSettings", 0)
	if diff := cmp.Diff(map[string]any{"Name": "containerInsights", "Value": "enhanced"}, insights); diff != "" {
		t.Error(diff)
	}
}

func TestTasksStartAfterWhatTheyNeed(t *testing.T) {
	tp := containersTemplate(t, nil)
	first := fmt.Sprint(tp.only(t, "AWS::ECS::Service").DependsOn)
	for id, r := range tp.Resources {
		if (r.Type == "AWS::ECS::ClusterCapacityProviderAssociations" || r.Type == "AWS::IAM::Policy") && !strings.Contains(first, id) {
			t.Errorf("tasks may start before %s is there", id)
		}
	}
}

func TestContainersCapacity(t *testing.T) {
	provider := func(name string, weight, base any) map[string]any {
		p := map[string]any{"CapacityProvider": name, "Weight": weight}
		if base != nil {
			p["Base"] = base
		}
		return p
	}
	tests := []struct {
		name string
		spot compute.Spot
		want []any
	}{
		{"on demand only", compute.Spot{}, []any{provider("FARGATE", 100.0, 0.0)}},
		{"a mix", compute.Spot{Share: 70, OnDemandBase: 2}, []any{provider("FARGATE", 30.0, 2.0), provider("FARGATE_SPOT", 70.0, nil)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tp := containersTemplate(t, func(props *compute.ContainersProps, _ awscdk.Stack) { props.Spot = test.spot })
			if diff := cmp.Diff(test.want, tp.only(t, "AWS::ECS::Service").Properties["CapacityProviderStrategy"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContainersScaleOnCpuAndRequests(t *testing.T) {
	tp := containersTemplate(t, func(props *compute.ContainersProps, _ awscdk.Stack) {
		props.Scaling = compute.Scaling{Min: 3, Max: 9, Desired: 4, CPU: 60, Requests: 1200}
	})
	target := tp.only(t, "AWS::ApplicationAutoScaling::ScalableTarget").Properties
	got := map[string]any{"min": target["MinCapacity"], "max": target["MaxCapacity"],
		"desired": tp.only(t, "AWS::ECS::Service").Properties["DesiredCount"]}
	for _, policy := range tp.all("AWS::ApplicationAutoScaling::ScalingPolicy") {
		c := policy.Properties["TargetTrackingScalingPolicyConfiguration"]
		got[at(c, "PredefinedMetricSpecification", "PredefinedMetricType").(string)] = at(c, "TargetValue")
	}
	want := map[string]any{"min": 3.0, "max": 9.0, "desired": 4.0, "ECSServiceAverageCPUUtilization": 60.0, "ALBRequestCountPerTarget": 1200.0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestContainerRolesAllowNothingElse(t *testing.T) {
	tp := containersTemplate(t, nil)
	checkStars(t, tp)
	got := map[string][]string{}
	for _, policy := range tp.all("AWS::IAM::Policy") {
		role := at(policy.Properties, "Roles", 0, "Ref").(string)
		for _, s := range statementsOf(t, policy.Properties["PolicyDocument"]) {
			got[role] = append(got[role], s.Actions...)
		}
		slices.Sort(got[role])
		got[role] = slices.Compact(got[role])
	}
	want := map[string][]string{}
	for id, r := range tp.Resources {
		switch {
		case r.Type != "AWS::IAM::Role":
		case strings.HasPrefix(id, "GatewayExecutionRole"):
			want[id] = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken",
				"ecr:GetDownloadUrlForLayer", "logs:CreateLogStream", "logs:PutLogEvents"}
		default:
			want[id] = append(access.Actions(), "secretsmanager:GetSecretValue")
			if at(r.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Condition", "StringEquals", "aws:SourceAccount") == nil {
				t.Errorf("%s can be assumed on behalf of another account", id)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestContainersReachHTTPSOnly(t *testing.T) {
	tp := containersTemplate(t, nil)
	for id, r := range tp.Resources {
		if r.Type != "AWS::EC2::SecurityGroup" || !strings.HasPrefix(id, "Gateway") {
			continue
		}
		egress := r.Properties["SecurityGroupEgress"].([]any)
		if len(egress) != 1 || at(egress, 0, "FromPort") != 443.0 || at(egress, 0, "ToPort") != 443.0 || r.Properties["SecurityGroupIngress"] != nil {
			t.Errorf("%s allows %v", id, r.Properties)
		}
	}
	ingress := tp.only(t, "AWS::EC2::SecurityGroupIngress").Properties
	if ingress["FromPort"] != 8080.0 || ingress["ToPort"] != 8080.0 || ingress["SourceSecurityGroupId"] == nil {
		t.Errorf("the balancer reaches the program by %v", ingress)
	}
}

func TestContainersTakeWhatIsGiven(t *testing.T) {
	tp := containersTemplate(t, func(props *compute.ContainersProps, stack awscdk.Stack) {
		props.Placement.SecurityGroup = awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Narrow"), jsii.String("sg-00000000000000001"), nil)
		props.Placement.Subnets = &awsec2.SubnetSelection{AvailabilityZones: jsii.Strings("us-east-1b")}
		props.Cluster = awsecs.Cluster_FromClusterAttributes(stack, jsii.String("Cluster"), &awsecs.ClusterAttributes{
			ClusterName: jsii.String("shared"), Vpc: props.Placement.Vpc,
		})
		props.Retain = true
	})
	network := at(tp.only(t, "AWS::ECS::Service").Properties, "NetworkConfiguration", "AwsvpcConfiguration")
	got := []any{at(network, "SecurityGroups"), at(network, "Subnets"), len(tp.all("AWS::ECS::Cluster")),
		tp.only(t, "AWS::Logs::LogGroup").DeletionPolicy}
	if diff := cmp.Diff([]any{[]any{"sg-00000000000000001"}, []any{"subnet-0000000000000000b"}, 0, "Retain"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestContainersRefuse(t *testing.T) {
	_, stack, _ := bench(t)
	good := leastContainers(t, stack)
	tests := []struct {
		name   string
		change func(*compute.ContainersProps)
		want   []string
	}{
		{"nothing given", func(p *compute.ContainersProps) { *p = compute.ContainersProps{} }, []string{
			`compute.NewContainers("Gateway"): `, "Image: is nil", "Settings: ", "Placement: Vpc is nil", "Placement: TargetGroup is nil", "variant is \"\""}},
		{"another variant", func(p *compute.ContainersProps) { p.Settings.Variant = settings.VariantServerless }, []string{`1 problems`, `variant is "serverless"`}},
		{"callers that only an API would know", func(p *compute.ContainersProps) { p.Settings.Auth = settings.Default().Auth },
			[]string{`authentication is "gateway"`, `take "keys"`}},
		{"a model that nothing grants", func(p *compute.ContainersProps) {
			p.Models = []access.Target{{Model: "amazon.nova-lite-v1:0", Region: "us-east-1"}}
		}, []string{"Models: nothing grants global.anthropic.claude-haiku-5-5 in us-east-1"}},
		{"a model nobody knows", func(p *compute.ContainersProps) {
			p.Models = append([]access.Target{{Model: "none", Region: "us-east-1"}}, p.Models...)
		}, []string{`"none": the model is not in the catalog`}},
		{"stop before the drain ends", func(p *compute.ContainersProps) { p.StopTimeout = 100 * time.Second },
			[]string{"StopTimeout: is 1m40s; it must be at least Settings.DrainTimeout, 1m50s"}},
		{"stop before the archive is closed", func(p *compute.ContainersProps) {
			p.Settings.Archive.Bucket, p.StopTimeout = "records", 114*time.Second
		}, []string{"1 problems", "StopTimeout: is 1m54s; with an archive it must be at least 5s more than Settings.DrainTimeout, 1m50s"}},
		{"a drain longer than Fargate allows", func(p *compute.ContainersProps) { p.StopTimeout = 121 * time.Second }, []string{"StopTimeout: is 2m1s; Fargate allows"}},
		{"a size Fargate does not have", func(p *compute.ContainersProps) { p.Memory = 8192 }, []string{"Memory: is 8192 MB; with 512 CPU units Fargate offers [1024 2048 3072 4096]"}},
		{"CPU units nobody offers", func(p *compute.ContainersProps) { p.CPU = 700 }, []string{"CPU: is 700 units"}},
		{"a log buffer as large as the memory", func(p *compute.ContainersProps) { p.LogBuffer = 1024 }, []string{"LogBuffer: is 1024 MB"}},
		{"retention", func(p *compute.ContainersProps) { p.LogRetention = 31 }, []string{"LogRetention: is 31 days"}},
		{"scaling", func(p *compute.ContainersProps) {
			p.Scaling = compute.Scaling{Min: 5, Max: 4, Desired: 9, CPU: 99, Requests: -1}
		}, []string{"4 problems", "min and max are 5 and 4", "desired is 9", "CPU is 99 %", "requests are -1"}},
		{"spot", func(p *compute.ContainersProps) { p.Spot = compute.Spot{Share: 101, OnDemandBase: -1} }, []string{"share is 101 %", "on-demand base is -1"}},
		{"a privileged port", func(p *compute.ContainersProps) { p.Settings.Listen = ":80" }, []string{`listen is ":80"; a program without privileges`}},
		{"a port only it can reach", func(p *compute.ContainersProps) { p.Settings.Listen = "127.0.0.1:8080" }, []string{"a balancer reaches only"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := good
			test.change(&props)
			refused(t, test.want, func() { compute.NewContainers(stack, "Gateway", props) })
		})
	}
}
