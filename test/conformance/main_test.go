// Package conformance_test is one black-box suite for every variant: the official SDKs, unmodified, talk to the real
// binaries, which run with the environment of the synthesized template and an embedded Bedrock.
//
// It must not know how the gateway works inside; only what goes over the wire, and what it prints.
package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
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

// prepare synthesizes as the CDK command line does, with neither credentials nor its own process around the app.
func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	out := filepath.Join(dir, "cdk.out")
	synth := exec.Command("go", "run", ".")
	synth.Dir = root
	synth.Env = append(os.Environ(),
		"CDK_OUTDIR="+out,
		`CDK_CONTEXT_JSON={"environment":"local"}`,
		"CDK_VALIDATION=false",
		"PATH="+filepath.Join(root, "node_modules", ".bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
	)
	if err := quietly(synth); err != nil {
		return err
	}
	if err := readAssembly(out); err != nil {
		return err
	}
	built.lambda, built.server = filepath.Join(dir, "lambda"), filepath.Join(dir, "server")
	for program, path := range map[string]string{built.function.Program: built.lambda, "./runtime/cmd/server": built.server} {
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-o", path, program)
		build.Dir = root
		if err := quietly(build); err != nil {
			return err
		}
	}
	return nil
}

func readAssembly(dir string) error {
	a, err := assembly.Read(dir)
	if err != nil {
		return err
	}
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

// quietly shows a command's output only when it fails.
func quietly(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out.String())
	}
	return nil
}
