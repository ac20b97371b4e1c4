package settings_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func valid() settings.Settings {
	return settings.Settings{
		Environment: "dev",
		Variant:     settings.VariantServerless,
		Aliases: []settings.Alias{{
			Name: "haiku",
			Targets: []settings.Target{
				{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1", Profile: "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/06vsfs68yb4g"},
				{Model: "us.anthropic.claude-haiku-5-5", Region: "us-west-2"},
			},
			DefaultMaxTokens: 1024,
			MaxTokens:        4096,
		}},
		MaxBodyBytes:   1 << 20,
		RequestTimeout: 100 * time.Second,
		PingInterval:   7 * time.Second,
		FirstByte:      9 * time.Second,
		HealthWindow:   8 * time.Second,
		MaxCalls:       5,
		BedrockClient:  settings.BedrockSDK,
		LogLevel:       slog.LevelWarn,
		Listen:         "127.0.0.1:9000",
		DrainTimeout:   50 * time.Second,
		Auth:           settings.Auth{Mode: settings.AuthKeys, Secret: "gateway-keys"},
		Archive:        settings.Archive{Interval: time.Minute},
		Limits:         settings.Default().Limits,
		FeedbackSecret: "feedback",
	}
}

func load(environment map[string]string) (settings.Settings, error) {
	return settings.Load(func(name string) string { return environment[name] })
}

func TestLoadInvertsEncode(t *testing.T) {
	for _, auth := range []settings.Auth{
		valid().Auth,
		{Mode: settings.AuthGateway},
		{Mode: settings.AuthOIDC, Issuer: "https://issuer.example.com", Audience: "gateway", TenantClaim: "org"},
		{Mode: settings.AuthOff, OffReason: "only on the loopback address"},
	} {
		t.Run(auth.Mode, func(t *testing.T) {
			want := valid()
			want.Auth = auth
			got, err := load(want.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestArchiveSettings(t *testing.T) {
	want := valid()
	want.Variant, want.Archive = settings.VariantContainers, settings.Archive{Bucket: "dev-records", Interval: 5 * time.Second}
	got, err := load(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	environment := want.Encode()
	delete(environment, settings.EnvArchiveInterval)
	if got, err = load(environment); err != nil || got.Archive.Interval != time.Minute {
		t.Errorf("the default is %s, %v; want a minute", got.Archive.Interval, err)
	}
}

func TestLimits(t *testing.T) {
	want := valid()
	want.Variant = settings.VariantContainers
	want.Limits = settings.Limits{Concurrency: 7, Queue: 0, QueueWait: time.Minute, HeldBytes: 2 << 20, Tenants: settings.TenantLimits{
		Default:  settings.Quota{RequestsPerMinute: 60, TokensPerMinute: 100_000, Streams: 3},
		ByTenant: map[string]settings.Quota{"arn:aws:iam::111111111111:role/team a": {Streams: 9}, "free": {}},
	}}
	got, err := load(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want.Variant = settings.VariantServerless
	for name := range want.Encode() {
		if name == settings.EnvMaxConcurrency || name == settings.EnvMaxQueue || name == settings.EnvQueueWait || name == settings.EnvMaxHeldBytes {
			t.Errorf("a function is told %s", name)
		}
	}
}

func TestLoadFillsDefaults(t *testing.T) {
	environment := valid().Encode()
	for _, optional := range []string{
		settings.EnvMaxBodyBytes, settings.EnvRequestTimeout, settings.EnvPingInterval, settings.EnvFirstByte, settings.EnvHealthWindow, settings.EnvMaxCalls,
		settings.EnvLogLevel, settings.EnvListen, settings.EnvDrainTimeout, settings.EnvBedrockClient, settings.EnvFeedbackSecret,
	} {
		delete(environment, optional)
	}
	got, err := load(environment)
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Default()
	want.Environment, want.Variant, want.Aliases, want.Auth = got.Environment, got.Variant, got.Aliases, got.Auth
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadNamesEveryProblem(t *testing.T) {
	tests := []struct {
		name string
		set  map[string]string
		want []string
	}{
		{"nothing set", map[string]string{
			settings.EnvEnvironment: "", settings.EnvVariant: "", settings.EnvAliases: "", settings.EnvAuth: "", settings.EnvAuthSecret: "",
		}, []string{"GENAI_ENVIRONMENT: is not set", "GENAI_VARIANT: is \"\"; allowed are serverless", "GENAI_ALIASES: is not set",
			"GENAI_AUTH: is \"\"; allowed are keys, oidc, gateway"}},
		{"tokens of nobody", map[string]string{settings.EnvAuth: "oidc", settings.EnvAuthSecret: ""},
			[]string{`GENAI_AUTH_ISSUER: is ""; allowed is a URL with https`, `GENAI_AUTH_AUDIENCE: is not set`}},
		{"tokens in the clear", map[string]string{settings.EnvAuth: "oidc", settings.EnvAuthSecret: "", settings.EnvAuthIssuer: "http://issuer.example.com",
			settings.EnvAuthAudience: "gateway", settings.EnvAuthJWKSURL: "keys"},
			[]string{`GENAI_AUTH_ISSUER: is "http://issuer.example.com"; allowed is a URL with https`, `GENAI_AUTH_JWKS_URL: is "keys"`}},
		{"keys without a secret", map[string]string{settings.EnvAuthSecret: ""}, []string{"GENAI_AUTH_SECRET: is not set; it is required"}},
		{"off without a reason", map[string]string{settings.EnvAuth: "off", settings.EnvAuthSecret: ""},
			[]string{`GENAI_AUTH_OFF_REASON: is ""; GENAI_AUTH=off needs a reason of at least 10 characters`}},
		{"off with an excuse", map[string]string{settings.EnvAuth: "off", settings.EnvAuthSecret: "", settings.EnvAuthOffReason: "because"},
			[]string{`GENAI_AUTH_OFF_REASON: is "because"`}},
		{"modes that contradict", map[string]string{settings.EnvAuth: "gateway", settings.EnvAuthOffReason: "nobody is there"},
			[]string{`GENAI_AUTH_SECRET: is set, and GENAI_AUTH is "gateway"; it is only for "keys"`, `GENAI_AUTH_OFF_REASON: is set`}},
		{"unknown mode", map[string]string{settings.EnvAuth: "none", settings.EnvAuthSecret: ""}, []string{`GENAI_AUTH: is "none"; allowed are`}},
		{"two at once", map[string]string{
			settings.EnvMaxCalls: "11", settings.EnvPingInterval: "soon",
		}, []string{`GENAI_MAX_CALLS: is "11"; allowed is a whole number from 1 to 10`, `GENAI_PING_INTERVAL: is "soon"; allowed is a duration from 10ms to 1m0s`}},
		{"waits", map[string]string{settings.EnvFirstByte: "500ms", settings.EnvHealthWindow: "1h"},
			[]string{`GENAI_FIRST_BYTE: is "500ms"; allowed is a duration from 1s to 15m0s`, `GENAI_HEALTH_WINDOW: is "1h"; allowed is a duration from 1s to 15m0s`}},
		{"archive of a function", map[string]string{settings.EnvArchiveBucket: "records"},
			[]string{`GENAI_ARCHIVE_BUCKET: is "records", and GENAI_VARIANT is "serverless"; a function cannot keep an archive`}},
		{"archive with wrong values", map[string]string{settings.EnvVariant: "instances", settings.EnvArchiveBucket: "s3://records", settings.EnvArchiveInterval: "2m"},
			[]string{`GENAI_ARCHIVE_BUCKET: is "s3://records"; allowed is the name of an S3 bucket`,
				`GENAI_ARCHIVE_INTERVAL: is "2m"; allowed is a duration from 1s to 1m0s`}},
		{"archive interval without a bucket", map[string]string{settings.EnvVariant: "containers", settings.EnvArchiveInterval: "30s"},
			[]string{`GENAI_ARCHIVE_INTERVAL: is set, and GENAI_ARCHIVE_BUCKET is not`}},
		{"limits", map[string]string{settings.EnvMaxConcurrency: "0", settings.EnvMaxQueue: "-1", settings.EnvQueueWait: "2m", settings.EnvMaxHeldBytes: "4096"},
			[]string{`GENAI_MAX_CONCURRENCY: is "0"; allowed is a whole number from 1`, `GENAI_MAX_QUEUE: is "-1"; allowed is a whole number from 0`,
				`GENAI_QUEUE_WAIT: is "2m"; allowed is a duration from 0s to 1m0s`, `GENAI_MAX_HELD_BYTES: is 4096, less than one body may have (GENAI_MAX_BODY_BYTES is 1048576)`}},
		{"limits of tenants", map[string]string{settings.EnvTenantLimits: `{"default":{"streams":-1},"byTenant":{"a":{"tokensPerMinute":2000000000}}}`},
			[]string{`GENAI_TENANT_LIMITS: default has -1; allowed is a whole number from 0`, `GENAI_TENANT_LIMITS: byTenant["a"] has 2000000000;`}},
		{"limits of tenants, misspelt", map[string]string{settings.EnvTenantLimits: `{"default":{"stream":1}}`},
			[]string{`GENAI_TENANT_LIMITS: is not a JSON object of limits: json: unknown field "stream"`}},
		{"traces to nowhere", map[string]string{settings.EnvTracingEndpoint: "collector:4318", settings.EnvTracingSampler: "parentbased_traceidratio", settings.EnvTracingShare: "NaN"},
			[]string{`OTEL_EXPORTER_OTLP_ENDPOINT: is "collector:4318"; allowed is a URL`, `OTEL_TRACES_SAMPLER_ARG: is "NaN"; allowed is a number from 0 to 1`}},
		{"unknown variant", map[string]string{settings.EnvVariant: "mainframe"}, []string{`GENAI_VARIANT: is "mainframe"`}},
		{"client", map[string]string{settings.EnvBedrockClient: "slow"}, []string{`GENAI_BEDROCK_CLIENT: is "slow"; allowed are fast, sdk`}},
		{"level", map[string]string{settings.EnvLogLevel: "loud"}, []string{`GENAI_LOG_LEVEL: is "loud"; allowed are debug`}},
		{"address", map[string]string{settings.EnvListen: "8080"}, []string{`GENAI_LISTEN: is "8080"`}},
		{"aliases not JSON", map[string]string{settings.EnvAliases: "haiku"}, []string{"GENAI_ALIASES: is not a JSON list"}},
		{"aliases empty", map[string]string{settings.EnvAliases: "[]"}, []string{"GENAI_ALIASES: is empty"}},
		{"profiles of nobody", map[string]string{settings.EnvAliases: `[{"name":"a","targets":[
			{"model":"m","region":"us-east-1","profile":"06vsfs68yb4g"},
			{"model":"m","region":"us-east-1","profile":"arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/06vsfs68yb4g"},
			{"model":"m","region":"us-east-1","profile":"arn:aws:bedrock:us-east-1:123456789012:inference-profile/m"}],"defaultMaxTokens":1,"maxTokens":1}]`},
			[]string{`GENAI_ALIASES[0]: targets[0].profile is "06vsfs68yb4g"; allowed is the ARN of an application inference profile in us-east-1`,
				`GENAI_ALIASES[0]: targets[1].profile is "arn:aws:bedrock:us-west-2:`, `GENAI_ALIASES[0]: targets[2].profile is "arn:aws:bedrock:us-east-1:123456789012:inference-profile/m"`}},
		{"unknown member", map[string]string{settings.EnvAliases: `[{"name":"a","limit":1}]`}, []string{`unknown field "limit"`}},
		{"alias twice, incomplete", map[string]string{settings.EnvAliases: `[{"name":"a","targets":[{"model":"m"}],"defaultMaxTokens":2,"maxTokens":1},{"name":"a","defaultMaxTokens":1,"maxTokens":1}]`},
			[]string{"GENAI_ALIASES[0]: targets[0] needs both model and region", "GENAI_ALIASES[0]: needs 1 <= defaultMaxTokens <= maxTokens; got 2 and 1", `names "a" twice`, `GENAI_ALIASES[1]: "a" has no targets`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			environment := valid().Encode()
			for name, value := range tt.set {
				environment[name] = value
			}
			_, err := load(environment)
			if err == nil {
				t.Fatal("loaded without an error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			if got := strings.Count(err.Error(), "\n") + 1; got != len(tt.want) {
				t.Errorf("%d problems were named, want %d:\n%v", got, len(tt.want), err)
			}
		})
	}
}

func TestProfileOf(t *testing.T) {
	const rest = ":123456789012:application-inference-profile/06vsfs68yb4g"
	for text, region := range map[string]string{"arn:aws:bedrock:us-east-1" + rest: "us-east-1", "arn:aws-us-gov:bedrock:us-gov-west-1" + rest: "us-gov-west-1"} {
		if !settings.ProfileOf(text, region) {
			t.Errorf("%s is none of %s", text, region)
		}
	}
	for _, text := range []string{"", "us-east-1" + rest, "arn:aws:bedrock:us-west-2" + rest, "arn:aws:s3:us-east-1" + rest, "arn:aws-:bedrock:us-east-1" + rest,
		"arn:awsome:bedrock:us-east-1" + rest, "Arn:aws:bedrock:us-east-1" + rest, "arn:aws:bedrock:us-east-1" + rest + ":1", "arn:aws:bedrock:us-east-1" + rest + "/1",
		"arn:aws:bedrock:us-east-1:12345678901:application-inference-profile/a", "arn:aws:bedrock:us-east-1:12345678901x:application-inference-profile/a",
		"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/a"} {
		if settings.ProfileOf(text, "us-east-1") {
			t.Errorf("%q is one of us-east-1", text)
		}
	}
	if settings.ProfileOf("arn:aws:bedrock:"+rest, "") {
		t.Error("one of no Region is of none")
	}
}

func TestFirstByteAtWorst(t *testing.T) {
	at := func(regions ...string) (a settings.Alias) {
		for _, region := range regions {
			a.Targets = append(a.Targets, settings.Target{Model: "m", Region: region})
		}
		return a
	}
	tests := []struct {
		name    string
		aliases []settings.Alias
		timeout time.Duration
		want    time.Duration
	}{
		{"a target in each Region", []settings.Alias{at("us-east-1"), at("us-east-1", "us-west-2")}, time.Hour, 20 * time.Second},
		{"two in one", []settings.Alias{at("us-east-1", "us-west-2", "us-east-1"), at("us-east-1")}, time.Hour, 40 * time.Second},
		{"more than are called", []settings.Alias{at("us-east-1", "us-east-1", "us-east-1", "us-east-1")}, time.Hour, time.Minute},
		{"the answer's time is shorter", []settings.Alias{at("us-east-1", "us-east-1")}, 30 * time.Second, 30 * time.Second},
	}
	for _, tt := range tests {
		s := settings.Settings{Aliases: tt.aliases, MaxCalls: 3, FirstByte: 20 * time.Second, RequestTimeout: tt.timeout}
		if got := s.FirstByteAtWorst(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// What a program must be allowed to read is what it is told of.
func TestSecrets(t *testing.T) {
	s := valid()
	if diff := cmp.Diff([]string{"gateway-keys", "feedback"}, s.Secrets()); diff != "" {
		t.Error(diff)
	}
	s.Auth.Mode, s.FeedbackSecret = settings.AuthOIDC, ""
	if got := s.Secrets(); len(got) > 0 {
		t.Errorf("without keys and feedback: %q", got)
	}
}

func TestTracingSettings(t *testing.T) {
	want := valid()
	want.Tracing = settings.Tracing{Endpoint: "http://127.0.0.1:4318", Share: 0.25}
	environment := want.Encode()
	got, err := load(environment)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if environment["OTEL_TRACES_SAMPLER"] != "parentbased_traceidratio" || environment["OTEL_TRACES_SAMPLER_ARG"] != "0.25" {
		t.Errorf("the SDK is told %v", environment)
	}
	delete(environment, settings.EnvTracingShare)
	if got, err = load(environment); err != nil || got.Tracing.Share != 1 {
		t.Errorf("the default is %v, %v; want all", got.Tracing.Share, err)
	}
	environment[settings.EnvTracingSampler], environment[settings.EnvTracingShare] = "always_off", "whatever"
	if _, err = load(environment); err != nil {
		t.Errorf("another sampler is the SDK's: %v", err)
	}
}
