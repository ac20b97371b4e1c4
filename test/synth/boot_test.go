package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

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
	if output, ok := at(data, "Fn::GetStackOutput", "OutputName").(string); ok {
		return "REF-" + output
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

// awkward are settings with every character that a shell or systemd could take for its own.
func awkward(props *compute.InstancesProps, _ awscdk.Stack) {
	props.Settings.Environment = "a'b\"c`id`$(id)${HOME}\\ \\$ %n #;&|<>*~ é"
	props.Settings.Listen = "0.0.0.0:8080"
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
	// Without it Secrets Manager and S3 cannot be called: the SDK does not ask an instance for its Region.
	if region := variables["AWS_REGION"]; region != "REF-Region" { // AWS::Region
		t.Errorf("it is told that its Region is %q", region)
	}
}

func TestInstanceIsToldWhatOnlyCloudFormationKnows(t *testing.T) {
	tp := instancesTemplate(t, func(props *compute.InstancesProps, stack awscdk.Stack) {
		props.Settings.Auth.Secret = *awscdk.NewCfnParameter(stack, jsii.String("Keys"), nil).ValueAsString()
	})
	if told := document(t, bootScript(t, tp), "END_OF_SETTINGS"); !strings.Contains(told, "\nGENAI_AUTH_SECRET=\"REF-Keys\"\n") {
		t.Errorf("it is told\n%s", told)
	}
	if got := compact(t, tp.only(t, "AWS::IAM::Policy").Properties); !strings.Contains(got, `{"Ref":"Keys"}`) {
		t.Errorf("it may read another secret: %s", got)
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
