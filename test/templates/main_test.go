// Package templates_test holds every template that we ship to the rules of constructs/rules and to cfn-lint, and shows
// with a folder of planted defects what each of the two would catch.
//
// It must not know CDK, nor what the constructs meant: it reads templates as CloudFormation gets them.
package templates_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// built is what TestMain prepares once.
var built struct {
	root      string
	out       string   // folder of the assembly of every environment
	delivery  []string // paths of the pipeline's templates, made by the shipped delivery file
	templates []string // paths of the shipped environments' templates
}

func TestMain(m *testing.M) { os.Exit(synthesis.Prepared(m, "templates", prepare)) }

// prepare synthesizes the shipped environments as the CDK command line does.
func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	built.root = root
	names, err := environment.Names(filepath.Join(root, "environments"))
	if err != nil {
		return err
	}
	work, err := lookAlike(root, dir)
	if err != nil {
		return err
	}
	app, delivered := filepath.Join(dir, "app"), filepath.Join(dir, "delivery.out")
	built.out = filepath.Join(dir, "cdk.out")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", app, ".")
	build.Dir = root
	if err := quietly(build); err != nil {
		return err
	}
	if err := synthesize(app, work, built.out, environment.ContextKey, strings.Join(names, ",")); err != nil {
		return err
	}
	if err := synthesize(app, work, delivered, environment.DeliveryKey, "delivery.yaml"); err != nil {
		return err
	}
	for _, depth := range []string{"", "assembly-*"} {
		found, err := filepath.Glob(filepath.Join(built.out, depth, "*.template.json"))
		if err != nil {
			return err
		}
		built.templates = append(built.templates, found...)
	}
	built.delivery, err = filepath.Glob(filepath.Join(delivered, "*.template.json"))
	return err
}

// synthesize runs the app with one more key of context.
func synthesize(app, work, out, key, text string) error {
	contextJSON, err := cdkContext(built.root, key, text)
	if err != nil {
		return err
	}
	synth := exec.Command(app)
	synth.Dir = work
	synth.Env = append(os.Environ(),
		"CDK_OUTDIR="+out,
		"CDK_CONTEXT_JSON="+contextJSON,
		"CDK_VALIDATION=false",
		"PATH="+filepath.Join(built.root, "node_modules", ".bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
	)
	return quietly(synth)
}

// lookAlike makes a folder with links to everything in the repository but what a synthesis writes.
func lookAlike(root, dir string) (string, error) {
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "cdk.out" && !strings.HasPrefix(name, ".") {
			if err := os.Symlink(filepath.Join(root, name), filepath.Join(work, name)); err != nil {
				return "", err
			}
		}
	}
	return work, nil
}

// cdkContext is the context of cdk.json, whose flags change what templates look like, with what is selected.
func cdkContext(root, key, chosen string) (string, error) {
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
	file.Context[key] = chosen
	// As the command line sets it: findings then name the construct.
	file.Context["aws:cdk:enable-path-metadata"] = true
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
