// Package conformance_test is one black-box suite for every variant: the official SDKs, unmodified, talk to the real
// binaries, which run with the environment of the synthesized template and an embedded Bedrock.
//
// It must not know how the gateway works inside; only what goes over the wire, and what it prints.
package conformance_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/confined"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// built is what TestMain prepares once: the local environment's variants, with their programs for this machine.
var built struct {
	dir      string
	variants []variant
	hook     string // the program that tests a new version
}

// preparedIn names the folder that another process of this suite has prepared, in one that it started where there is no
// network.
const preparedIn = "CONFORMANCE_PREPARED_IN"

func TestMain(m *testing.M) {
	if os.Getenv(deployedURL) != "" { // nothing runs here, and so nothing else can be tested
		os.Exit(run(m, flag.Set("test.run", "^TestDeployed$")))
	}
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

// atOnce is how many parallel tests run at the same time, for most wait for a time to pass; a -parallel on the command line
// counts instead.
const atOnce = "8"

func run(m *testing.M, err error) (code int) {
	if err == nil {
		err = flag.Set("test.parallel", atOnce)
	}
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
	programs := map[string]string{"./runtime/cmd/hook": built.hook}
	for _, v := range built.variants {
		if v.function != nil {
			programs[v.function.Program] = v.program
		} else {
			programs[v.server.Program] = v.program
		}
	}
	for program, path := range programs {
		if err := synthesis.Build(root, program, path); err != nil {
			return err
		}
	}
	return nil
}

// pick takes the stacks and the programs that the suite runs.
func pick(dir string, a *assembly.Assembly) error {
	built.dir, built.hook = dir, filepath.Join(dir, "hook")
	for _, name := range []string{settings.VariantServerless, settings.VariantContainers, settings.VariantInstances} {
		stack, err := a.Stack("local-us-east-1/" + name)
		if err != nil {
			return err
		}
		functions, functionsErr := stack.Functions()
		servers, serversErr := stack.Servers()
		if err := errors.Join(functionsErr, serversErr); err != nil {
			return err
		}
		if len(functions)+len(servers) != 1 {
			return fmt.Errorf("stack %s has %d functions and %d servers of ours, want one in all", stack.ID, len(functions), len(servers))
		}
		v := variant{name: name, stack: stack}
		for _, f := range functions {
			v.function, v.environment, v.program = &f, f.Environment, filepath.Join(dir, filepath.Base(f.Program))
		}
		for _, s := range servers {
			v.server, v.environment, v.program = &s, s.Environment, filepath.Join(dir, filepath.Base(s.Program))
		}
		built.variants = append(built.variants, v)
	}
	return nil
}
