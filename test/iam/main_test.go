// Package iam_test holds the roles of each variant, and the VPC endpoints that its calls pass, to a contract: they
// allow every call that the program makes and that AWS makes for it, and nothing else. The calls are not listed by
// hand: the real binary is started from its synthesized template against endpoints that record what it signs, and the
// role's policies in that same template are evaluated on what they recorded.
//
// It must not know CDK, nor what the constructs meant to grant: what AWS asks of a role for a call is said here once
// more, from AWS's documentation, so that a wrong grant is not compared with itself.
package iam_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// The environments in testdata: the first with every way to call a model, the second with API keys and a network.
const (
	own   = "contract"
	keyed = "keyed"
)

// built is what TestMain prepares once: every environment, synthesized, and a folder for programs.
var built struct {
	assembly *assembly.Assembly
	profiles map[string]string // what each application inference profile is copied from, by its ARN
	root     string
	dir      string
}

func TestMain(m *testing.M) { os.Exit(synthesis.Prepared(m, "iam", prepare)) }

// prepare synthesizes the shipped environments and our own.
func prepare(dir string) (err error) {
	if built.root, err = filepath.Abs("../.."); err != nil {
		return err
	}
	built.dir = dir
	if built.assembly, err = synthesis.Synthesize(built.root, dir, filepath.Join("testdata", own+".yaml"), filepath.Join("testdata", keyed+".yaml")); err != nil {
		return err
	}
	built.profiles, err = built.assembly.Profiles()
	return err
}
