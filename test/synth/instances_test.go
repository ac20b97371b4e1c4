package synth

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func init() {
	told["AWS::AutoScaling::AutoScalingGroup"] = []string{"MinSize", "MaxSize", "HealthCheckType", "HealthCheckGracePeriod", "VPCZoneIdentifier"}
	told["AWS::AutoScaling::LifecycleHook"] = []string{"LifecycleTransition", "HeartbeatTimeout", "DefaultResult"}
	told["AWS::AutoScaling::ScalingPolicy"] = []string{"PolicyType"}
	told["AWS::EC2::LaunchTemplate"] = []string{}
	told["AWS::IAM::InstanceProfile"] = []string{}
}

// leastInstances is the props with nothing but what is required.
func leastInstances(t *testing.T, stack awscdk.Stack) compute.InstancesProps {
	t.Helper()
	props := least(t)
	props.Settings.Variant = settings.VariantInstances
	props.Settings.Auth = settings.Auth{Mode: settings.AuthKeys, Secret: "gateway-keys"}
	code, err := stub(t).Build(compute.ServerPackage)
	if err != nil {
		t.Fatal(err)
	}
	return compute.InstancesProps{Code: code, Settings: props.Settings, Models: props.Models,
		Placement: placement(stack, elb.TargetType_INSTANCE)}
}

// instancesTemplate is that of Instances with changed props.
func instancesTemplate(t *testing.T, change func(*compute.InstancesProps, awscdk.Stack)) template {
	t.Helper()
	app, stack, out := bench(t)
	props := leastInstances(t, stack)
	if change != nil {
		change(&props, stack)
	}
	compute.NewInstances(stack, "Gateway", props)
	return benchTemplate(t, app, out)
}

func TestInstancesGolden(t *testing.T) {
	golden(t, "instances", own(instancesTemplate(t, nil)).summary(t))
}

func TestLaunchTemplateIsLockedDown(t *testing.T) {
	tp := instancesTemplate(t, nil)
	template := tp.only(t, "AWS::EC2::LaunchTemplate")
	data := template.Properties["LaunchTemplateData"]
	got := map[string]any{
		"metadata": at(data, "MetadataOptions"), "key pair": at(data, "KeyName"), "monitoring": at(data, "Monitoring", "Enabled"),
		"volume": at(data, "BlockDeviceMappings"), "public address": at(data, "NetworkInterfaces", 0, "AssociatePublicIpAddress"),
		"interfaces": len(at(data, "NetworkInterfaces").([]any)), "binary": template.Metadata[settings.BinaryMetadata],
	}
	want := map[string]any{
		"metadata": map[string]any{"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1.0},
		"key pair": nil, "monitoring": true, "public address": false, "interfaces": 1, "binary": "./runtime/cmd/server",
		"volume": []any{map[string]any{"DeviceName": "/dev/xvda", "Ebs": map[string]any{
			"DeleteOnTermination": true, "Encrypted": true, "VolumeSize": 12.0, "VolumeType": "gp3"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if ref := compact(t, at(data, "ImageId")); !strings.Contains(ref, "arm64") || !strings.Contains(ref, "al2023") {
		t.Errorf("the image is %s, want a parameter for arm64", ref)
	}
}

func TestGroupKeepsServing(t *testing.T) {
	tp := instancesTemplate(t, func(props *compute.InstancesProps, _ awscdk.Stack) {
		props.Spot = compute.Spot{Share: 60, OnDemandBase: 2}
	})
	group := tp.only(t, "AWS::AutoScaling::AutoScalingGroup").Properties
	var types []any
	for _, override := range at(group, "MixedInstancesPolicy", "LaunchTemplate", "Overrides").([]any) {
		types = append(types, at(override, "InstanceType"))
	}
	hook := tp.only(t, "AWS::AutoScaling::LifecycleHook").Properties
	got := map[string]any{
		"sizes": []any{group["MinSize"], group["MaxSize"], group["DesiredCapacity"]},
		"types": types, "mix": at(group, "MixedInstancesPolicy", "InstancesDistribution"),
		"health": []any{group["HealthCheckType"], group["HealthCheckGracePeriod"]}, "rebalance": group["CapacityRebalance"],
		"hook":    []any{hook["LifecycleTransition"], hook["DefaultResult"], hook["HeartbeatTimeout"]},
		"subnets": group["VPCZoneIdentifier"], "targets": len(group["TargetGroupARNs"].([]any)),
	}
	want := map[string]any{
		"sizes": []any{"2", "20", nil},
		"types": []any{"c8g.large", "c7g.large", "m8g.large", "m7g.large"},
		"mix": map[string]any{"OnDemandAllocationStrategy": "prioritized", "OnDemandBaseCapacity": 2.0,
			"OnDemandPercentageAboveBaseCapacity": 40.0, "SpotAllocationStrategy": "price-capacity-optimized"},
		"health": []any{"ELB", 180.0}, "rebalance": true,
		"hook":    []any{"autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE", 320.0},
		"subnets": []any{"subnet-0000000000000000a", "subnet-0000000000000000b"}, "targets": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInstancesStartAfterTheirPolicy(t *testing.T) {
	tp := instancesTemplate(t, nil)
	first := fmt.Sprint(tp.only(t, "AWS::AutoScaling::AutoScalingGroup").DependsOn)
	if !strings.Contains(first, "GatewayRoleDefaultPolicy") {
		t.Errorf("instances start after %s only", first)
	}
}

func TestInstancesScaleOnCpuAndRequests(t *testing.T) {
	got := map[any]any{}
	for _, policy := range instancesTemplate(t, nil).all("AWS::AutoScaling::ScalingPolicy") {
		c := policy.Properties["TargetTrackingConfiguration"]
		got[at(c, "PredefinedMetricSpecification", "PredefinedMetricType")] = at(c, "TargetValue")
	}
	if diff := cmp.Diff(map[any]any{"ASGAverageCPUUtilization": 80.0, "ALBRequestCountPerTarget": 600.0}, got); diff != "" {
		t.Error(diff)
	}
}

// policies is what CloudFormation is told of a group's creation and update, which the other tests do not read.
func policies(t *testing.T, change func(*compute.InstancesProps, awscdk.Stack)) (creation, update any) {
	t.Helper()
	app, stack, out := bench(t)
	props := leastInstances(t, stack)
	change(&props, stack)
	compute.NewInstances(stack, "Gateway", props)
	app.Synth(nil)
	var tp struct{ Resources map[string]map[string]any }
	readJSON(t, filepath.Join(out, "bench.template.json"), &tp)
	for _, r := range tp.Resources {
		if r["Type"] == "AWS::AutoScaling::AutoScalingGroup" {
			return r["CreationPolicy"], r["UpdatePolicy"]
		}
	}
	t.Fatal("no group")
	return nil, nil
}

func TestInstancesAreReplacedUnderAlarms(t *testing.T) {
	creation, update := policies(t, func(props *compute.InstancesProps, stack awscdk.Stack) {
		props.Update = compute.Update{BakeTime: 10 * time.Minute, Alarms: []awscloudwatch.IAlarm{
			awscloudwatch.Alarm_FromAlarmName(stack, jsii.String("Alarm"), jsii.String("errors"))}}
	})
	if diff := cmp.Diff(map[string]any{"ResourceSignal": map[string]any{"Count": 2.0, "Timeout": "PT10M"}}, creation); diff != "" {
		t.Error(diff)
	}
	refresh := at(update, "AutoScalingInstanceRefresh")
	text := compact(t, refresh)
	for _, part := range []string{`"errors"`, `"BakeTime":600`, `"MinHealthyPercentage":100`, `"MaxHealthyPercentage":150`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

func TestInstanceRoleAllowsNothingElse(t *testing.T) {
	tp := instancesTemplate(t, nil)
	checkStars(t, tp)
	var got []string
	for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
		got = append(got, s.Actions...)
		switch {
		case slices.Contains(s.Actions, "s3:GetObject"):
			if len(s.Resources) != 1 || strings.Contains(s.Resources[0], "*") {
				t.Errorf("it reads %v, want one object", s.Resources)
			}
		case slices.Contains(s.Resources, "*"):
			if at(s.Condition, "ArnLike", "ec2:SourceInstanceARN") == nil {
				t.Errorf("%v is allowed from anywhere", s.Actions)
			}
		}
	}
	slices.Sort(got)
	want := append(access.Actions(), "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "secretsmanager:GetSecretValue", "ssm:UpdateInstanceInformation",
		"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel")
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Error(diff)
	}
}

func TestInstancesTakeASecurityGroup(t *testing.T) {
	tp := instancesTemplate(t, func(props *compute.InstancesProps, stack awscdk.Stack) {
		props.Placement.SecurityGroup = awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Narrow"), jsii.String("sg-00000000000000001"), nil)
	})
	data := tp.only(t, "AWS::EC2::LaunchTemplate").Properties["LaunchTemplateData"]
	if diff := cmp.Diff([]any{"sg-00000000000000001"}, at(data, "NetworkInterfaces", 0, "Groups")); diff != "" {
		t.Error(diff)
	}
}

func TestInstancesRefuse(t *testing.T) {
	_, stack, _ := bench(t)
	good := leastInstances(t, stack)
	tests := []struct {
		name   string
		change func(*compute.InstancesProps)
		want   []string
	}{
		{"nothing given", func(p *compute.InstancesProps) { *p = compute.InstancesProps{} }, []string{
			`compute.NewInstances("Gateway"): `, "Code: is empty", "Settings: ", "Placement: Vpc is nil", "Placement: TargetGroup is nil"}},
		{"no program", func(p *compute.InstancesProps) { p.Code.Dir = "none" }, []string{"Code: open none/bootstrap"}},
		{"another variant", func(p *compute.InstancesProps) { p.Settings.Variant = settings.VariantContainers }, []string{`variant is "containers"`}},
		{"a target group for another port", func(p *compute.InstancesProps) { p.Settings.Listen = ":9000" },
			[]string{"1 problems", "TargetGroup sends to port 8080; the program listens on 9000"}},
		{"types that are not Graviton", func(p *compute.InstancesProps) {
			p.Types = []string{"c7g.large", "c7i.large", "g5.xlarge", "im4gn.large"}
		}, []string{"2 problems", `"c7i.large" is not`, `"g5.xlarge" is not`}},
		{"a hook shorter than the drain", func(p *compute.InstancesProps) { p.DrainHook = time.Minute },
			[]string{"DrainHook: is 1m0s; it must be at least Settings.DrainTimeout, 1m50s"}},
		{"a hook longer than AWS waits", func(p *compute.InstancesProps) { p.DrainHook = 3 * time.Hour }, []string{"DrainHook: is 3h0m0s; allowed"}},
		{"bounds", func(p *compute.InstancesProps) {
			p.Disk, p.StartTimeout, p.LogRetention = 4, time.Second, 31
			p.Update = compute.Update{BakeTime: 1500 * time.Millisecond, Alarms: make([]awscloudwatch.IAlarm, 11)}
		}, []string{"5 problems", "Disk: is 4 GB", "StartTimeout: is 1s", "LogRetention: is 31", "bake time is 1.5s", "there are 11 alarms"}},
		{"a setting of two lines", func(p *compute.InstancesProps) { p.Settings.Environment = "a\nEVIL=b" },
			[]string{"GENAI_ENVIRONMENT holds a control character"}},
		{"settings larger than user data", func(p *compute.InstancesProps) { p.Settings.Environment = strings.Repeat("x", 14<<10) },
			[]string{"EC2 allows 16384"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := good
			test.change(&props)
			refused(t, test.want, func() { compute.NewInstances(stack, "Gateway", props) })
		})
	}
}

func TestNothingIsLookedUp(t *testing.T) {
	app, stack, out := bench(t)
	compute.NewInstances(stack, "Gateway", leastInstances(t, stack))
	app.Synth(nil)
	if asked := missing(t, out); len(asked) > 0 {
		t.Errorf("synthesis asks AWS for %v", asked)
	}
}
