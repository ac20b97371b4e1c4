// Package iam_test holds the role of each variant's program to a contract: it allows every call that the program makes
// and that AWS makes in its name, and nothing else. The calls are not listed by hand: the real binary is started from
// its synthesized template against endpoints that record what it signs, and the role's policies in that same template
// are evaluated on what they recorded.
//
// It must not know CDK, nor what the constructs meant to grant: what AWS asks of a role for a call is said here once
// more, from AWS's documentation, so that a wrong grant is not compared with itself.
package iam_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// own is the name of the environment in testdata.
const own = "contract"

// built is what TestMain prepares once: every environment, synthesized, and a folder for programs.
var built struct {
	assembly *assembly.Assembly
	root     string
	dir      string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "iam")
	if err == nil {
		err = prepare(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// prepare synthesizes the shipped environments and our own as the CDK command line does, in a folder that looks like
// the repository to the app.
func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	built.root, built.dir = root, dir
	shipped, err := environment.Names(filepath.Join(root, "environments"))
	if err != nil {
		return err
	}
	work, err := lookAlike(root, dir, shipped)
	if err != nil {
		return err
	}
	contextJSON, err := cdkContext(root, append(shipped, own))
	if err != nil {
		return err
	}
	app := filepath.Join(dir, "app")
	build := exec.Command("go", "build", "-o", app, ".")
	build.Dir = root
	if err := quietly(build); err != nil {
		return err
	}
	synth := exec.Command(app)
	synth.Dir = work
	synth.Env = append(os.Environ(),
		"CDK_OUTDIR="+filepath.Join(dir, "cdk.out"),
		"CDK_CONTEXT_JSON="+contextJSON,
		"CDK_VALIDATION=false",
		"PATH="+filepath.Join(root, "node_modules", ".bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
	)
	if err := quietly(synth); err != nil {
		return err
	}
	built.assembly, err = assembly.Read(filepath.Join(dir, "cdk.out"))
	return err
}

// lookAlike makes a folder with links to everything in the repository, save that its environments are ours too.
func lookAlike(root, dir string, shipped []string) (string, error) {
	work := filepath.Join(dir, "work")
	if err := os.MkdirAll(filepath.Join(work, "environments"), 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", err
	}
	links := map[string]string{filepath.Join("test", "iam", "testdata", own+".yaml"): filepath.Join("environments", own+".yaml")}
	for _, name := range shipped {
		path := filepath.Join("environments", name+".yaml")
		links[path] = path
	}
	for _, entry := range entries {
		// What a synthesis writes stays apart from the repository's own.
		if name := entry.Name(); name != "environments" && name != "cdk.out" && !strings.HasPrefix(name, ".") {
			links[name] = name
		}
	}
	for from, to := range links {
		if err := os.Symlink(filepath.Join(root, from), filepath.Join(work, to)); err != nil {
			return "", err
		}
	}
	return work, nil
}

// cdkContext is the context of cdk.json, whose flags change what policies look like, with the environments selected.
func cdkContext(root string, names []string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return "", err
	}
	var file struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return "", fmt.Errorf("cdk.json: %w", err)
	}
	file.Context[environment.ContextKey] = strings.Join(names, ",")
	text, err = json.Marshal(file.Context)
	return string(text), err
}

// quietly shows a command's output only when it fails.
func quietly(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out.String())
	}
	return nil
}
