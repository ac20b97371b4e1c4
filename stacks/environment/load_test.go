package environment_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

const shipped = "../../environments"

// today is a day on which the shipped files and the ids in these tables are good.
var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

const minimal = `account: "123456789012"
regions: [us-east-1]
serverless: {}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMinimalFileTakesEveryDefault(t *testing.T) {
	path := write(t, minimal)
	got, err := environment.Load(path, today)
	if err != nil {
		t.Fatal(err)
	}
	want := environment.Environment{
		Name: "test", File: path, Account: "123456789012", Regions: []string{"us-east-1"},
		Models: environment.DefaultModels(),
		Gateway: environment.Gateway{MaxBodyBytes: 10 << 20, StreamBudget: 290 * time.Second,
			PingInterval: 15 * time.Second, FirstByte: time.Minute, MaxCalls: 3, LogLevel: slog.LevelInfo, Limits: settings.Limits{
				Concurrency: 512, Queue: 128, QueueWait: time.Second, HeldBytes: 128 << 20}},
		Auth:       environment.Auth{Mode: environment.AuthIAM},
		Edge:       environment.Edge{RequestsPerIP: 2000, AccessLogRetention: 90},
		Serverless: &environment.Serverless{Memory: environment.Standard, LogRetention: 30, Rollout: environment.AllAtOnce},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEverySettingReachesTheProgram(t *testing.T) {
	path := write(t, `account: "123456789012"
regions: [us-east-1, us-west-2]
models:
  small:
    targets:
      - model: us.anthropic.claude-haiku-5-5
      - {model: global.anthropic.claude-haiku-5-5, region: us-east-2}
    defaultMaxTokens: 100
    maxTokens: 200
gateway: {maxBodyBytes: 2048, streamBudget: 60s, firstByte: 12s, pingInterval: 2s, maxCalls: 5, logLevel: warn, feedback: true}
serverless: {}
tracing: {endpoint: "http://127.0.0.1:4318", share: 25}
`)
	e, err := environment.Load(path, today)
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Default()
	want.Environment, want.Variant = "test", settings.VariantServerless
	want.MaxBodyBytes, want.MaxCalls, want.LogLevel = 2048, 5, slog.LevelWarn
	want.RequestTimeout, want.PingInterval, want.FirstByte = time.Minute, 2*time.Second, 12*time.Second
	want.Tracing = settings.Tracing{Endpoint: "http://127.0.0.1:4318", Share: 0.25}
	want.Aliases = []settings.Alias{{Name: "small", DefaultMaxTokens: 100, MaxTokens: 200, Targets: []settings.Target{
		{Model: "us.anthropic.claude-haiku-5-5", Region: "us-west-2"},
		{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-2"},
	}}}
	got := e.Settings(settings.VariantServerless, "us-west-2")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	read, err := settings.Load(func(name string) string { return got.Encode()[name] })
	if diff := cmp.Diff(want, read); diff != "" || err != nil {
		t.Error(err, diff)
	}
	wantTargets := []environment.Target{
		{Model: "us.anthropic.claude-haiku-5-5", Region: "us-west-2", Destinations: []string{"us-east-1", "us-east-2", "us-west-2"}},
		{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-2"},
	}
	if diff := cmp.Diff(wantTargets, e.Targets("us-west-2")); diff != "" {
		t.Error(diff)
	}
}

func TestLimitsReachServersOnly(t *testing.T) {
	path := write(t, servers("", `gateway:
  maxConcurrency: 7
  maxQueue: 0
  queueWait: 250ms
  maxHeldBytes: 20000000
  tenantLimits:
    default: {requestsPerMinute: 60, tokensPerMinute: 1000, streams: 2}
    tenants:
      "arn:aws:iam::111111111111:role/team a": {streams: 9}
serverless: {api: {authorizer: none}}
`))
	e, err := environment.Load(path, today)
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Limits{Concurrency: 7, QueueWait: 250 * time.Millisecond, HeldBytes: 20_000_000, Tenants: settings.TenantLimits{
		Default:  settings.Quota{RequestsPerMinute: 60, TokensPerMinute: 1000, Streams: 2},
		ByTenant: map[string]settings.Quota{"arn:aws:iam::111111111111:role/team a": {Streams: 9}},
	}}
	for _, variant := range []string{settings.VariantContainers, settings.VariantInstances} {
		if diff := cmp.Diff(want, e.Settings(variant, "us-east-1").Limits); diff != "" {
			t.Errorf("%s: %s", variant, diff)
		}
	}
	if diff := cmp.Diff(settings.Default().Limits, e.Settings(settings.VariantServerless, "us-east-1").Limits); diff != "" {
		t.Error(diff)
	}
	if got := e.Warnings.Error(); !strings.Contains(got, "gateway.tenantLimits: is not kept to by serverless") {
		t.Errorf("the warnings are %s", got)
	}
}

func TestShippedEnvironmentsLoadWithoutWarning(t *testing.T) {
	names, err := environment.Names(shipped)
	if err != nil {
		t.Fatal(err)
	}
	environments, err := environment.LoadNamed(shipped, names, today)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"dev", "local", "prod"}; !cmp.Equal(names, want) {
		t.Errorf("shipped are %v, want %v", names, want)
	}
	for _, e := range environments {
		if len(e.Warnings) > 0 {
			t.Error(e.Warnings)
		}
		text, err := os.ReadFile(e.File)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=./schema.json\n") {
			t.Errorf("%s does not start with the line that gives editors the schema", e.File)
		}
		if e.Production != (e.Name == "prod") {
			t.Errorf("%s: production is %v", e.File, e.Production)
		}
	}
}

func TestLegacyModelIsAWarning(t *testing.T) {
	path := write(t, minimal+`models:
  old:
    targets: [{model: global.anthropic.claude-sonnet-4-5-20250929-v1:0}]
`)
	e, err := environment.Load(path, today)
	if err != nil {
		t.Fatal(err)
	}
	want := path + `:6: models.old.targets[0].model: is "global.anthropic.claude-sonnet-4-5-20250929-v1:0", which is legacy: ` +
		`Bedrock refuses it to new customers, and its end of life is 2027-04-08; write "global.anthropic.claude-sonnet-5-5"`
	if got := e.Warnings.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestLifeOfAModelOnAClock is today, near the end, on the last good day, and past it.
func TestLifeOfAModelOnAClock(t *testing.T) {
	path := write(t, minimal+`models:
  old:
    targets: [{model: global.anthropic.claude-sonnet-4-5-20250929-v1:0}]
`)
	const where = `:6: models.old.targets[0].model: is "global.anthropic.claude-sonnet-4-5-20250929-v1:0", `
	for _, test := range []struct {
		day, want string // what begins the error; empty for a warning alone
	}{
		{"2026-11-22", ""},
		{"2027-03-09", ""},
		{"2027-03-10", `whose end of life is 2027-04-08, in 29 days: what is deployed now would soon be refused; write "global.anthropic.claude-sonnet-5-5"`},
		{"2027-04-07", `whose end of life is 2027-04-08, in 1 days: `},
		{"2027-04-08", `whose end of life was 2027-04-08: Bedrock refuses it; write "global.anthropic.claude-sonnet-5-5"`},
	} {
		day, err := time.Parse(time.DateOnly, test.day)
		if err != nil {
			t.Fatal(err)
		}
		e, err := environment.Load(path, day)
		switch {
		case test.want == "" && (err != nil || len(e.Warnings) != 1):
			t.Errorf("%s: got %v and %v, want a warning", test.day, err, e.Warnings)
		case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+where+test.want)):
			t.Errorf("%s: got %v, want %s", test.day, err, test.want)
		}
	}
}

// twoHere is an alias with two targets in the stack's own Region, which are silent together.
const twoHere = "models: {fast: {targets: [{model: global.anthropic.claude-haiku-5-5}, {model: us.anthropic.claude-haiku-5-5}]}}\n"

// TestRecoveryFollowsFromTheFile is the recovery time of a pair, and one that somebody agreed to.
func TestRecoveryFollowsFromTheFile(t *testing.T) {
	for text, want := range map[string]time.Duration{
		pair(""): 14*time.Minute + 38*time.Second,
		pair("", "gateway: {streamBudget: 60s}\n"):                                                                    6*time.Minute + 58*time.Second,
		pair("", "gateway: {streamBudget: 60s, firstByte: 20s}\n"):                                                    6*time.Minute + 18*time.Second,
		pair("", "gateway: {streamBudget: 60s, firstByte: 20s}\n"+twoHere):                                            6*time.Minute + 38*time.Second,
		pair("edge", internalEdge+"gateway: {streamBudget: 60s}\n"):                                                   7*time.Minute + 55*time.Second,
		pair("failover", "failover: {failures: 1, interval: 30s}\n"):                                                  14*time.Minute + 26*time.Second,
		pair("failover", "failover: {capacity: 20m}\nacknowledge: {recoveryTime: it is only for batches at night}\n"): 34*time.Minute + 38*time.Second,
	} {
		e, err := environment.Load(write(t, text), today)
		if err != nil {
			t.Fatal(err)
		}
		if plan, ok := e.Recovery(); !ok || plan.RTO() != want {
			t.Errorf("RTO is %s, want %s, of\n%s", plan.RTO(), want, text)
		}
	}
	e, err := environment.Load(write(t, pair("", "archive: {interval: 30s}\naudit: {}\n")), today)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, loss := range e.Losses() {
		states = append(states, fmt.Sprint(loss.State, " ", loss.Objective))
	}
	if diff := cmp.Diff([]string{"usage records 5m30s", "secrets 0s"}, states); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"test-secrets/**", "test-us-west-2-copies/**", "test-us-east-1-copies/**", "test-us-west-2/**", "test-us-east-1/**", "test-global/**"}, e.Steps()); diff != "" {
		t.Error(diff)
	}
}

func TestDoubtfulDestinationsAreWarnings(t *testing.T) {
	path := write(t, minimal+`models:
  far:
    targets:
      - {model: us.anthropic.claude-haiku-5-5, region: eu-west-1}
      - {model: us.anthropic.claude-haiku-5-5, destinations: [us-east-1]}
`)
	e, err := environment.Load(path, today)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{":7: models.far.targets[0]: calls", ":8: models.far.targets[1].destinations: differ"} {
		if !strings.Contains(e.Warnings.Error(), want) {
			t.Errorf("no %q in\n%v", want, e.Warnings)
		}
	}
}

func TestLoadNamedTellsWhatThereIs(t *testing.T) {
	tests := []struct {
		name  string
		names []string
		want  string
	}{
		{"none named", nil, "no environment is named; there are dev, local, prod; type for example: cdk synth -c environment=dev"},
		{"misspelt", []string{"dve"}, `there is no environment "dve" in ` + shipped + `; there are dev, local, prod (did you mean "dev"?)`},
		{"outside the folder", []string{"../environments/dev"}, `there is no environment "../environments/dev" in ` + shipped + `; there are dev, local, prod`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := environment.LoadNamed(shipped, test.names, today)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestLoadNamedNamesTheProblemsOfAllFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "account: 1\n", "b.yaml": "regions: []\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := environment.LoadNamed(dir, []string{"a", "b", "c"}, today)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"a.yaml:1: account", "a.yaml:1: regions", "b.yaml:1: account", "b.yaml:1: regions", `no environment "c"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	_, err := environment.Load(path, today)
	var problems environment.Problems
	if !errors.As(err, &problems) || err.Error() != path+":1: cannot be read: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestAuthReachesTheProgram(t *testing.T) {
	const reason = "it is behind a firewall of ours"
	tests := []struct {
		name, text string
		want       settings.Auth
	}{
		{"nothing said", minimal, settings.Auth{Mode: settings.AuthGateway}},
		{"IAM", minimal + "auth: {mode: iam}\n", settings.Auth{Mode: settings.AuthGateway}},
		{"keys in a secret of ours", open + "auth: {mode: keys}\n", settings.Auth{Mode: settings.AuthKeys}},
		{"keys in a named secret", open + "auth: {mode: keys, secret: team/keys}\n", settings.Auth{Mode: settings.AuthKeys, Secret: "team/keys"}},
		{"tokens", open + "auth: {mode: oidc, issuer: \"https://a.example/x\", audience: b, jwksUrl: \"https://a.example/k\"}\n",
			settings.Auth{Mode: settings.AuthOIDC, Issuer: "https://a.example/x", Audience: "b", JWKSURL: "https://a.example/k", TenantClaim: "sub"}},
		{"off", strings.Replace(open, "123456789012", settings.LocalAccount, 1) + "auth: {mode: off, reason: " + reason + "}\n", settings.Auth{Mode: settings.AuthOff, OffReason: reason}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := environment.Load(write(t, tt.text), today)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, e.Settings(settings.VariantServerless, "us-east-1").Auth); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProductionRollsOutInSteps(t *testing.T) {
	const servers = "network: {zones: {us-east-1: [us-east-1a, us-east-1b]}, nat: NAT}\nauth: {mode: keysKEY}\n" +
		"edge: {internetFacing: PUBLIC, callers: [10.0.0.0/8], certificates: {us-east-1: arn:aws:acm:us-east-1:123456789012:certificate/0123abcd}}\n" +
		"containers: {DOMAIN}\ninstances: {rollout: all-at-once}\n"
	for _, tt := range []struct {
		name, production, nat, public, domain string
		want                                  environment.Rollout
		warning                               string
	}{
		{"production", "true", "false", "false", "domain: gateway.example.com", environment.Canary, ""},
		{"not production", "false", "false", "true", "", environment.AllAtOnce, ""},
		{"no domain", "true", "false", "false", "", environment.Canary, "test.yaml:7: containers: is rolled out in steps, in us-east-1 without a smoke test before the first: without containers.domain"},
		{"public without NAT", "true", "false", "true", "domain: gateway.example.com", environment.Canary, "which the network reaches with network.nat: true alone"},
		{"public with NAT", "true", "true", "true", "domain: gateway.example.com", environment.Canary, ""},
		{"no key", "true", "false", "false", "domain: gateway.example.com", environment.Canary, "test.yaml:5: auth.smokeKey: is missing, so the smoke test of a new version asks no model"},
	} {
		key := ", smokeKey: mine"
		if tt.name == "no key" || tt.want == environment.AllAtOnce {
			key = ""
		}
		text := strings.NewReplacer("KEY", key, "NAT", tt.nat, "PUBLIC", tt.public, "DOMAIN", tt.domain).Replace(servers)
		e, err := environment.Load(write(t, "account: \"123456789012\"\nregions: [us-east-1]\nproduction: "+tt.production+"\n"+text+"serverless: {api: {authorizer: none}}\n"), today)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if e.Serverless.Rollout != tt.want || e.Containers.Rollout != tt.want || e.Instances.Rollout != environment.AllAtOnce {
			t.Errorf("%s: got %s, %s and %s", tt.name, e.Serverless.Rollout, e.Containers.Rollout, e.Instances.Rollout)
		}
		if got := e.Warnings.Error(); !strings.Contains(got, tt.warning) || (tt.warning == "") != (len(e.Warnings) == 0) {
			t.Errorf("%s: warnings are %q, want %q", tt.name, got, tt.warning)
		}
		if e.TestsContainers("us-east-1") != (tt.domain != "" && (tt.public == "false" || tt.nat == "true")) && tt.want == environment.Canary {
			t.Errorf("%s: a smoke test can be: %t", tt.name, e.TestsContainers("us-east-1"))
		}
	}
}

func TestAnEnvironmentThatIsPastItsDayIsAWarning(t *testing.T) {
	path := write(t, minimal+"expires: 2026-11-20\n")
	e, err := environment.Load(path, today)
	if err != nil || len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0].Error(), "expires: was 2026-11-20; make destroy ENV=") {
		t.Errorf("got %v, %v", e.Warnings, err)
	}
	if e, err = environment.Load(path, time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)); err != nil || len(e.Warnings) != 0 || e.Expires.Format(time.DateOnly) != "2026-11-20" {
		t.Errorf("on the day itself: %v, %v", e.Warnings, err)
	}
	for text, want := range map[string]string{
		"expires: soon\n":                         `expires: is the text "soon"; allowed is a day such as 2027-03-01`,
		"expires: 2027-03-01\nproduction: true\n": "expires: is for environments that are to go, and this one is production: true",
	} {
		if _, err := environment.Load(write(t, minimal+text), today); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
