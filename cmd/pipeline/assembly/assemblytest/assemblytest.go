// Package assemblytest writes small cloud assemblies, for tests of what reads them with package assembly.
//
// It must not know what is in a template.
package assemblytest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Stack is one stack of an assembly.
type Stack struct {
	ID        string // as the CDK command line takes it; the stack's name has - for each /
	Account   string // default 111122223333
	Region    string // default us-east-1
	Protected bool   // from termination
	Template  any    // becomes JSON
}

// Write writes an assembly of the stacks into the folder, which is made if there is none.
func Write(t testing.TB, dir string, stacks ...Stack) {
	t.Helper()
	artifacts := map[string]any{}
	for _, s := range stacks {
		name := strings.ReplaceAll(s.ID, "/", "-")
		JSON(t, filepath.Join(dir, name+".template.json"), s.Template)
		artifacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": s.environment(), "displayName": s.ID,
			"properties": map[string]any{"templateFile": name + ".template.json", "stackName": name, "terminationProtection": s.Protected},
		}
	}
	Manifest(t, dir, artifacts)
}

// Manifest writes manifest.json alone, with the artifacts by id.
func Manifest(t testing.TB, dir string, artifacts map[string]any) {
	t.Helper()
	// A version that the CDK command line of package.json reads.
	JSON(t, filepath.Join(dir, "manifest.json"), map[string]any{"version": "54.0.0", "artifacts": artifacts})
}

// JSON writes a value to a file, whose folder is made if there is none.
func JSON(t testing.TB, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s Stack) environment() string {
	account, region := s.Account, s.Region
	if account == "" {
		account = "111122223333"
	}
	if region == "" {
		region = "us-east-1"
	}
	return "aws://" + account + "/" + region
}
