// Package synth holds every test that synthesizes. They share one process, for each further package of CDK tests costs
// seconds of linking, and run one after another, for jsii's client is a process-wide singleton without locks.
package synth

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

var update = flag.Bool("update", false, "write the goldens anew")

const root = "../.."

// today is a day on which the shipped environments are good.
var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	flag.Parse()
	validation("false")
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// validation switches the built-in validator, which costs seconds. The client copies the environment when it starts,
// so it is closed, to start anew at the next call.
func validation(on string) {
	if err := os.Setenv("CDK_VALIDATION", on); err != nil {
		panic(err)
	}
	jsii.Close()
}

// newApp is an app with the context of cdk.json, which holds the feature flags.
func newApp(t *testing.T, out string) awscdk.App {
	t.Helper()
	var file struct {
		Context map[string]any `json:"context"`
	}
	readJSON(t, filepath.Join(root, "cdk.json"), &file)
	return awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(out), Context: &file.Context})
}

// synthesize builds environments into a new folder, which it returns.
func synthesize(t *testing.T, builder binary.Builder, environments ...environment.Environment) string {
	t.Helper()
	out := t.TempDir()
	app := newApp(t, out)
	if err := stacks.Build(app, environments, builder); err != nil {
		t.Fatal(err)
	}
	app.Synth(nil)
	return out
}

// load reads an environment file of the product, or one given as text.
func load(t *testing.T, path string) environment.Environment {
	t.Helper()
	e, err := environment.Load(path, today)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func shipped(t *testing.T, name string) environment.Environment {
	t.Helper()
	return load(t, filepath.Join(root, "environments", name+".yaml"))
}

func written(t *testing.T, name, text string) environment.Environment {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return load(t, path)
}

func stub(t *testing.T) binary.Builder {
	t.Helper()
	return binary.Stub{Out: t.TempDir()}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
