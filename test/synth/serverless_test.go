package synth

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// direct is an environment without an API, on every kind of model id but the global one.
const direct = `account: "123456789012"
regions: [us-west-2]
models:
  mixed:
    targets:
      - model: us.anthropic.claude-haiku-5-5
      - {model: amazon.nova-lite-v1:0, region: us-east-1}
      - {model: eu.anthropic.claude-opus-5-5, region: eu-west-1, destinations: [eu-west-1, eu-central-1]}
serverless: {memory: heavy, reservedConcurrency: 7}
gateway: {streamBudget: 500s, maxCalls: 4}
`

// keyed is an environment whose API asks nobody for a signature and whose program asks for a key.
const keyed = `account: "123456789012"
regions: [us-west-2]
serverless: {api: {authorizer: none}}
auth: {mode: keys, secret: team/gateway-keys}
`

// cases are the environments whose templates are looked at, with what each must come to.
func cases(t *testing.T) []serverlessCase {
	t.Helper()
	return []serverlessCase{
		{environment: shipped(t, "dev"), memory: 512, timeout: 300, authorization: "AWS_IAM", removal: "Delete"},
		{environment: shipped(t, "prod"), memory: 1024, timeout: 220, authorization: "NONE", removal: "Retain"},
		{environment: shipped(t, "local"), memory: 1024, timeout: 300, authorization: "NONE", removal: "Delete"},
		{environment: written(t, "direct", direct), memory: 3008, timeout: 510, reserved: 7.0, removal: "Delete"},
		{environment: written(t, "keyed", keyed), memory: 1024, timeout: 300, authorization: "NONE", removal: "Delete"},
	}
}

type serverlessCase struct {
	environment     environment.Environment
	memory, timeout float64 // MB, seconds
	reserved        any     // nil for none
	authorization   string  // of every method; empty for no API
	removal         string  // of logs and versions
}

func (c serverlessCase) stage() string {
	return c.environment.StageName(c.environment.Regions[0])
}

// each synthesizes all cases at once and runs a test for each.
func each(t *testing.T, test func(t *testing.T, c serverlessCase, tp template)) {
	t.Helper()
	all := cases(t)
	var environments []environment.Environment
	for _, c := range all {
		environments = append(environments, c.environment)
	}
	out := synthesize(t, stub(t), environments...)
	for _, c := range all {
		t.Run(c.environment.Name, func(t *testing.T) { test(t, c, templateOf(t, out, c.stage())) })
	}
}

func TestGoldens(t *testing.T) {
	each(t, func(t *testing.T, c serverlessCase, tp template) {
		golden(t, c.environment.Name, tp.summary(t))
	})
}

func TestFunction(t *testing.T) {
	each(t, func(t *testing.T, c serverlessCase, tp template) {
		tp = tp.withoutRollout()
		fn := tp.only(t, "AWS::Lambda::Function")
		want := map[string]any{
			"Runtime": "provided.al2023", "Architectures": []any{"arm64"}, "Handler": "bootstrap",
			"MemorySize": c.memory, "Timeout": c.timeout, "ReservedConcurrentExecutions": c.reserved,
		}
		for name, property := range want {
			if diff := cmp.Diff(property, fn.Properties[name]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if got := fn.Properties["LoggingConfig"].(map[string]any)["LogFormat"]; got != "JSON" {
			t.Errorf("log format is %v", got)
		}
		if got := fn.Metadata[settings.BinaryMetadata]; got != stacks.LambdaPackage {
			t.Errorf("metadata %s is %v, want %s", settings.BinaryMetadata, got, stacks.LambdaPackage)
		}
		if got := tp.only(t, "AWS::Lambda::Alias").Properties["Name"]; got != "live" {
			t.Errorf("alias is %v", got)
		}
		logs := tp.only(t, "AWS::Logs::LogGroup")
		if got := logs.Properties["RetentionInDays"]; got != float64(c.environment.Serverless.LogRetention) {
			t.Errorf("logs are kept %v days, want %d", got, c.environment.Serverless.LogRetention)
		}
		for _, r := range []resource{logs, tp.only(t, "AWS::Lambda::Version")} {
			if r.DeletionPolicy != c.removal {
				t.Errorf("%s: deletion policy is %q, want %q", r.Type, r.DeletionPolicy, c.removal)
			}
		}
	})
}

func TestProgramReadsWhatTheEnvironmentSays(t *testing.T) {
	each(t, func(t *testing.T, c serverlessCase, tp template) {
		variables := variablesOf(tp.withoutRollout().only(t, "AWS::Lambda::Function"))
		got, err := settings.Load(func(name string) string { return variables[name] })
		if err != nil {
			t.Fatal(err)
		}
		want := c.environment.Settings("serverless", c.environment.Regions[0])
		if want.Auth.Mode == settings.AuthKeys && want.Auth.Secret == "" {
			want.Auth.Secret = variables[settings.EnvAuthSecret] // that of another stack; TestSecret… looks at it
		}
		if want.FeedbackSecret = variables[settings.EnvFeedbackSecret]; c.environment.Gateway.Feedback != (want.FeedbackSecret != "") {
			t.Errorf("told of the feedback secret %q", want.FeedbackSecret) // TestFeedbackSecret looks at which
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEveryEndpointHasItsMethodAndTheRestIsTaken(t *testing.T) {
	each(t, func(t *testing.T, c serverlessCase, tp template) {
		want := map[string]string{}
		if c.authorization != "" {
			for _, path := range []string{"", "/v1", "/v1/chat", "/{proxy+}"} {
				want["ANY "+path] = "buffered"
			}
			for _, e := range endpoint.All() {
				want["ANY "+e.Path] = "buffered"
				want[e.Method+" "+e.Path] = "buffered"
				if e.Streams {
					want[e.Method+" "+e.Path] = fmt.Sprintf("streams for %vs", c.timeout)
				}
			}
		}
		got := map[string]string{}
		for _, method := range tp.all("AWS::ApiGateway::Method") {
			name := fmt.Sprintf("%v %s", method.Properties["HttpMethod"], tp.path(method.Properties["ResourceId"]))
			got[name] = transfer(t, method)
			if authorization := method.Properties["AuthorizationType"]; authorization != c.authorization {
				t.Errorf("%s: authorization is %v, want %s", name, authorization, c.authorization)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// transfer says how a method hands on the answer, by all three signs of it.
func transfer(t *testing.T, method resource) string {
	t.Helper()
	integration := method.Properties["Integration"].(map[string]any)
	uri := compact(t, integration["Uri"])
	streams := strings.Contains(uri, "/response-streaming-invocations")
	if streams != (integration["ResponseTransferMode"] == "STREAM") || integration["Type"] != "AWS_PROXY" {
		t.Errorf("an integration contradicts itself: %v", integration)
	}
	if !strings.Contains(uri, "GatewayAlias") {
		t.Errorf("an integration does not call the alias: %s", uri)
	}
	milliseconds, limited := integration["TimeoutInMillis"].(float64)
	switch {
	case streams:
		return fmt.Sprintf("streams for %vs", milliseconds/1000)
	case limited:
		return fmt.Sprintf("buffered for %vs", milliseconds/1000)
	}
	return "buffered"
}

func TestOutputs(t *testing.T) {
	each(t, func(t *testing.T, c serverlessCase, tp template) {
		want := map[string]bool{stacks.OutputFunctionName: true, stacks.OutputAliasARN: true}
		if c.authorization != "" {
			want[stacks.OutputURL] = true
		}
		got := map[string]bool{}
		for name := range tp.Outputs {
			got[name] = got[name] || !forStacks(name)
		}
		maps.DeleteFunc(got, func(_ string, told bool) bool { return !told })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNothingChangesTheWholeAccount(t *testing.T) {
	each(t, func(t *testing.T, _ serverlessCase, tp template) {
		if found := tp.all("AWS::ApiGateway::Account"); len(found) > 0 {
			t.Errorf("the template sets API Gateway's logging role for the account: %v", found)
		}
	})
}

func TestOpenApiSaysWhy(t *testing.T) {
	local, keyed := shipped(t, "local"), written(t, "keyed", keyed)
	both := written(t, "both", "account: \"123456789012\"\nregions: [us-west-2]\n"+
		"serverless: {api: {authorizer: none, reason: a word of the API itself}}\nauth: {mode: keys}\n")
	out := synthesize(t, stub(t), local, keyed, both)
	for stage, want := range map[string]string{
		"local-us-east-1": local.Auth.Reason, "keyed-us-west-2": "API key", "both-us-west-2": both.Serverless.API.Reason,
	} {
		got := templateOf(t, out, stage).only(t, "AWS::ApiGateway::RestApi").Properties["Description"].(string)
		if !strings.Contains(got, want) {
			t.Errorf("%s: description %q does not say %q", stage, got, want)
		}
	}
}

// The role may read the secret that the program is told of, and no other; the secret that the stack makes has no value
// that a deployment could put back.
func TestKeysAreReadFromOneSecret(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:"
	// The secret outlives the variants and is theirs together, so it is in a stack of its own.
	published := func(name string) string {
		return `{"Fn::GetStackOutput":{"OutputName":"PublishOutputRefKeys4E30B592DE021FD9","Region":"us-west-2","StackName":"` + name + `-us-west-2-data"}}`
	}
	tests := []struct {
		name, auth, production string
		told, resource         string // as JSON
		made                   string // deletion policy of the secret; empty: none is made
	}{
		{"named", "{mode: keys, secret: team/keys}", "false", `"team/keys"`, arn + "team/keys-??????", ""},
		{"arn", "{mode: keys, secret: \"" + arn + "keys-AbCdEf\"}", "false", `"` + arn + `keys-AbCdEf"`, arn + "keys-AbCdEf", ""},
		{"made", "{mode: keys}", "false", published("made"), published("made"), "Delete"},
		{"kept", "{mode: keys}", "true", published("kept"), published("kept"), "Retain"},
		{"iam", "{mode: iam}", "false", "null", "", ""},
	}
	var environments []environment.Environment
	for _, tt := range tests {
		authorizer := map[bool]string{true: "none", false: "iam"}[strings.Contains(tt.auth, "keys")]
		environments = append(environments, written(t, tt.name, "account: \"123456789012\"\nregions: [us-west-2]\nproduction: "+
			tt.production+"\nserverless: {api: {authorizer: "+authorizer+"}}\nauth: "+tt.auth+"\n"))
	}
	out := synthesize(t, stub(t), environments...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp := templateOf(t, out, tt.name+"-us-west-2").withoutRollout()
			variables := tp.only(t, "AWS::Lambda::Function").Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			if got := compact(t, variables[settings.EnvAuthSecret]); got != tt.told {
				t.Errorf("the program is told %s, want %s", got, tt.told)
			}
			var reads []statement
			for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
				if strings.Contains(compact(t, s), "secretsmanager") {
					reads = append(reads, s)
				}
			}
			var want []statement
			if tt.resource != "" {
				want = []statement{{Effect: "Allow", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{tt.resource}}}
			}
			if diff := cmp.Diff(want, reads); diff != "" {
				t.Error(diff)
			}
			files, err := filepath.Glob(filepath.Join(out, "assembly-"+tt.name+"-us-west-2", "*data*.template.json"))
			if err != nil || len(files) > 0 != (tt.made != "") {
				t.Fatalf("stacks of data are %v (%v)", files, err)
			}
			if tt.made == "" {
				return
			}
			data := stackOf(t, out, tt.name+"-us-west-2", "data")
			_, told := data.Outputs[stacks.OutputKeysSecretARN]
			made := data.all("AWS::SecretsManager::Secret")
			if !told || len(made) != 1 {
				t.Fatalf("%d secrets are made, output %t", len(made), told)
			}
			for _, secret := range made {
				properties := compact(t, secret.Properties)
				if secret.DeletionPolicy != tt.made || strings.Contains(properties, "SecretString") {
					t.Errorf("the secret is %s %s", secret.DeletionPolicy, properties)
				}
			}
		})
	}
}

func TestStageForEveryRegion(t *testing.T) {
	e := written(t, "two", "account: \"123456789012\"\nregions: [us-east-1, us-west-2]\nproduction: true\n"+
		"tags: {team: blue}\nserverless: {}\n")
	out := synthesize(t, stub(t), e)
	for _, region := range e.Regions {
		stage := "two-" + region
		tp := templateOf(t, out, stage)
		variables := variablesOf(tp.withoutRollout().only(t, "AWS::Lambda::Function"))
		if !strings.Contains(variables[settings.EnvAliases], region) {
			t.Errorf("%s: models are called elsewhere: %s", stage, variables[settings.EnvAliases])
		}
		var manifest struct {
			Artifacts map[string]struct {
				Type        string
				Environment string
				Properties  struct {
					StackName             string
					TerminationProtection bool
					Tags                  map[string]string
				}
			}
		}
		readJSON(t, filepath.Join(out, "assembly-"+stage, "manifest.json"), &manifest)
		found := false
		for _, artifact := range manifest.Artifacts {
			if artifact.Type != "aws:cloudformation:stack" {
				continue
			}
			found = true
			got, err := json.Marshal(artifact)
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf(`{"Type":"aws:cloudformation:stack","Environment":"aws://123456789012/%s","Properties":{"StackName":"%s-serverless",`+
				`"TerminationProtection":true,"Tags":{"environment":"two","lifecycle":"kept","project":"genai-pipeline","team":"blue"}}}`, region, stage)
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Error(diff)
			}
		}
		if !found {
			t.Errorf("%s has no stack", stage)
		}
	}
}

func TestMoreModelsThanARoleCanBeGivenIsAnError(t *testing.T) {
	text := "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {}\nmodels:\n  all:\n    targets:\n"
	for _, model := range []string{"haiku-5-5", "sonnet-5-5", "opus-5-5", "opus-5"} {
		for _, region := range []string{"us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-west-2"} {
			text += fmt.Sprintf("      - {model: global.anthropic.claude-%s, region: %s}\n", model, region)
		}
	}
	e := written(t, "all", text)
	err := stacks.Build(newApp(t, t.TempDir()), []environment.Environment{e}, stub(t))
	want := "all-us-east-1: " + e.File + ": models: 20 targets make a policy of "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
}

// Where answers are rated, Secrets Manager makes a secret up, which is in no template, and the program may read it whatever
// the way it knows its callers.
func TestFeedbackSecret(t *testing.T) {
	rest := "\naccount: \"123456789012\"\nregions: [us-west-2]\nserverless: {api: {}}\nauth: {mode: iam}\n"
	out := synthesize(t, stub(t), written(t, "rated", "gateway: {feedback: true}"+rest), written(t, "unrated", "gateway: {}"+rest))
	secret := stackOf(t, out, "rated-us-west-2", "data").only(t, "AWS::SecretsManager::Secret").Properties
	want := map[string]any{"Description": "What the inference gateway makes feedback ids with",
		"GenerateSecretString": map[string]any{"PasswordLength": 64.0, "ExcludePunctuation": true}}
	delete(secret, "Tags")
	if diff := cmp.Diff(want, secret); diff != "" {
		t.Error(diff)
	}
	for name, feedback := range map[string]bool{"rated": true, "unrated": false} {
		tp := templateOf(t, out, name+"-us-west-2")
		told := compact(t, at(tp.only(t, "AWS::Lambda::Function").Properties, "Environment", "Variables", settings.EnvFeedbackSecret))
		var reads []string
		for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
			if slices.Contains(s.Actions, "secretsmanager:GetSecretValue") {
				reads = append(reads, s.Resources...)
			}
		}
		if feedback != strings.Contains(told, "PublishOutputRefFeedback") || feedback != slices.Equal(reads, []string{told}) {
			t.Errorf("%s: the program is told %s and may read %v", name, told, reads)
		}
	}
}

// Where requests are traced, the programs that can do so are deployed and told where to; elsewhere those that start sooner.
func TestTracedProgram(t *testing.T) {
	rest := "\naccount: \"123456789012\"\nregions: [us-west-2]\nserverless: {}\nauth: {mode: iam}\n"
	out := synthesize(t, stub(t), written(t, "traced", "tracing: {endpoint: \"http://127.0.0.1:4318\", share: 25}"+rest), written(t, "untraced", "gateway: {}"+rest))
	for name, want := range map[string][]string{
		"traced":   {stacks.TracedLambdaPackage, "http://127.0.0.1:4318", "parentbased_traceidratio", "0.25"},
		"untraced": {stacks.LambdaPackage, "", "", ""},
	} {
		fn := templateOf(t, out, name+"-us-west-2").only(t, "AWS::Lambda::Function")
		variables := variablesOf(fn)
		got := []string{fn.Metadata[settings.BinaryMetadata].(string), variables["OTEL_EXPORTER_OTLP_ENDPOINT"], variables["OTEL_TRACES_SAMPLER"], variables["OTEL_TRACES_SAMPLER_ARG"]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
