// Package templates_test holds every template that we ship to the rules of constructs/rules and to cfn-lint, and shows
// with a folder of planted defects what each of the two would catch.
//
// It must not know CDK, nor what the constructs meant: it reads templates as CloudFormation gets them.
package templates_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// built is what TestMain prepares once.
var built struct {
	root      string
	out       string   // folder of the assembly of every environment
	delivery  []string // paths of the pipeline's templates, made by the shipped delivery file
	templates []string // paths of the shipped environments' templates
}

func TestMain(m *testing.M) { os.Exit(synthesis.Prepared(m, "templates", prepare)) }

// prepare synthesizes the shipped environments and the shipped delivery as the CDK command line does.
func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	app, err := synthesis.NewApp(root, dir)
	if err != nil {
		return err
	}
	built.root, built.out = root, filepath.Join(dir, "cdk.out")
	delivered := filepath.Join(dir, "delivery.out")
	for out, what := range map[string][2]string{
		built.out: {environment.ContextKey, app.Names},
		delivered: {environment.DeliveryKey, "delivery.yaml"},
	} {
		// With paths, as the command line sets it: findings then name the construct.
		if err := app.Run(out, map[string]any{what[0]: what[1], "aws:cdk:enable-path-metadata": true}); err != nil {
			return err
		}
	}
	for _, depth := range []string{"", "assembly-*"} {
		found, err := filepath.Glob(filepath.Join(built.out, depth, "*.template.json"))
		if err != nil {
			return err
		}
		built.templates = append(built.templates, found...)
	}
	built.delivery, err = filepath.Glob(filepath.Join(delivered, "*.template.json"))
	return err
}
