package diff_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const root = "../../.."

// fixture is one change: two assemblies, written down as little as needed, and how the command ends.
type fixture struct {
	FailOn        string           `yaml:"failOn"`
	Status        int              `yaml:"status"`
	Before, After map[string]stack // by id; an id with a slash is of a stage, whose assembly is nested
}

// stack is a template, and what its assembly says of it.
type stack struct {
	Region                string
	Tags                  map[string]string
	TerminationProtection bool `yaml:"terminationProtection"`
	Assets                []string
	Nested                map[string]any // templates of nested stacks by file
	Template              map[string]any `yaml:",inline"`
}

func TestCases(t *testing.T) {
	program := build(t)
	files, err := filepath.Glob("testdata/cases/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			f := readFixture(t, file)
			args := []string{"diff", "-format", "markdown", "-fail-on", f.FailOn, write(t, f.Before), write(t, f.After)}
			got, messages, status := run(t, program, args...)
			if status != f.Status {
				t.Errorf("status %d, want %d: %s", status, f.Status, messages)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".md", got)
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (go test -update writes it):\n%s", path, diff)
	}
}

// build compiles the command once.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "pipeline")
	if output, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "github.com/genai-pipeline/genai-pipeline/cmd/pipeline").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

// isolated is a command line that runs the rest of it where there is no network at all, not even a loopback interface
// that is up. It is empty where the kernel does not permit that.
var isolated = func() []string {
	if exec.Command("unshare", "-rn", "true").Run() == nil {
		return []string{"unshare", "-rn"}
	}
	return nil
}()

func TestThereIsNoNetworkInTheOtherTests(t *testing.T) {
	if isolated == nil {
		t.Skip("unshare -rn is not permitted here: the cases run with the network of this machine, without credentials and with proxies that lead nowhere")
	}
	output, err := exec.Command(isolated[0], append(isolated[1:], "cat", "/proc/net/route", "/proc/net/fib_trie")...).Output()
	if err != nil || bytes.Contains(output, []byte("/0 ")) || bytes.Count(output, []byte("\n")) > 1 {
		t.Errorf("there are routes in the empty network: %v\n%s", err, output)
	}
}

// run runs the command without credentials, without a network where that can be had, and with proxies to nowhere.
func run(t *testing.T, program string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	line := append(append([]string{}, isolated...), append([]string{program}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = root
	cmd.Env = []string{"PATH=/nowhere", "HOME=/nowhere", "HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "ALL_PROXY=http://127.0.0.1:9"}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

func readFixture(t *testing.T, path string) fixture {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := yaml.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// write makes an assembly of the stacks, as the CDK lays one out.
func write(t *testing.T, stacks map[string]stack) string {
	t.Helper()
	dir := t.TempDir()
	stages := map[string]map[string]any{"": {}}
	for id, s := range stacks {
		stage, name, nested := strings.Cut(id, "/")
		if !nested {
			stage, name = "", id
		}
		if stages[stage] == nil {
			stages[stage] = map[string]any{}
			stages[""][stage] = map[string]any{"type": "cdk:cloud-assembly", "properties": map[string]any{"directoryName": "assembly-" + stage}}
		}
		s.write(t, folder(dir, stage), id, name, stages[stage])
	}
	for stage, artifacts := range stages {
		assemblytest.Manifest(t, folder(dir, stage), artifacts)
	}
	return dir
}

func folder(dir, stage string) string {
	if stage == "" {
		return dir
	}
	return filepath.Join(dir, "assembly-"+stage)
}

func (s stack) write(t *testing.T, dir, id, name string, artifacts map[string]any) {
	t.Helper()
	region := s.Region
	if region == "" {
		region = "us-east-1"
	}
	files := map[string]any{}
	for _, hash := range s.Assets {
		files[hash] = map[string]any{"source": map[string]any{"path": "asset." + hash}, "destinations": map[string]any{"d": map[string]any{"objectKey": hash + ".zip"}}}
	}
	assemblytest.JSON(t, filepath.Join(dir, name+".assets.json"), map[string]any{"files": files})
	assemblytest.JSON(t, filepath.Join(dir, name+".template.json"), s.Template)
	for file, template := range s.Nested {
		assemblytest.JSON(t, filepath.Join(dir, file), template)
	}
	artifacts[name+".assets"] = map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": name + ".assets.json"}}
	artifacts[name] = map[string]any{
		"type": "aws:cloudformation:stack", "environment": "aws://111122223333/" + region, "displayName": id, "dependencies": []string{name + ".assets"},
		"properties": map[string]any{
			"templateFile": name + ".template.json", "stackName": strings.ReplaceAll(id, "/", "-"), "tags": s.Tags, "terminationProtection": s.TerminationProtection,
		},
	}
}
