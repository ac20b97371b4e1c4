// Package synthesis synthesizes environments for tests that judge or run templates without linking CDK: it runs the
// app as the CDK command line does, with the whole context of cdk.json, and reads what it wrote.
//
// It must not know what is in a template, nor why a test wants it.
package synthesis

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

// folder is where the app looks for environments.
const folder = "environments"

// Prepared runs a package's tests in a world that prepare makes once, in a folder that is removed afterwards, and returns
// the status to exit with. When the world cannot be made, it says why on standard error and runs nothing.
func Prepared(m *testing.M, name string, prepare func(dir string) error) int {
	dir, err := os.MkdirTemp("", name)
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }() // a leftover is only untidy
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Synthesize synthesizes every environment that the repository at root ships, and those in further files besides, into
// the folder dir. No credentials are needed, and nothing is written into the repository.
func Synthesize(root, dir string, further ...string) (*assembly.Assembly, error) {
	names, err := environment.Names(filepath.Join(root, folder))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join(root, folder, name+".yaml"))
	}
	return Only(root, dir, append(files, further...)...)
}

// Only is Synthesize for the environments in some files alone.
func Only(root, dir string, files ...string) (*assembly.Assembly, error) {
	var names []string
	links := map[string]string{} // to target
	for _, file := range files {
		target, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		base := filepath.Base(file)
		names, links[base] = append(names, strings.TrimSuffix(base, ".yaml")), target
	}
	work := filepath.Join(dir, "work")
	if err := lookAlike(root, work, links); err != nil {
		return nil, err
	}
	told, err := contextOf(root, names)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "cdk.out")
	app := filepath.Join(dir, "app")
	// Without the flags of a deployed program: they would compile all of CDK once more.
	if err := quietly(build(root, app, nil, ".")); err != nil {
		return nil, err
	}
	synth := exec.Command(app)
	synth.Dir = work
	synth.Env = append(os.Environ(),
		"CDK_OUTDIR="+out,
		"CDK_CONTEXT_JSON="+told,
		"CDK_VALIDATION=false", // seven seconds, and a test of its own
		"PATH="+filepath.Join(root, "node_modules", ".bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
	)
	if err := quietly(synth); err != nil {
		return nil, err
	}
	return assembly.Read(out)
}

// Build builds a program of the repository for this machine, with the flags of the deployed one. Like that one it is
// without cgo, which looks up users and names in other ways.
func Build(root, program, path string) error {
	return quietly(build(root, path, []string{"CGO_ENABLED=0"}, "-trimpath", "-tags", "lambda.norpc", program))
}

func build(root, path string, environment []string, arguments ...string) *exec.Cmd {
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-o", path}, arguments...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), environment...)
	return cmd
}

// lookAlike makes a folder with links to everything in the repository, save that its environments are the given files.
func lookAlike(root, work string, files map[string]string) error {
	if err := os.MkdirAll(filepath.Join(work, folder), 0o755); err != nil {
		return err
	}
	for name, target := range files {
		if err := os.Symlink(target, filepath.Join(work, folder, name)); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		// What a synthesis writes stays apart from the repository's own.
		name := entry.Name()
		if name == folder || name == "cdk.out" || strings.HasPrefix(name, ".") {
			continue
		}
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(work, name)); err != nil {
			return err
		}
	}
	return nil
}

// contextOf is the context of cdk.json, whose flags change what templates look like, with the environments selected.
func contextOf(root string, names []string) (string, error) {
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
