// Package synthesis synthesizes environments for tests that judge or run templates without linking CDK: it runs the
// app as the CDK command line does, with the whole context of cdk.json, and reads what it wrote.
//
// It must not know what is in a template, nor why a test wants it.
package synthesis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
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
	files, err := shipped(root)
	if err != nil {
		return nil, err
	}
	return Only(root, dir, append(files, further...)...)
}

// shipped are the files of the environments that the repository ships.
func shipped(root string) (files []string, err error) {
	names, err := environment.Names(filepath.Join(root, folder))
	for _, name := range names {
		files = append(files, filepath.Join(root, folder, name+".yaml"))
	}
	return files, err
}

// Only is Synthesize for the environments in some files alone.
func Only(root, dir string, files ...string) (*assembly.Assembly, error) {
	app, err := newApp(root, dir, files)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "cdk.out")
	if err := app.Run(out, map[string]any{environment.ContextKey: app.Names}); err != nil {
		return nil, err
	}
	return assembly.Read(out)
}

// App is the app, ready to synthesize.
type App struct {
	Names string // of its environments, as environment.ContextKey takes them

	root, program, work string
}

// NewApp builds the app, for the environments that the repository at root ships, in the folder dir.
func NewApp(root, dir string) (*App, error) {
	files, err := shipped(root)
	if err != nil {
		return nil, err
	}
	return newApp(root, dir, files)
}

func newApp(root, dir string, files []string) (*App, error) {
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
	app := &App{Names: strings.Join(names, ","), root: root, program: filepath.Join(dir, "app"), work: filepath.Join(dir, "work")}
	if err := lookAlike(root, app.work, links); err != nil {
		return nil, err
	}
	// Without the flags of a deployed program: they would compile all of CDK once more.
	return app, Quietly(build(root, app.program, nil, "."))
}

// Run synthesizes into the folder out, with the context of cdk.json and more.
func (a *App) Run(out string, more map[string]any) error {
	told, err := contextOf(a.root, more)
	if err != nil {
		return err
	}
	synth := exec.Command(a.program)
	synth.Dir = a.work
	synth.Env = append(os.Environ(),
		"CDK_OUTDIR="+out,
		"CDK_CONTEXT_JSON="+told,
		"CDK_VALIDATION=false", // seven seconds, and a test of its own
		"PATH="+filepath.Join(a.root, "node_modules", ".bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
	)
	return Quietly(synth)
}

// Build builds a program of the repository for this machine, with the flags of the deployed one. Like that one it is
// without cgo, which looks up users and names in other ways.
func Build(root, program, path string) error {
	return Quietly(build(root, path, []string{"CGO_ENABLED=0"}, "-trimpath", "-tags", "lambda.norpc", program))
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

// contextOf is the context of cdk.json, whose flags change what templates look like, with more.
func contextOf(root string, more map[string]any) (string, error) {
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
	maps.Copy(file.Context, more)
	text, err = json.Marshal(file.Context)
	return string(text), err
}

// Quietly runs a command, whose output is in the error when it fails, and nowhere else.
func Quietly(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out.String())
	}
	return nil
}
