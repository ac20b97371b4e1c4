package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
)

func runHere(t *testing.T, ctx context.Context, args ...string) (stdout string, err error) {
	t.Helper()
	var out, problems bytes.Buffer
	err = run(ctx, args, os.Environ(), &out, &problems)
	return out.String(), err
}

func TestRefusedCommandLines(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "a command is missing\nusage: pipeline COMMAND"},
		{"unknown command", []string{"down"}, "there is no command \"down\"\nusage: pipeline COMMAND [FLAGS]\n\n  up           synthesize"},
		{"argument", []string{"stacks", "cdk.out"}, "takes no argument \"cdk.out\""},
		{"port taken", []string{"up", "-listen", taken.Addr().String()}, "port " + port + " is taken by another program; choose another one: make up PORT="},
		{"no format of environments", []string{"environments", "-format", "html"}, "-format is \"html\"; allowed are text and json"},
		{"an assembly of others", []string{"environments", "-assembly", emptyAssembly(t), "-folder", "../../environments"}, "has no stack of dev; synthesize it too, or leave -assembly out"},
		{"no format of costs", []string{"cost", "-format", "html"}, "-format is \"html\"; allowed are text, markdown and json"},
		{"no mix", []string{"cost", "-mix", "haiku"}, "\"haiku\" is no share; allowed is a list such as haiku=80,sonnet=15,opus=5"},
		{"no load", []string{"cost", "-rps", "-1", "-assembly", filepath.Join("assembly", "testdata")}, "-rps is -1; allowed is 0.001 to"},
		{"no assembly to cost", []string{"cost", "-assembly", t.TempDir()}, "is not a cloud assembly"},
		{"unknown Bedrock", []string{"up", "-bedrock", "other"}, "-bedrock is \"other\"; allowed are embedded and aws"},
		{"open to others", []string{"up", "-listen", "0.0.0.0:8080"}, "the local run listens on loopback addresses only"},
		{"no port", []string{"up", "-listen", "localhost"}, "it takes an address and a port"},
		{"unknown fault of a Region", []string{"drill", "-faults", "kill,other"}, "-faults: fault \"other\" is unknown; allowed is a list of kill freeze"},
		{"drill of something else", []string{"drill", "-variant", "other"}, "-variant is \"other\"; allowed are serverless, containers, instances"},
		{"drill of one Region", []string{"drill", "-assembly", emptyAssembly(t)}, "have 0 records that fail over"},
		{"unknown fault", []string{"bedrock", "-fault", "other"}, "other"},
		{"steps to destroy production", []string{"steps", "-destroy", "-environment", "prod", "-folder", "../../environments"}, "prod is a production environment"},
		{"buckets of production", []string{"empty", "-environment", "prod", "-confirm", "prod", "-folder", "../../environments"}, "prod is a production environment"},
		{"another's confirmation", []string{"empty", "-environment", "dev", "-confirm", "prod", "-folder", "../../environments"}, "-confirm is \"prod\" and -environment \"dev\""},
		{"nobody's key", []string{"key"}, "-tenant is missing"},
		{"no round", []string{"timing", "-rounds", "0"}, "-rounds is 0; allowed is 1 or more"},
		{"image of nothing", []string{"image", "server"}, "takes no argument \"server\""},
		{"push nowhere", []string{"image", "push"}, "pipeline image push REGISTRY/REPOSITORY[:TAG]"},
		{"image of no program", []string{"image", "-package", "./none"}, "build ./none: "},
		{"one assembly", []string{"diff", "cdk.out"}, "takes two folders, the assembly of before and that of after; got 1: [\"cdk.out\"]"},
		{"no waivers", []string{"diff", "a", "b", "-waivers", "none.yaml"}, "-waivers: open none.yaml: no such file"},
		{"half an assembly", []string{"stacks", "-assembly", halfAssembly(t)}, "stack app: open "},
		{"no such environment to run", []string{"up", "-environment", "locl"}, "(did you mean \"local\"?)"},
		{"no such environment to cost", []string{"cost", "-environment", "pro"}, "there is no environment \"pro\" in "},
		{"no such environment to rehearse", []string{"rehearse", "-environment", "pro"}, "there is no environment \"pro\" in "},
		{"an account that is none", []string{"bootstrap", "-environment", "local", "-folder", "../../environments", "-out", t.TempDir()}, "local is not for deploying: no AWS account has the number 000000000000; make up runs it"},
		{"steps to nowhere", []string{"steps", "-environment", "local", "-folder", "../../environments"}, "local is not for deploying"},
		{"no gate", []string{"diff", "a", "b", "-fail-on", "other"}, "-fail-on \"other\" is not a gate"},
		{"no format", []string{"diff", "-format", "html", "a", "b"}, "-format is \"html\"; allowed are text, markdown, json"},
		{"no assembly to compare", []string{"diff", t.TempDir(), "b"}, "is not a cloud assembly"},
		{"no assembly", []string{"stacks", "-assembly", t.TempDir()}, "is not a cloud assembly, as cdk synth writes one (make synth writes cdk.out): open "},
		{"argument to dashboards", []string{"dashboards", "cost"}, "takes no argument \"cost\""},
		{"no assembly to draw", []string{"dashboards", "-assembly", t.TempDir()}, "is not a cloud assembly"},
		{"no dashboards", []string{"dashboards", "-assembly", emptyAssembly(t), "-logs", t.TempDir()}, "the templates have no dashboard; the environment needs observability"},
		{"no logs of a run", []string{"dashboards", "-assembly", filepath.Join("dashboards", "testdata"), "-logs", "."}, ". has no log of a stack of "},
		{"nothing to run", []string{"up", "-listen", "127.0.0.1:0", "-assembly", emptyAssembly(t)}, "so there is nothing to run"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := runHere(t, t.Context(), test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want it to contain %q", err, test.want)
			}
		})
	}
}

func emptyAssembly(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	assemblytest.Write(t, dir)
	return dir
}

// halfAssembly has a stack without its template.
func halfAssembly(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := `{"artifacts":{"app":{"type":"aws:cloudformation:stack","environment":"aws://1/us-east-1","properties":{"templateFile":"app.template.json"}}}}`
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStacks(t *testing.T) {
	got, err := runHere(t, t.Context(), "stacks", "-assembly", filepath.Join("apigateway", "testdata"))
	want := `STACK   ACCOUNT        REGION      RESOURCES   KINDS
api     000000000000   us-east-1   15          ApiGateway::Method 5, ApiGateway::Resource 6, ApiGateway::RestApi 1, ApiGateway::Stage 1, Lambda::Alias 1, Lambda::Function 1
`
	if err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

func TestCost(t *testing.T) {
	chart := filepath.Join(t.TempDir(), "chart.svg")
	out, err := runHere(t, t.Context(), "cost", "-assembly", filepath.Join("assembly", "testdata"), "-format", "json", "-rps", "2", "-chart", chart)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Load        struct{ RequestsPerSecond float64 }
		Deployments []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Load.RequestsPerSecond != 2 || len(report.Deployments) != 2 || report.Deployments[0].Name != "local-us-east-1" {
		t.Errorf("got %+v", report)
	}
	if drawn, err := os.ReadFile(chart); err != nil || !strings.HasPrefix(string(drawn), "<svg") {
		t.Errorf("the chart is %.40q, %v", drawn, err)
	}
}

func TestDashboards(t *testing.T) {
	out := filepath.Join(t.TempDir(), "pages")
	got, err := runHere(t, t.Context(), "dashboards", "-assembly", filepath.Join("dashboards", "testdata"), "-logs", filepath.Join("dashboards", "testdata", "logs"), "-out", out)
	path := filepath.Join(out, "test-board.html")
	if err != nil || got != path+"\n" {
		t.Fatalf("got %q, %v", got, err)
	}
	page, err := os.ReadFile(path)
	for _, want := range []string{"<h1>test-board</h1>", "Drawn from 2 requests of a local run that began at 2026-11-23 12:00:00 UTC.", "<b>2</b>requests"} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q: %s, %v", want, page, err)
		}
	}
}

func TestBedrockEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := runHere(t, ctx, "bedrock", "-listen", "127.0.0.1:0", "-fault", "throttle")
	if err != nil || !strings.Contains(got, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:") {
		t.Errorf("got %v, %s", err, got)
	}
}

func TestHelp(t *testing.T) {
	if got, err := runHere(t, t.Context(), "help"); err != nil || !strings.Contains(got, "bedrock      serve the embedded Bedrock") {
		t.Errorf("got %v, %s", err, got)
	}
	if _, err := runHere(t, t.Context(), "up", "-h"); err != nil {
		t.Errorf("up -h: %v", err)
	}
}

func TestKeyIsStoredAsItsHash(t *testing.T) {
	got, err := runHere(t, t.Context(), "key", "-tenant", `team "a"`)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(got)
	at := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, auth.KeyPrefix) })
	if at < 0 {
		t.Fatalf("no key in %s", got)
	}
	var secret struct {
		Tenants map[string]struct{ Keys []string }
	}
	if err := json.Unmarshal([]byte(got[strings.Index(got, "{"):strings.LastIndex(got, "}")+1]), &secret); err != nil {
		t.Fatal(err)
	}
	if want := []string{auth.HashKey(words[at])}; !slices.Equal(secret.Tenants[`team "a"`].Keys, want) {
		t.Errorf("the secret holds %v, want %v", secret, want)
	}
}
