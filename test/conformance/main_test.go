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
	"github.com/genai-pipeline/genai-pipeline/test/confined"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// built is what TestMain prepares once: the local environment's serverless stack, and the programs for this machine.
var built struct {
	dir      string
	stack    *assembly.Stack
	function assembly.Function
	lambda   string
	server   string
}

// preparedIn names the folder that another process of this suite has prepared, in one that it started where there is no
// network.
const preparedIn = "CONFORMANCE_PREPARED_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(preparedIn); dir != "" {
		all, err := assembly.Read(filepath.Join(dir, "cdk.out"))
		if err == nil {
			err = errors.Join(pick(dir, all), confined.RaiseLoopback())
		}
		os.Exit(run(m, err))
	}
	dir, err := os.MkdirTemp("", "conformance")
	if err == nil {
		err = prepare(dir)
	}
	code := run(m, err)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func run(m *testing.M, err error) (code int) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
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
	if err := pick(dir, all); err != nil {
		return err
	}
	return errors.Join(
		synthesis.Build(root, built.function.Program, built.lambda),
		synthesis.Build(root, "./runtime/cmd/server", built.server),
	)
}

// pick takes the stack and the programs that the suite runs.
func pick(dir string, a *assembly.Assembly) (err error) {
	built.dir, built.lambda, built.server = dir, filepath.Join(dir, "lambda"), filepath.Join(dir, "server")
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
