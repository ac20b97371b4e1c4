// Package binary makes the deployment asset of a Go program: a folder that holds one static linux/arm64 executable
// named bootstrap, the same bytes wherever and whenever it is built from the same source with the same Go. CDK hashes
// the folder, so equal source means an equal template and no deployment.
//
// It must not know CDK, nor what the program does.
package binary

import (
	"os"
	"path/filepath"
	"time"
)

// Name is the file name of the executable: what Lambda's provided runtimes start.
const Name = "bootstrap"

// Asset is a built program.
type Asset struct {
	Package string // the Go package it was built from, such as "./runtime/cmd/lambda"
	Dir     string // the folder that holds it under Name, and nothing else
}

// Builder builds programs: Go for real, Stub in tests.
type Builder interface {
	// Build builds a main package, named as for the go command from the module's root.
	Build(pkg string) (Asset, error)
}

// settle gives an executable the mode and time that every build gives it, so that archives of it are equal too.
func settle(path string) error {
	if err := os.Chmod(path, 0o755); err != nil {
		return err
	}
	// The first moment that a ZIP archive can hold.
	epoch := time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)
	return os.Chtimes(path, epoch, epoch)
}

// place moves a finished executable into its folder, at once over the one before it, so that a second synthesis of the
// same checkout never finds half a file.
func place(from, dir string) error {
	if err := settle(from); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Rename(from, filepath.Join(dir, Name))
}
