// Package conformance_test is one black-box suite for every variant: the official SDKs, unmodified, talk to the real
// binaries, which run with the environment of the synthesized template and an embedded Bedrock.
//
// It must not know how the gateway works inside; only what goes over the wire, and what it prints.
package conformance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// built is what TestMain prepares once: the local environment's serverless stack, and the programs for this machine.
var built struct {
	stack    *assembly.Stack
	function assembly.Function
	lambda   string
	server   string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "conformance")
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

func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	all, err := synthesis.Synthesize(root, dir)
	if err != nil {
		return err
	}
	if err := pick(all); err != nil {
		return err
	}
	built.lambda, built.server = filepath.Join(dir, "lambda"), filepath.Join(dir, "server")
	return errors.Join(
		synthesis.Build(root, built.function.Program, built.lambda),
		synthesis.Build(root, "./runtime/cmd/server", built.server),
	)
}

// pick takes the stack that the suite runs.
func pick(a *assembly.Assembly) (err error) {
	if built.stack, err = a.Stack("local-us-east-1/serverless"); err != nil {
		return err
	}
	functions, err := built.stack.Functions()
	if err != nil {
		return err
	}
	if len(functions) != 1 {
		return fmt.Errorf("the stack has %d functions of ours, want 1", len(functions))
	}
	built.function = functions[0]
	return nil
}
