package templates_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// lintVersion is pinned: its rules, and its copy of AWS's schemas, change with every release.
const lintVersion = "1.51.0"

// ignored are cfn-lint's findings that count for nothing: all of a rule, or those about a subject. A new one belongs here
// only with the reason for which the rule is wrong about us.
var ignored = []struct{ rule, subject, reason string }{
	{"E3703", "Prefer using Fn::Sub over Fn::Join", "CDK writes the roles of a pipeline's actions so, and CloudFormation makes the same text of both"},
	{"W3005", "", "CDK writes the DependsOn that a reference implies too"},
	{"W3010", "", "an environment names its Availability Zones, so that its templates need no lookup and fit one Region only"},
	{"E3016", "'AutoScalingInstanceRefresh' was unexpected", "aws-cdk-lib 2.270.0 has this update policy, and cfn-lint 1.51.0 not yet"},
}

// linter installs cfn-lint once and returns the Python that has it.
var linter = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(built.root, ".build", "cfn-lint-"+lintVersion)
	python := filepath.Join(dir, "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python, nil
	}
	// Aside, and moved when it is whole: two tests may install at once, and one may be stopped half way.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), "cfn-lint-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	for _, command := range []*exec.Cmd{
		exec.Command("python3", "-m", "venv", aside),
		exec.Command(filepath.Join(aside, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "cfn-lint=="+lintVersion),
	} {
		if err := synthesis.Quietly(command); err != nil {
			return "", err
		}
	}
	if err := os.Rename(aside, dir); err != nil {
		if _, other := os.Stat(python); other != nil {
			return "", err
		}
	}
	return python, nil
})

// match is one of cfn-lint's findings.
type match struct {
	Filename string
	Rule     struct {
		ID string `json:"Id"`
	}
	Message  string
	Location struct{ Path []any }
}

// lint returns cfn-lint's errors and warnings on the templates. Without Python or the package the test is skipped, save
// where CI is set, as the common CI services do: there nothing is skipped in silence.
func lint(t *testing.T, templates ...string) []match {
	t.Helper()
	python, err := linter()
	if err != nil {
		message := fmt.Sprintf("cfn-lint %s cannot be installed, so NO TEMPLATE WAS LINTED: %v", lintVersion, err)
		if os.Getenv("CI") != "" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	arguments := []string{"-c", "import sys; from cfnlint.runner import main; sys.exit(main())", "--format", "json", "--"}
	command := exec.Command(python, append(arguments, templates...)...)
	command.Dir = t.TempDir() // without a .cfnlintrc
	output, err := command.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var matches []match
	if len(output) == 0 && err == nil {
		return nil
	}
	if problem := json.Unmarshal(output, &matches); problem != nil {
		t.Fatalf("cfn-lint: %v, %v\n%s%s", err, problem, output, stderr(exit))
	}
	return slices.DeleteFunc(matches, isIgnored)
}

func isIgnored(m match) bool {
	for _, i := range ignored {
		if i.rule == m.Rule.ID && strings.Contains(m.Message, i.subject) {
			return true
		}
	}
	return false
}

func stderr(exit *exec.ExitError) []byte {
	if exit == nil {
		return nil
	}
	return exit.Stderr
}

// lintedRules returns the ids of the rules that found something, by file.
func lintedRules(matches []match) map[string][]string {
	found := map[string][]string{}
	for _, m := range matches {
		name := strings.TrimSuffix(filepath.Base(m.Filename), ".json")
		if !slices.Contains(found[name], m.Rule.ID) {
			found[name] = append(found[name], m.Rule.ID)
		}
	}
	return found
}
