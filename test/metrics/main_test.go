// Package metrics_test holds what the programs emit and what dashboards and alarms read against each other, and shows
// when the alarms go off.
//
// It must not know CDK, nor what the constructs meant: it reads templates as CloudFormation gets them, and logs as
// CloudWatch does.
package metrics_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// built is what TestMain prepares once: the shipped environments' templates, and the programs for this machine.
var built struct {
	assembly *assembly.Assembly
	programs map[string]string // by Go package
}

func TestMain(m *testing.M) { os.Exit(synthesis.Prepared(m, "metrics", prepare)) }

func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	if built.assembly, err = synthesis.Synthesize(root, dir); err != nil {
		return err
	}
	built.programs = map[string]string{}
	for _, program := range []string{"./runtime/cmd/lambda", "./runtime/cmd/server"} {
		built.programs[program] = filepath.Join(dir, filepath.Base(program))
		if err := synthesis.Build(root, program, built.programs[program]); err != nil {
			return err
		}
	}
	return nil
}

// variants are the names of the ways to run the gateway, all of which the environment local has.
func variants() []string {
	return []string{settings.VariantServerless, settings.VariantContainers, settings.VariantInstances}
}

// environmentOf is the environment that a stack is of: its stage's name without the Region, or without "global".
func environmentOf(s *assembly.Stack) string {
	stage, _, _ := strings.Cut(s.ID, "/")
	return strings.TrimSuffix(strings.TrimSuffix(stage, "-"+s.Region), "-global")
}

// stacks are those of an environment, or all.
func stacks(environment string) []*assembly.Stack {
	return slices.DeleteFunc(slices.Clone(built.assembly.Stacks), func(s *assembly.Stack) bool {
		return environment != "" && environmentOf(s) != environment
	})
}
