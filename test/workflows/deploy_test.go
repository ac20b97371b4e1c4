package workflows_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// today is a day on which the shipped environments are good.
var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// TestDeploymentsGoTheirWay reads who waits for whom, and that AWS is reached by a token of the environment's, not a key.
func TestDeploymentsGoTheirWay(t *testing.T) {
	workflows, texts := read(t)
	jobs := workflows["deploy.yml"].Jobs
	want := map[string]string{"test": "<nil>", "report": "<nil>", "dev": "[test report]", "prod": "dev"}
	got := map[string]string{}
	for name, job := range jobs {
		got[name] = fmt.Sprint(job.Needs)
		deploys := slices.ContainsFunc(job.Steps, func(s step) bool { return strings.HasPrefix(s.Run, "make deploy") })
		if deploys != (job.Permissions["id-token"] == "write") || deploys != (job.Environment == name) {
			t.Errorf("job %s deploys: %t; its permissions are %v, its environment is %q", name, deploys, job.Permissions, job.Environment)
		}
		for _, s := range job.Steps {
			if strings.HasPrefix(s.Uses, "aws-actions/") && (s.With["role-to-assume"] == nil || s.With["aws-access-key-id"] != nil) {
				t.Errorf("job %s has credentials by %v, want a role", name, s.With)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "${{ github.ref == 'refs/heads/main' }}"; jobs["prod"].If != want {
		t.Errorf("prod is deployed if %q, want %q: a run by hand may be of any branch", jobs["prod"].If, want)
	}
	if strings.Contains(texts["deploy.yml"], "secrets.") {
		t.Error("deploy.yml takes a stored secret")
	}
}

// cdk stands in for the CDK command line: it writes down what it is told, and fails where it is asked to.
const cdk = `#!/usr/bin/env bash
echo "$@" >>"$CALLS"
[ -z "$FAIL" ] || [[ "$*" != *"$FAIL"* ]]
`

// deployment is a checkout whose CDK command line is the stand-in.
func deployment(t *testing.T) (dir, calls string) {
	t.Helper()
	dir = t.TempDir()
	script := `git ls-files -z --cached --others --exclude-standard | xargs -0 -n 1 sh -c '[ ! -e "$1" ] || cp -p --parents "$1" "$0"' "$DIR"
mkdir -p "$DIR/node_modules/.bin"`
	if output, status := sh(t, root, script, "DIR="+dir); status != 0 {
		t.Fatalf("status %d: %s", status, output)
	}
	for name, content := range map[string]string{".bin/cdk": cdk, ".installed": ""} {
		if err := os.WriteFile(filepath.Join(dir, "node_modules", name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, filepath.Join(dir, "calls")
}

func TestADeploymentGoesRegionByRegionAndStopsAtAFailure(t *testing.T) {
	dir, calls := deployment(t)
	workflows, _ := read(t)
	for _, tt := range []struct {
		job, fail string
		status    int
	}{{"dev", "", 0}, {"prod", "", 0}, {"prod", "prod-us-west-2/", 2}} {
		if err := os.WriteFile(calls, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(workflows["deploy.yml"].Jobs[tt.job].Steps, func(s step) bool { return strings.HasPrefix(s.Run, "make deploy") })
		output, status := sh(t, dir, workflows["deploy.yml"].Jobs[tt.job].Steps[i].Run, "CALLS="+calls, "FAIL="+tt.fail)
		if status != tt.status {
			t.Fatalf("%s: status %d, want %d: %s", tt.job, status, tt.status, output)
		}
		e, err := environment.Load(filepath.Join(root, "environments", tt.job+".yaml"), today)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for _, step := range e.Steps() {
			fmt.Fprintf(&want, "--no-notices -c environment=%s deploy --require-approval never %s\n", tt.job, step)
			if tt.fail != "" && strings.HasPrefix(step, tt.fail) {
				break
			}
		}
		if got, err := os.ReadFile(calls); err != nil || string(got) != want.String() {
			t.Errorf("%s: %v: the CDK was told\n%s\nwant\n%s", tt.job, err, got, &want)
		}
	}
}

// TestDestroyTakesAConfirmationAndNoProduction runs make destroy, up to where AWS would be asked.
func TestDestroyTakesAConfirmationAndNoProduction(t *testing.T) {
	dir, calls := deployment(t)
	for command, want := range map[string]string{
		"make destroy ENV=prod CONFIRM=prod": "prod is a production environment",
		"make destroy ENV=dev":               "make destroy ENV=dev CONFIRM=dev deletes, in this order:\ndev-global/**\ndev-us-east-1/**",
		"make destroy ENV=dev CONFIRM=prod":  "Nothing is deleted.",
	} {
		if output, status := sh(t, dir, command, "CALLS="+calls, "FAIL="); status == 0 || !strings.Contains(output, want) {
			t.Errorf("%s: status %d, want an error with %q: %s", command, status, want, output)
		}
	}
	if told, err := os.ReadFile(calls); err == nil {
		t.Errorf("the CDK was told %s", told)
	}
}

func TestBootstrapRunsNothingUnasked(t *testing.T) {
	dir, calls := deployment(t)
	output, status := sh(t, dir, "make bootstrap ENV=prod", "CALLS="+calls, "FAIL=")
	if status != 0 || !strings.Contains(output, "--trust 111111111111") || !strings.Contains(output, "Nothing has been run.") {
		t.Errorf("status %d: %s", status, output)
	}
	if told, err := os.ReadFile(calls); err == nil {
		t.Errorf("the CDK was told %s", told)
	}
	// With a confirmation it runs, and the account is compared first: the one at hand here is another.
	bin := filepath.Join(dir, "aws")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\necho 333333333333\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if output, status = sh(t, dir, "make bootstrap ENV=prod CONFIRM=prod", "CALLS="+calls, "FAIL=", "PATH="+dir+":"+os.Getenv("PATH")); status == 0 {
		t.Errorf("the account is not compared: %s", output)
	}
	if told, err := os.ReadFile(calls); err == nil {
		t.Errorf("the CDK was told %s", told)
	}
}

// TestTheDeployedAPIIsAsked runs .ci/ask as far as it goes without AWS: what it takes from the stack, and what it hands on.
// (test/conformance runs it to its end, against what runs on this machine.)
func TestTheDeployedAPIIsAsked(t *testing.T) {
	workflows, _ := read(t)
	steps := workflows["deploy.yml"].Jobs["dev"].Steps
	ask := steps[len(steps)-1]
	if ask.Env["KEY_SECRET"] != "${{ vars.KEY_SECRET }}" {
		t.Errorf("the step gets %v; want the name of the key's secret", ask.Env)
	}
	golang, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"https://api.example.com/live/": "url https://api.example.com/live/ in us-east-1 runs test -count=1 -timeout 10m -v -run ^TestDeployed$ ./test/conformance\n" +
			"ask: 1 endpoints of dev were asked, 0 failed",
		"None": "ask: stack dev-us-east-1-serverless in us-east-1 has no output Url: got 'None'",
	} {
		dir := t.TempDir()
		stands := map[string]string{
			"aws": "#!/bin/sh\n[ \"$1 $2 $3 $4 $5 $6\" = 'cloudformation describe-stacks --stack-name dev-us-east-1-serverless --region us-east-1' ] && echo " + url,
			"go":  "#!/bin/sh\n[ \"$1\" != run ] || exec " + golang + " \"$@\"\necho url $GENAI_CONFORMANCE_URL in $GENAI_CONFORMANCE_REGION runs \"$@\"",
		}
		for name, script := range stands {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		output, status := sh(t, root, ask.Run, "PATH="+dir+":"+os.Getenv("PATH"))
		if !strings.Contains(output, want) || (status == 0) != strings.HasPrefix(url, "https:") {
			t.Errorf("%s: status %d, got %s, want it to contain %q", url, status, output, want)
		}
	}
}
