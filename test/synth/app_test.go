package synth

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildApp builds the CDK app as cdk.json runs it.
func buildApp(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", file, ".")
	command.Dir = root
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return file
}

// TestAppRefusesBadEnvironmentsBeforeNodeStarts runs the app where no Node can be found, beside one good file and
// several bad ones. The last case proves that the test would notice if Node were asked for.
func TestAppRefusesBadEnvironmentsBeforeNodeStarts(t *testing.T) {
	app, dir := buildApp(t), t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "environments"), os.DirFS(filepath.Join(root, "environments"))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown": "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {}\nmodel: {}\n",
		"type":    "account: 123456789012\nregions: [us-east-1]\nserverless: {}\n",
		"dead": "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {}\nmodels:\n  haiku:\n    targets:\n" +
			"      - model: anthropic.claude-3-haiku-20240307-v1:0\n",
		"missing": "regions: [us-east-1]\nserverless: {}\n",
		"two":     "regions: [us-east-1]\nserverless: {memory: huge}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "environments", name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name    string
		context string
		want    []string
		node    bool // the app gets so far as to ask for Node
	}{
		{"no environment named", `{}`, []string{
			"no environment is named; there are dead, dev, local, missing, prod, two, type, unknown; type for example: cdk synth -c environment=dead"}, false},
		{"a delivery file beside environments", `{"environment": "dev", "delivery": "delivery.yaml"}`, []string{`context has both "delivery" and "environment"`}, false},
		{"a delivery file that is none", `{"delivery": "none.yaml"}`, []string{"none.yaml:1: cannot be read: no such file"}, false},
		{"an environment that is none", `{"environment": "devv"}`, []string{`there is no environment "devv"`, `did you mean "dev"?`}, false},
		{"unknown key", `{"environment": "unknown"}`, []string{`environments/unknown.yaml:4: model: is not a known key (did you mean "models"?)`}, false},
		{"wrong type", `{"environment": "type"}`, []string{`environments/type.yaml:1: account: is the number 123456789012; allowed is text in quotes`}, false},
		{"dead model", `{"environment": "dead"}`, []string{`environments/dead.yaml:7: models.haiku.targets[0].model: `, `end of life was 2026-09-10`, `write "global.`}, false},
		{"missing account", `{"environment": "missing"}`, []string{`environments/missing.yaml:1: account: is missing; it is required; add it`}, false},
		{"two problems at once, in two files", `{"environment": "two,type"}`, []string{
			`environments/two.yaml:1: account: is missing`, `environments/two.yaml:2: serverless.memory: is "huge"`, `environments/type.yaml:1: account`}, false},
		{"a good one needs Node", `{"environment": "dev"}`, []string{"node"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			command := exec.Command(app)
			command.Dir = dir
			command.Env = []string{"PATH=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "CDK_CONTEXT_JSON=" + test.context}
			var stdout, stderr bytes.Buffer
			command.Stdout, command.Stderr = &stdout, &stderr
			err := command.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() == 0 || stdout.Len() > 0 {
				t.Errorf("exit %v, stdout %q; want an exit status other than 0 and nothing there", err, &stdout)
			}
			if !test.node && (exit.ExitCode() != 1 || strings.Contains(stderr.String(), "goroutine")) {
				t.Errorf("exit %d with\n%s\nwant 1 and a message", exit.ExitCode(), &stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("no %q in\n%s", want, &stderr)
				}
			}
		})
	}
}
