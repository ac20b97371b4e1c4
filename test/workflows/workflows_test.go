// Package workflows_test holds the workflows of .github against what they rest on: that their commands run as they stand,
// and that they take no more rights and no other code than they say. (make lint checks their syntax with actionlint.)
//
// It must not know what a command does, only that it is there and takes what it is given.
package workflows_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

// workflow is as much of a workflow as is looked at here.
type workflow struct {
	On          map[string]any
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Environment string
		If          string
		Needs       any
		Steps       []step
	}
}

type step struct {
	Uses, Run string
	With      map[string]any
	Env       map[string]string
}

// read returns the workflows by the names of their files, and the text of each.
func read(t *testing.T) (map[string]workflow, map[string]string) {
	t.Helper()
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %v, %v", files, err)
	}
	workflows, texts := map[string]workflow{}, map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(data, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		workflows[filepath.Base(file)], texts[filepath.Base(file)] = w, string(data)
	}
	return workflows, texts
}

func TestWorkflowsTakeNoMoreThanTheyNeed(t *testing.T) {
	workflows, texts := read(t)
	for name, w := range workflows {
		if w.Permissions == nil {
			t.Errorf("%s sets no permissions, and so takes the repository's default, which may be to write", name)
		}
		if _, unsafe := w.On["pull_request_target"]; unsafe {
			t.Errorf("%s runs on pull_request_target: foreign code with the repository's rights", name)
		}
		for _, use := range regexp.MustCompile(`uses: (.*)`).FindAllStringSubmatch(texts[name], -1) {
			if !regexp.MustCompile(`^[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`).MatchString(use[1]) {
				t.Errorf("%s uses %s; an action is pinned by the digest of a commit, with its version behind it", name, use[1])
			}
		}
		for job, j := range w.Jobs {
			may := j.Permissions
			if may == nil {
				may = w.Permissions
			}
			for _, s := range j.Steps {
				if s.Uses != "" && slices.Contains(rights(may), "write") {
					t.Errorf("%s: job %s uses %s and may write; whoever writes runs no code but its own", name, job, s.Uses)
				}
				if strings.Contains(s.Run, "${{") {
					t.Errorf("%s: job %s puts an expression into a shell command, where it is code; put it into env", name, job)
				}
			}
		}
	}
}

// rights are those on the repository. To get a token that says which run this is, is called writing too, and is none: what
// it opens is AWS's to say.
func rights(permissions map[string]string) []string {
	var list []string
	for name, right := range permissions {
		if name != "id-token" {
			list = append(list, right)
		}
	}
	return list
}

// sh runs a command as GitHub does, in a folder, and returns what it printed and its status.
func sh(t *testing.T, dir, script string, environ ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environ...)
	output, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return string(output), cmd.ProcessState.ExitCode()
}

// commands returns the one command of a job.
func commands(t *testing.T, file, job string) string {
	t.Helper()
	workflows, _ := read(t)
	var found []string
	for _, s := range workflows[file].Jobs[job].Steps {
		if s.Run != "" {
			found = append(found, s.Run)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: job %s has %d commands", file, job, len(found))
	}
	return found[0]
}

func TestTheGateOfEveryCommitIsThere(t *testing.T) {
	if output, status := sh(t, root, "test -x "+commands(t, "ci.yml", "run")); status != 0 {
		t.Errorf("status %d: %s", status, output)
	}
}

// pullRequest makes a checkout as GitHub makes one for a pull request: this folder's files, and a commit on top of them.
func pullRequest(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := `
git ls-files -z --cached --others --exclude-standard | xargs -0 -n 1 sh -c '[ ! -e "$1" ] || cp -p --parents "$1" "$0"' "$DIR"
cd "$DIR"
rm environments/prod.yaml # one environment is enough here
sed -i 's/"app": "go run ."/"app": "test -z \\"$AWS_ACCESS_KEY_ID\\" \&\& go run ."/' cdk.json # credentials are an error
grep -q 'test -z' cdk.json
ln -s "$MODULES" node_modules
echo /node_modules >>.gitignore
git init -q .
git config user.name test
git config user.email test@example.com
git add -A && git commit -qm base
sed -i 's/^  logRetention: 7$/  logRetention: 1/' environments/dev.yaml
git commit -qam change
`
	modules, err := filepath.Abs(root + "/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if output, status := sh(t, root, script, "DIR="+dir, "MODULES="+modules); status != 0 {
		t.Fatalf("status %d: %s", status, output)
	}
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} { // older than what is installed
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAPullRequestIsReported(t *testing.T) {
	if _, err := os.Stat(root + "/node_modules/.installed"); err != nil {
		t.Skip("the CDK command line is not installed; make test installs it")
	}
	dir, temp := pullRequest(t), t.TempDir()
	summary, outputs := filepath.Join(temp, "summary"), filepath.Join(temp, "outputs")
	messages, status := sh(t, dir, commands(t, "diff.yml", "report"), "GITHUB_STEP_SUMMARY="+summary, "GITHUB_OUTPUT="+outputs, "RUNNER_TEMP="+temp,
		"AWS_PROFILE=none", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none")
	if status != 2 {
		t.Fatalf("status %d, want 2, for logs are lost:\n%s", status, messages)
	}
	report, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	const want = "keeps its log events for a shorter time"
	if !bytes.HasPrefix(report, []byte("<!-- pipeline diff -->\n")) || bytes.Count(report, []byte("\n- **")) != 1 || !bytes.Contains(report, []byte(want)) {
		t.Errorf("want one finding, that it %s:\n%s", want, report)
	}
	output, err := os.ReadFile(outputs)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?s)^report<<([0-9a-f]{32})\n` + regexp.QuoteMeta(string(report)) + `[0-9a-f]{32}\n$`).Match(output) {
		t.Errorf("the job's output is not the report:\n%s", output)
	}
	if changed, _ := sh(t, dir, "git status --porcelain; git worktree list | tail -n +2"); changed != "" {
		t.Errorf("the report leaves behind:\n%s", changed)
	}
}

// gh stands in for GitHub's command line: it answers with comments, through the real jq, and writes down what it is told.
const gh = `#!/usr/bin/env bash
set -e
printf '%s\n' "$@" >>"$CALLS"
while [ $# -gt 0 ]; do
  if [ "$1" = --jq ]; then jq -r "$2" <<<"$EXISTING"; fi
  shift
done
`

func TestTheCommentIsMadeOnceAndThenKeptUpToDate(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("jq is not here; gh has it built in")
	}
	const report = "<!-- pipeline diff -->\n$(exit 3) `exit 4` \"x\" @-"
	for name, test := range map[string]struct{ existing, want string }{
		"first": {
			`[{"id":1,"user":{"login":"someone"},"body":"<!-- pipeline diff -->"},{"id":2,"user":{"login":"github-actions[bot]"},"body":"other"}]`,
			"api\n--silent\n--method\nPOST\nrepos/o/r/issues/7/comments\n--raw-field\nbody=" + report + "\n",
		},
		"again": {
			`[{"id":3,"user":{"login":"github-actions[bot]"},"body":"<!-- pipeline diff -->\nold"},{"id":4,"user":{"login":"github-actions[bot]"},"body":"<!-- pipeline diff -->"}]`,
			"api\n--silent\n--method\nPATCH\nrepos/o/r/issues/comments/3\n--raw-field\nbody=" + report + "\n",
		},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "gh"), []byte(gh), 0o755); err != nil {
			t.Fatal(err)
		}
		calls := filepath.Join(dir, "calls")
		output, status := sh(t, dir, commands(t, "diff.yml", "comment"), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+calls, "EXISTING="+test.existing,
			"ISSUES=repos/o/r/issues", "NUMBER=7", "REPORT="+report)
		if status != 0 {
			t.Fatalf("%s: status %d: %s", name, status, output)
		}
		got, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(got), test.want) || strings.Count(string(got), "api\n") != 2 {
			t.Errorf("%s: got\n%s\nwant it to end in\n%s", name, got, test.want)
		}
	}
}
