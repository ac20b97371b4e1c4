package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
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

// bootScript is the user data as an instance gets it, with a name in capitals for what CloudFormation fills in.
func bootScript(t *testing.T, tp template) string {
	t.Helper()
	data := at(tp.only(t, "AWS::EC2::LaunchTemplate").Properties, "LaunchTemplateData", "UserData", "Fn::Base64")
	return resolved(t, data)
}

func resolved(t *testing.T, data any) string {
	t.Helper()
	if text, ok := data.(string); ok {
		return text
	}
	if ref, ok := at(data, "Ref").(string); ok {
		return "REF-" + strings.TrimPrefix(ref, "AWS::")
	}
	if sub, ok := at(data, "Fn::Sub").(string); ok {
		return regexp.MustCompile(`\$\{(AWS::)?(\w+)\}`).ReplaceAllString(sub, "REF-$2")
	}
	parts, ok := at(data, "Fn::Join", 1).([]any)
	if !ok {
		t.Fatalf("not a text: %v", data)
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(resolved(t, part))
	}
	return b.String()
}

// document is the here-document that a script ends with a word.
func document(t *testing.T, script, end string) string {
	t.Helper()
	_, rest, found := strings.Cut(script, "<<'"+end+"'\n")
	text, _, closed := strings.Cut(rest, "\n"+end+"\n")
	if !found || !closed {
		t.Fatalf("the script has no document %s", end)
	}
	return text + "\n"
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
		"subnets": []any{"subnet-a", "subnet-b"}, "targets": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
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
	want := append(access.Actions(), "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "ssm:UpdateInstanceInformation",
		"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel")
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Error(diff)
	}
}

// awkward are settings with every character that a shell or systemd could take for its own.
func awkward(props *compute.InstancesProps, _ awscdk.Stack) {
	props.Settings.Environment = "a'b\"c`id`$(id)${HOME}\\ \\$ %n #;&|<>*~ é"
	props.Settings.Listen = ":9000"
}

func TestBootScriptIsShell(t *testing.T) {
	script := bootScript(t, instancesTemplate(t, awkward))
	lines := strings.Split(script, "\n")
	if lines[0] != "#!/bin/bash" || lines[1] != "set -euo pipefail" {
		t.Errorf("it starts with %q", lines[:2])
	}
	if strings.Contains(script, "Token[") || strings.Contains(script, "<no value>") {
		t.Error("something is not filled in")
	}
	command := exec.Command("bash", "-n")
	command.Stdin = strings.NewReader(script)
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("bash -n: %v\n%s", err, said)
	}
	if len(script) > 16<<10 {
		t.Errorf("it has %d bytes, more than EC2 allows", len(script))
	}
}

func TestInstanceIsToldItsSettings(t *testing.T) {
	var want settings.Settings
	tp := instancesTemplate(t, func(props *compute.InstancesProps, stack awscdk.Stack) {
		awkward(props, stack)
		want = props.Settings
	})
	variables := map[string]string{}
	for line := range strings.Lines(document(t, bootScript(t, tp), "END_OF_SETTINGS")) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		variables[name] = unquoted(t, text)
	}
	got, err := settings.Load(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// unquoted reads a value in double quotes by the rules of systemd.exec(5).
func unquoted(t *testing.T, text string) string {
	t.Helper()
	inner, opened := strings.CutPrefix(text, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	if !opened || !closed {
		t.Fatalf("%s is not in double quotes", text)
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch {
		case inner[i] == '\\' && i+1 < len(inner) && strings.IndexByte("\"\\`$", inner[i+1]) >= 0:
			i++
			b.WriteByte(inner[i])
		case inner[i] == '"':
			t.Fatalf("%s ends too early", text)
		default:
			b.WriteByte(inner[i])
		}
	}
	return b.String()
}

func TestUnitIsHardened(t *testing.T) {
	tp := instancesTemplate(t, func(props *compute.InstancesProps, _ awscdk.Stack) {
		props.Settings.DrainTimeout = 90500 * time.Millisecond
	})
	got := map[string]string{}
	for line := range strings.Lines(document(t, bootScript(t, tp), "END_OF_UNIT")) {
		if name, text, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			got[name] = strings.TrimSpace(got[name] + " " + text)
		}
	}
	want := map[string]string{
		"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"PrivateDevices": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "RestrictAddressFamilies": "AF_INET AF_INET6",
		"RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes", "SystemCallFilter": "@system-service ~@privileged @resources",
		"SystemCallArchitectures": "native", "Restart": "on-failure", "KillSignal": "SIGTERM", "TimeoutStopSec": "101",
		"ExecStart": "/usr/local/bin/genai-gateway", "EnvironmentFile": "/etc/genai-gateway/environment", "LimitCORE": "0",
	}
	for name, text := range want {
		if found, ok := got[name]; !ok || found != text {
			t.Errorf("%s=%s, want %s", name, found, text)
		}
	}
	if user, ok := got["User"]; ok {
		t.Errorf("it runs as %s", user)
	}
}

func TestAgentSendsTheLog(t *testing.T) {
	script := bootScript(t, instancesTemplate(t, nil))
	var agent any
	if err := json.Unmarshal([]byte(document(t, script, "END_OF_AGENT")), &agent); err != nil {
		t.Fatal(err)
	}
	source := at(agent, "logs", "logs_collected", "files", "collect_list", 0)
	got := []any{at(source, "file_path"), at(source, "log_stream_name"), at(agent, "agent", "run_as_user")}
	if diff := cmp.Diff([]any{"/var/log/genai-gateway/log", "{instance_id}", "cwagent"}, got); diff != "" {
		t.Error(diff)
	}
	if group := at(source, "log_group_name").(string); !strings.HasPrefix(group, "REF-GatewayLogs") {
		t.Errorf("it sends to %s", group)
	}
	if unit := document(t, script, "END_OF_UNIT"); !strings.Contains(unit, "StandardOutput=append:/var/log/genai-gateway/log\n") {
		t.Error("the program does not write where the agent reads")
	}
}

// otherBuilder makes a program of other bytes.
type otherBuilder struct{ binary.Builder }

func (b otherBuilder) Build(pkg string) (binary.Asset, error) {
	asset, err := b.Builder.Build(pkg)
	if err == nil {
		err = os.WriteFile(filepath.Join(asset.Dir, binary.Name), []byte("other"), 0o600)
	}
	return asset, err
}

func TestNewProgramReplacesInstances(t *testing.T) {
	first := bootScript(t, instancesTemplate(t, nil))
	if again := bootScript(t, instancesTemplate(t, nil)); again != first {
		t.Errorf("the same program changes the launch template: %s", cmp.Diff(first, again))
	}
	second := bootScript(t, instancesTemplate(t, func(props *compute.InstancesProps, _ awscdk.Stack) {
		var err error
		if props.Code, err = (otherBuilder{stub(t)}).Build(compute.ServerPackage); err != nil {
			t.Fatal(err)
		}
	}))
	sum := sha256.Sum256([]byte("other"))
	if first == second || !strings.Contains(second, hex.EncodeToString(sum[:])) {
		t.Error("another program does not change the launch template by its digest")
	}
}

// machine is a folder that stands for an instance: its root, and commands that only record how they were called.
type machine struct{ root, bin string }

func newMachine(t *testing.T, downloads string) machine {
	t.Helper()
	m := machine{root: t.TempDir(), bin: t.TempDir()}
	commands := map[string]string{
		"dnf": "", "systemctl": "", "sleep": "", "curl": "",
		"aws":        `for last; do :; done; printf %s "$DOWNLOADS" >"$last"`,
		"cfn-signal": "", "amazon-cloudwatch-agent-ctl": "",
		"install": `args=(); while [ $# -gt 0 ]; do case $1 in -o|-g) shift 2;; *) args+=("$1"); shift;; esac; done; exec /usr/bin/install "${args[@]}"`,
	}
	for name, does := range commands {
		text := "#!/bin/bash\necho \"" + name + " $*\" >>" + m.root + "/called\n" + does + "\n"
		if err := os.WriteFile(filepath.Join(m.bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"etc/logrotate.d", "etc/systemd/system", "usr/local/bin", "var/log"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOWNLOADS", downloads)
	t.Setenv("PATH", m.bin+":"+os.Getenv("PATH"))
	return m
}

// boot runs a script with the machine's folders for those of an instance, and returns what it called.
func (m machine) boot(t *testing.T, script string) (called []string, err error) {
	t.Helper()
	moved := strings.NewReplacer("/etc/", m.root+"/etc/", "/usr/local/", m.root+"/usr/local/", "/var/log/", m.root+"/var/log/",
		"/opt/aws/amazon-cloudwatch-agent/bin/", m.bin+"/", "/opt/aws/bin/", m.bin+"/").Replace(script)
	command := exec.Command("bash", "-s")
	command.Stdin = strings.NewReader(moved)
	said, err := command.CombinedOutput()
	text, readErr := os.ReadFile(filepath.Join(m.root, "called"))
	if readErr != nil {
		t.Fatalf("nothing was called: %v\n%s", readErr, said)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n"), err
}

func TestBoot(t *testing.T) {
	tests := []struct {
		name      string
		downloads string
		works     bool
	}{
		{"the program that was built", "other", true},
		{"another program", "tampered", false},
		{"nothing", "", false},
	}
	script := bootScript(t, instancesTemplate(t, func(props *compute.InstancesProps, stack awscdk.Stack) {
		awkward(props, stack)
		var err error
		if props.Code, err = (otherBuilder{stub(t)}).Build(compute.ServerPackage); err != nil {
			t.Fatal(err)
		}
	}))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t, test.downloads)
			called, err := m.boot(t, script)
			if (err == nil) != test.works {
				t.Errorf("it ends with %v", err)
			}
			last, code := called[len(called)-1], map[bool]string{true: "0", false: "1"}[test.works]
			if !strings.HasPrefix(last, "cfn-signal --exit-code "+code+" --stack bench --resource GatewayGroup") {
				t.Errorf("it signals %q", last)
			}
			started := slices.ContainsFunc(called, func(c string) bool { return strings.Contains(c, "restart logrotate.timer genai-gateway.service") })
			if started != test.works {
				t.Errorf("the program is started: %t", started)
			}
			info, err := os.Stat(filepath.Join(m.root, "usr/local/bin/genai-gateway"))
			if (err == nil) != test.works || test.works && info.Mode().Perm() != 0o755 {
				t.Errorf("the program is installed: %v %v", info, err)
			}
			if told, err := os.Stat(filepath.Join(m.root, "etc/genai-gateway/environment")); test.works && (err != nil || told.Mode().Perm() != 0o640) {
				t.Errorf("the settings are %v %v", told, err)
			}
		})
	}
}

func TestInstancesAreAService(t *testing.T) {
	app, stack, out := bench(t)
	gateway := compute.NewInstances(stack, "Gateway", leastInstances(t, stack))
	checkService(t, stack, gateway, "instances")
	if gateway.Group() == nil {
		t.Error("no group")
	}
	benchTemplate(t, app, out)
}

func TestInstancesTakeASecurityGroup(t *testing.T) {
	tp := instancesTemplate(t, func(props *compute.InstancesProps, stack awscdk.Stack) {
		props.Placement.SecurityGroup = awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Narrow"), jsii.String("sg-1"), nil)
	})
	data := tp.only(t, "AWS::EC2::LaunchTemplate").Properties["LaunchTemplateData"]
	if diff := cmp.Diff([]any{"sg-1"}, at(data, "NetworkInterfaces", 0, "Groups")); diff != "" {
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
			checkRefused(t, func() { compute.NewInstances(stack, "Gateway", props) }, test.want...)
		})
	}
}

func TestNothingIsLookedUp(t *testing.T) {
	app, stack, out := bench(t)
	compute.NewInstances(stack, "Gateway", leastInstances(t, stack))
	app.Synth(nil)
	var manifest struct{ Missing []any }
	readJSON(t, filepath.Join(out, "manifest.json"), &manifest)
	if len(manifest.Missing) > 0 {
		t.Errorf("synthesis asks AWS for %s", fmt.Sprint(manifest.Missing))
	}
}
