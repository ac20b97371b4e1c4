package binary

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Go builds with the go command found on PATH.
type Go struct {
	Root string // of the module; default the current folder
	Out  string // folder for the assets, one folder in it for each package; default ".build/assets" under Root
}

// Build builds the package for linux/arm64. Its error holds what the go command said.
func (g Go) Build(pkg string) (Asset, error) {
	root, err := filepath.Abs(g.Root)
	if err != nil {
		return Asset{}, fmt.Errorf("build %s: %w", pkg, err)
	}
	out := g.Out
	if out == "" {
		out = filepath.Join(root, ".build", "assets")
	}
	asset := Asset{Package: pkg, Dir: filepath.Join(out, folder(pkg))}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return Asset{}, fmt.Errorf("build %s: %w", pkg, err)
	}
	work, err := os.MkdirTemp(out, ".building-")
	if err != nil {
		return Asset{}, fmt.Errorf("build %s: %w", pkg, err)
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover is only untidy
	file := filepath.Join(work, Name)
	if err := compile(root, pkg, file); err != nil {
		return Asset{}, fmt.Errorf("build %s: %w", pkg, err)
	}
	if err := place(file, asset.Dir); err != nil {
		return Asset{}, fmt.Errorf("build %s: %w", pkg, err)
	}
	return asset, nil
}

func compile(root, pkg, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	// -buildid= drops the one part of the output that depends on how it was linked; -trimpath the names of folders.
	// lambda.norpc leaves out the runtime API of the go1.x runtime, which AWS ended.
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-tags=lambda.norpc", "-o", file, pkg)
	command.Dir = root
	command.Env = append(os.Environ(), pinned()...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// pinned is every variable that changes what the compiler writes. GOFLAGS repeats a flag, for an empty variable would
// let the user's own go configuration through. GOTOOLCHAIN is the Go that runs, which go.mod sets the least version of.
func pinned() []string {
	return []string{
		"GOOS=linux", "GOARCH=arm64", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=-trimpath", "GOWORK=off",
		"GOTOOLCHAIN=local", "GOEXPERIMENT=", "GOFIPS140=off",
	}
}

// folder turns "./runtime/cmd/lambda" into "runtime-cmd-lambda".
func folder(pkg string) string {
	return strings.ReplaceAll(strings.Trim(filepath.ToSlash(filepath.Clean(pkg)), "./"), "/", "-")
}
