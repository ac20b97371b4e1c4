package synth

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// benchAccount is that of every bench that has one.
const benchAccount = "123456789012"

// bench is a stack of a platform team, which knows neither environments nor stages, nor an account.
func bench(t *testing.T) (awscdk.App, awscdk.Stack, string) {
	t.Helper()
	out := t.TempDir()
	app := newApp(t, out)
	return app, awscdk.NewStack(app, jsii.String("bench"), nil), out
}

// benchTemplate synthesizes and reads the template of the stack that bench made.
func benchTemplate(t *testing.T, app awscdk.App, out string) template {
	t.Helper()
	app.Synth(nil)
	var tp template
	readJSON(t, filepath.Join(out, "bench.template.json"), &tp)
	return tp
}

// tell adds to what a golden shows, for this test: another's golden may show less of the same type.
func tell(t *testing.T, more map[string][]string) {
	t.Helper()
	before := told
	told = maps.Clone(before)
	maps.Copy(told, more)
	t.Cleanup(func() { told = before })
}

// benchIn is a stack of a platform team that says its account and Region, as one with a network must.
func benchIn(t *testing.T, region string) (awscdk.App, awscdk.Stack, string) {
	t.Helper()
	out := t.TempDir()
	app := newApp(t, out)
	return app, awscdk.NewStack(app, jsii.String("bench"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(benchAccount), Region: jsii.String(region)},
	}), out
}

// missing is what an assembly lacks, and the CDK command line would look up.
func missing(t *testing.T, out string) []any {
	t.Helper()
	var manifest struct{ Missing []any }
	readJSON(t, filepath.Join(out, "manifest.json"), &manifest)
	return manifest.Missing
}

// refused checks that making something panics with a message that has every text.
func refused(t *testing.T, want []string, make func()) {
	t.Helper()
	defer func() {
		got := fmt.Sprint(recover())
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("no %q in\n%s", text, got)
			}
		}
	}()
	make()
	t.Error("the props are accepted")
}
