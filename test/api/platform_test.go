package api_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// most is how many lines a platform team should need.
const most = 60

// TestThePlatformTeamsAppSynthesizes runs the example as its module has it: with its own go.mod, and from its folder.
func TestThePlatformTeamsAppSynthesizes(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "node_modules", ".installed")); err != nil {
		t.Skip("the CDK command line is not installed; make test installs it")
	}
	bin, err := filepath.Abs(filepath.Join(root, "node_modules", ".bin"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "cdk.out")
	run(t, []string{"CDK_OUTDIR=" + out, "CDK_VALIDATION=false", "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}, "go", "run", ".")
	run(t, nil, "go", "vet", ".")
	made, err := assembly.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"us-east-1", "us-west-2"} {
		stack, err := made.Stack("chat-" + region)
		if err != nil {
			t.Fatal(err)
		}
		for kind, want := range map[string]int{"AWS::EC2::VPC": 1, "AWS::ApiGateway::RestApi": 1, "AWS::Route53::HealthCheck": 1, "AWS::CloudWatch::Dashboard": 3, "AWS::CloudWatch::CompositeAlarm": 1} {
			if got := len(stack.ByType(kind)); got != want || stack.Region != region {
				t.Errorf("%s: has %d of %s, want %d", stack.ID, got, kind, want)
			}
		}
		functions, err := stack.Functions()
		if err != nil || len(functions) != 1 {
			t.Errorf("%s: has %d functions of ours, %v, want 1", stack.ID, len(functions), err)
		}
	}
}

func TestThePlatformTeamsAppIsShort(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "examples", "platform", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v, %v", files, err)
	}
	lines := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "\n")
	}
	if lines >= most {
		t.Errorf("the example has %d lines, want fewer than %d", lines, most)
	}
}

func run(t *testing.T, environ []string, name string, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir = filepath.Join(root, "examples", "platform")
	cmd.Env = append(os.Environ(), environ...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, said.String())
	}
}
