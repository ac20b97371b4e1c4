package rehearse_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/rehearse"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/test/confined"
)

// file is an environment, whose one step is small-us-east-1/**.
const file = `account: "123456789012"
regions: [us-east-1]
serverless: {}
`

// object is a part of a template or a manifest.
type object = map[string]any

func ref(name string) object { return object{"Ref": name} }

func attribute(name, of string) object { return object{"Fn::GetAtt": []string{name, of}} }

func resource(kind string, properties object) object {
	return object{"Type": kind, "Properties": properties}
}

// small is a stack that tells how many calls there may be, of a type that the emulator knows and one that it does not.
func small(calls string) object {
	return object{
		"Topic":   resource("AWS::SNS::Topic", object{"DisplayName": calls}),
		"Address": resource("AWS::EC2::EIP", object{"Domain": "vpc", "Tags": []any{object{"Key": "of", "Value": attribute("Topic", "TopicName")}}}),
		"Told":    resource("AWS::SSM::Parameter", object{"Type": "String", "Value": attribute("Address", "AllocationId")}),
	}
}

// stack is one to rehearse: resources by how many calls there may be.
type stack struct {
	id        string
	protected bool
	resources func(calls string) object
}

var calls = regexp.MustCompile(`maxCalls: (\d+)`)

// synthesizes writes an assembly of the stacks, as the CDK does for the environment in the folder.
func synthesizes(t *testing.T, stacks ...stack) func(context.Context, string, string) error {
	return func(_ context.Context, folder, output string) error {
		text, err := os.ReadFile(filepath.Join(folder, "small.yaml"))
		if err != nil {
			return err
		}
		given := calls.FindStringSubmatch(string(text))
		if given == nil {
			return fmt.Errorf("the environment has no maxCalls:\n%s", text)
		}
		var written []assemblytest.Stack
		for _, s := range stacks {
			written = append(written, assemblytest.Stack{ID: s.id, Account: "123456789012", Protected: s.protected, Template: object{"Resources": s.resources(given[1])}})
		}
		assemblytest.Write(t, output, written...)
		return nil
	}
}

// options are for a rehearsal of the stacks. Where there is no Python, the test is skipped, and says so.
func options(t *testing.T, stacks ...stack) rehearse.Options {
	t.Helper()
	if err := exec.Command("python3", "-c", "import ensurepip, venv").Run(); err != nil {
		t.Skipf("NOTHING IS REHEARSED: there is no python3 with venv: %v", err)
	}
	root, err := up.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	o := rehearse.Options{Root: root, Environment: "small", Folder: t.TempDir(), Work: t.TempDir(), Environ: os.Environ(), Synthesize: synthesizes(t, stacks...)}
	if err := os.WriteFile(filepath.Join(o.Folder, "small.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

var address = regexp.MustCompile(`listens on http://(127\.0\.0\.1:\d+) alone`)

// checkGone wants nothing to listen where the emulator did.
func checkGone(t *testing.T, said string) {
	t.Helper()
	at := address.FindStringSubmatch(said)
	if at == nil {
		t.Fatalf("no emulator was started:\n%s", said)
	}
	if connection, err := net.Dial("tcp", at[1]); err == nil {
		_ = connection.Close()
		t.Errorf("something still listens on %s", at[1])
	}
}

func checkHas(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in\n%s", part, text)
		}
	}
}

// TestWholeLife also holds that the document is compared with the run, after everything else was good.
func TestWholeLife(t *testing.T) {
	o := options(t,
		stack{id: "small-us-east-1/one", protected: true, resources: small},
		stack{id: "small-us-east-1/two", resources: func(string) object { return object{"Topic": resource("AWS::SNS::Topic", object{})} }},
	)
	o.Document = filepath.Join(t.TempDir(), "document.md")
	const before, after = "Before.\n<!-- begin small -->\n", "<!-- end small -->\nAfter.\n"
	if err := os.WriteFile(o.Document, []byte(before+"wrong\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := rehearse.Run(t.Context(), o, &out)
	const want = "\n- stubbed: `EC2::EIP`\n- emulated: `SNS::Topic`, `SSM::Parameter`\n\n"
	if err == nil || !strings.Contains(err.Error(), "document.md does not show") || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("the document is wrong, and the error is %v", err)
	}
	checkHas(t, out.String(),
		"synthesize it with gateway.maxCalls 4 instead of 3", "bootstrap aws://123456789012/us-east-1",
		"  small-us-east-1/one: CREATE_COMPLETE, 3 resources\n", "  small-us-east-1/two: CREATE_COMPLETE, 1 resources\n",
		"  small-us-east-1/one: CREATE_COMPLETE, 3 resources, no changes\n",
		"  as the templates: small-us-east-1/one\n",
		"  small-us-east-1/one: UPDATE_COMPLETE, 3 resources\n", "  small-us-east-1/two: CREATE_COMPLETE, 1 resources, no changes\n",
		"destroy what is protected, which must be refused", "destroy small-us-east-1/**",
		"created resources of 2 types as it knows them:\n  AWS::SNS::Topic\n  AWS::SSM::Parameter\n", "stubbed 1, with nothing behind them:\n  AWS::EC2::EIP\n",
	)
	checkGone(t, out.String())
}

// TestFailures breaks one thing at a time. Each must be told with its step, its stack and what the command line said.
func TestFailures(t *testing.T) {
	one := func(resources object) []stack {
		return []stack{{id: "small-us-east-1/one", resources: func(string) object { return resources }}}
	}
	topic := resource("AWS::SNS::Topic", object{})
	for _, test := range []struct {
		name   string
		stacks []stack
		want   []string
	}{
		{"an attribute that there is not", one(object{"Topic": topic, "Told": resource("AWS::SSM::Parameter", object{"Type": "String", "Value": attribute("Topic", "Colour")})}),
			[]string{"deploy small-us-east-1/**: stack small-us-east-1", "the last lines of cdk:\n", "small-us-east-1/one/Told", "Topic (AWS::SNS::Topic) has no attribute Colour"}},
		{"an attribute of nothing", one(object{"Topic": resource("AWS::SNS::Topic", object{"DisplayName": attribute("Tpoic", "TopicName")})}),
			[]string{"deploy small-us-east-1/**: stack small-us-east-1", "Fn::GetAtt references undefined resource"}},
		{"a reference to nothing", one(object{"Topic": resource("AWS::SNS::Topic", object{"DisplayName": ref("Nothing")})}),
			[]string{"deploy small-us-east-1/**: stack small-us-east-1", "Unresolved resource dependencies [Nothing] in the Resources block of the template"}},
		{"a stack that no step deploys", append(one(object{"Topic": topic}), stack{id: "other-us-east-1/two", resources: small}),
			[]string{"deploy: no step deploys stack other-us-east-1/two; the steps are small-us-east-1/**"}},
		{"a setting that reaches nothing", one(object{"Topic": topic}), []string{"diff: the changed setting is in no template"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // each has an emulator of its own, and TestWholeLife has installed it
			var out bytes.Buffer
			err := rehearse.Run(t.Context(), options(t, test.stacks...), &out)
			if err == nil {
				t.Fatalf("it was not found:\n%s", &out)
			}
			checkHas(t, err.Error(), test.want...)
			checkGone(t, out.String())
		})
	}
}

// stopper ends a context when a text was written.
type stopper struct {
	bytes.Buffer
	at   string
	stop context.CancelFunc
}

func (s *stopper) Write(text []byte) (int, error) {
	defer func() {
		if strings.Contains(s.String(), s.at) {
			s.stop()
		}
	}()
	return s.Buffer.Write(text)
}

func TestNothingIsLeftRunningWhenItIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &stopper{at: "\nbootstrap", stop: cancel}
	err := rehearse.Run(ctx, options(t, stack{id: "small-us-east-1/one", resources: small}), out)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	checkGone(t, out.String())
}

func TestWithoutPythonItIsSkipped(t *testing.T) {
	o := options(t)
	t.Setenv("PATH", t.TempDir())
	o.Root = t.TempDir() // nothing is installed there
	if err := rehearse.Run(t.Context(), o, &bytes.Buffer{}); !errors.Is(err, rehearse.ErrNoPython) {
		t.Errorf("the error is %v", err)
	}
}

// alone is set where TestAlone runs.
const alone = "REHEARSED_ALONE"

// TestAlone is run by TestNothingLeavesTheMachine.
func TestAlone(t *testing.T) {
	if os.Getenv(alone) == "" {
		t.Skip("TestNothingLeavesTheMachine runs it")
	}
	if err := confined.RaiseLoopback(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := rehearse.Run(t.Context(), options(t, stack{id: "small-us-east-1/one", resources: small}), &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	checkHas(t, out.String(), "Rehearsed small in ", ": 1 stacks, and none is left.\n", "It does not prove that AWS accepts the templates")
}

func TestNothingLeavesTheMachine(t *testing.T) {
	confined.Require(t)
	// What it needs is installed before, for that does need a network.
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	_ = rehearse.Run(stopped, options(t), &stopper{at: "\nsynthesize", stop: stop})
	confined.RunTests(t, append(os.Environ(), alone+"=1"), "TestAlone")
}
