package environment_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// bad is the table of files that are refused. Where a JSON Schema can say why, the schema must refuse them too.
var bad = []struct {
	name   string
	text   string
	want   []string // line: message, in order; the message may be cut short at …
	beyond bool     // a schema cannot express it
}{
	{"unknown key", minimal + "prodution: true\n", []string{
		`4: prodution: is not a known key (did you mean "production"?); known here are account, auth, gateway, models, production, regions, serverless, tags; correct or remove it`}, false},
	{"unknown inner key", minimal + "gateway:\n  maxcalls: 3\n", []string{`5: gateway.maxcalls: is not a known key (did you mean "maxCalls"?)…`}, false},
	{"unknown key of a target", minimal + "models: {a: {targets: [{model: amazon.nova-lite-v1:0, regions: x}]}}\n", []string{
		`4: models.a.targets[0].regions: is not a known key (did you mean "region"?)…`}, false},
	{"double key", minimal + "account: \"123456789012\"\n", []string{`4: account: is written twice, first on line 1; remove one`}, true},
	{"missing account", "regions: [us-east-1]\nserverless: {}\n", []string{`1: account: is missing; it is required; add it`}, false},
	{"account without quotes", "account: 123456789012\nregions: [us-east-1]\nserverless: {}\n", []string{
		`1: account: is the number 123456789012; allowed is text in quotes`}, false},
	{"account too short", "account: \"12345\"\nregions: [us-east-1]\nserverless: {}\n", []string{
		`1: account: is "12345"; allowed is twelve digits in quotes, such as "123456789012"`}, false},
	{"nothing to deploy", "account: \"123456789012\"\nregions: [us-east-1]\n", []string{`1: serverless: is missing, so nothing would be deployed; …`}, false},
	{"empty block", "account: \"123456789012\"\nregions: [us-east-1]\nserverless:\n", []string{`3: serverless: is empty; allowed is a mapping of keys to values`}, false},
	{"no Region", "account: \"123456789012\"\nregions: []\nserverless: {}\n", []string{`2: regions: is an empty list; …`}, false},
	{"Region in words", "account: \"123456789012\"\nregions: [Virginia]\nserverless: {}\n", []string{
		`2: regions[0]: is "Virginia"; allowed is a commercial Region such as "us-east-1"`}, false},
	{"Region of another partition", "account: \"123456789012\"\nregions: [us-gov-west-1]\nserverless: {}\n", []string{`2: regions[0]: is "us-gov-west-1"; …`}, false},
	{"Region twice", "account: \"123456789012\"\nregions: [us-east-1, us-east-1]\nserverless: {}\n", []string{
		`2: regions[1]: is "us-east-1" a second time; remove one`}, false},
	{"regions as text", "account: \"123456789012\"\nregions: us-east-1\nserverless: {}\n", []string{`2: regions: is the text "us-east-1"; allowed is a list`}, false},
	{"truth as text", minimal + "production: \"yes\"\n", []string{`4: production: is the text "yes"; allowed is true or false`}, false},
	{"tag of AWS", minimal + "tags: {\"aws:x\": y}\n", []string{`4: tags.aws:x: is no tag key; …`}, false},
	{"tag as number", minimal + "tags: {cost: 42}\n", []string{`4: tags.cost: is the number 42; allowed is text in quotes`}, false},
	{"no models", minimal + "models: {}\n", []string{`4: models: names no model; name one, or remove the key for the defaults haiku, sonnet, opus`}, false},
	{"alias in capitals", minimal + "models: {Haiku: {targets: [{model: amazon.nova-lite-v1:0}], maxTokens: 5000}}\n", []string{
		`4: models.Haiku: is no alias; allowed are small letters, digits and -, the first a letter`}, false},
	{"no targets", minimal + "models: {haiku: {maxTokens: 10}}\n", []string{`4: models.haiku.targets: is missing; it is required; add it`}, false},
	{"no model", minimal + "models: {haiku: {targets: [{region: us-east-1}]}}\n", []string{`4: models.haiku.targets[0].model: is missing; …`}, false},
	{"unknown model", minimal + "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-6}]}}\n", []string{
		`4: models.haiku.targets[0].model: is "global.anthropic.claude-haiku-5-6": the model is not in the catalog; near ids are global.anthropic.claude-haiku-5-5…`}, true},
	{"model without profile", minimal + "models: {haiku: {targets: [{model: anthropic.claude-haiku-5-5}]}}\n", []string{
		`4: models.haiku.targets[0].model: is "anthropic.claude-haiku-5-5": the model cannot be called by its own id; use one of global.anthropic.claude-haiku-5-5, us.…`}, true},
	{"dead model", minimal + "models:\n  haiku:\n    targets:\n      - model: anthropic.claude-3-haiku-20240307-v1:0\n", []string{
		`7: models.haiku.targets[0].model: is "anthropic.claude-3-haiku-20240307-v1:0", whose end of life was 2026-09-10: Bedrock refuses it; write "global.anthropic.claude-haiku-…`}, true},
	{"dead model of a geography", minimal + "models: {sonnet: {targets: [{model: us.anthropic.claude-3-sonnet-20240229-v1:0}]}}\n", []string{
		`4: models.sonnet.targets[0].model: is "us.anthropic.claude-3-sonnet-20240229-v1:0", whose end of life was 2026-07-30: Bedrock refuses it; write "us.anthropic.claude-sonnet-5-5"`}, true},
	{"geography of unknown Regions", minimal + "models: {opus: {targets: [{model: eu.anthropic.claude-opus-5-5, region: eu-west-1}]}}\n", []string{
		`4: models.opus.targets[0].destinations: is missing, and the catalog does not know to which Regions "eu.anthropic.claude-opus-5-5" may be routed; add the Regions that aws bedrock get-inference-profile …`}, true},
	{"destinations of a global profile", minimal + "models: {opus: {targets: [{model: global.anthropic.claude-opus-5-5, destinations: [us-east-1]}]}}\n", []string{
		`4: models.opus.targets[0].destinations: is only for a geography profile, and "global.anthropic.claude-opus-5-5" is none; remove it`}, true},
	{"default over the most", minimal + "models:\n  haiku:\n    targets: [{model: global.anthropic.claude-haiku-5-5}]\n    maxTokens: 100\n    defaultMaxTokens: 200\n", []string{
		`8: models.haiku.defaultMaxTokens: is 200, more than maxTokens, which is 100; lower it or raise maxTokens`}, true},
	{"more tokens than the model can", minimal + "models: {nova: {targets: [{model: amazon.nova-lite-v1:0}], maxTokens: 32000}}\n", []string{
		`4: models.nova.maxTokens: is 32000, more than the 5000 that a target's model can write; lower it`}, true},
	{"no tokens", minimal + "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-5}], maxTokens: 0}}\n", []string{
		`4: models.haiku.maxTokens: is 0; allowed is a whole number from 1 to 1000000`}, false},
	{"tokens as text", minimal + "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-5}], maxTokens: \"9\"}}\n", []string{
		`4: models.haiku.maxTokens: is the text "9"; allowed is a whole number from 1 to 1000000`}, false},
	{"too many aliases", minimal + "models:\n" + manyAliases(40), []string{`4: models: make …`}, true},
	{"memory in megabytes", minimal[:len(minimal)-3] + "{memory: 1024}\n", []string{`3: serverless.memory: is the number 1024; allowed is text in quotes`}, false},
	{"unknown memory", minimal[:len(minimal)-3] + "{memory: huge}\n", []string{`3: serverless.memory: is "huge"; allowed are light, standard, heavy`}, false},
	{"timeout as number", minimal[:len(minimal)-3] + "{timeout: 300}\n", []string{`3: serverless.timeout: is the number 300; …`}, false},
	{"timeout too long", minimal[:len(minimal)-3] + "{timeout: 16m}\n", []string{
		`3: serverless.timeout: is "16m"; allowed is a duration from 1s to 15m0s, such as "90s"`}, true},
	{"timeout in fractions", minimal[:len(minimal)-3] + "{timeout: 300.5s}\n", []string{`3: serverless.timeout: is 5m0.5s; allowed are whole seconds`}, true},
	{"function ends before the gateway", minimal[:len(minimal)-3] + "{timeout: 60s}\n", []string{
		`1: gateway.requestTimeout: is 4m50s, not less than serverless.timeout, which is 1m0s: …`}, true},
	{"retention nobody offers", minimal[:len(minimal)-3] + "{logRetention: 31}\n", []string{`3: serverless.logRetention: is 31 days; CloudWatch allows 1 3 5 7 14 30 …`}, false},
	{"no concurrency", minimal[:len(minimal)-3] + "{reservedConcurrency: 0}\n", []string{`3: serverless.reservedConcurrency: is 0; …`}, false},
	{"open API without a reason", minimal[:len(minimal)-3] + "{api: {authorizer: none}}\n", []string{
		`3: serverless.api.authorizer: is "none", and so is all that auth.mode "iam" relies on: every request would be refused; …`}, false},
	{"open API with auth by IAM", open + "auth: {mode: iam}\n", []string{`3: serverless.api.authorizer: is "none", and so is …`}, false},
	{"auth without a mode", minimal + "auth: {}\n", []string{`4: auth.mode: is missing; it is required; add it`}, false},
	{"unknown auth", open + "auth: {mode: key}\n", []string{`3: serverless.api.authorizer: …`, `4: auth.mode: is "key"; allowed are keys, oidc, iam, off (did you mean "keys"?)`}, false},
	{"auth off without a reason", open + "auth:\n  mode: off\n", []string{`4: auth.reason: is missing; with mode: off anyone …`}, false},
	{"auth off with an excuse", open + "auth: {mode: off, reason: test}\n", []string{`4: auth.reason: is "test"; allowed is a sentence of at least 20 characters`}, false},
	{"auth off in production", open + "production: true\nauth: {mode: off, reason: it is behind a firewall of ours}\n", []string{
		`5: auth.mode: is "off", and production is true; write "iam", "keys" or "oidc"`}, false},
	{"keys that nobody can show", minimal + "auth: {mode: keys}\n", []string{`4: auth.mode: is "keys", and a function without an API is shown neither …`}, false},
	{"secret without keys", minimal + "auth: {mode: iam, secret: mine}\n", []string{`4: auth.secret: is only for mode: keys; remove it`}, false},
	{"reason with keys", open + "auth: {mode: keys, reason: it is behind a firewall of ours}\n", []string{`4: auth.reason: is only for mode: off; remove it`}, false},
	{"tokens of nobody", open + "auth: {mode: oidc}\n", []string{`4: auth.issuer: is missing; mode: oidc requires it; add it`, `4: auth.audience: is missing; …`}, false},
	{"issuer in the clear", open + "auth: {mode: oidc, issuer: \"http://a.example\", audience: a}\n", []string{
		`4: auth.issuer: is "http://a.example"; allowed is a URL such as "https://issuer.example.com"`}, false},
	{"audience with keys", open + "auth: {mode: keys, audience: a}\n", []string{`4: auth.audience: is only for mode: oidc; remove it`}, false},
	{"tokens beside signatures", minimal[:len(minimal)-3] + "{api: {}}\nauth: {mode: oidc, issuer: \"https://a.example\", audience: a}\n", []string{
		`4: auth.mode: is "oidc", and serverless.api.authorizer "iam" leaves no room for a token: …`}, false},
	{"no name of a secret", open + "auth: {mode: keys, secret: \"my secret\"}\n", []string{
		`4: auth.secret: is "my secret"; allowed is the name of a secret, or its whole ARN`}, false},
	{"secret of another Region", open + "auth:\n  mode: keys\n  secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf\n", []string{
		`6: auth.secret: is in eu-west-1, and regions has us-east-1; give the name of a secret that is in every Region`}, true},
	{"open API with an excuse", minimal[:len(minimal)-3] + "{api: {authorizer: none, reason: test}}\n", []string{
		`3: serverless.api.reason: is "test"; allowed is a sentence of at least 20 characters`, `3: serverless.api.authorizer: is "none", and so is …`}, false},
	{"reason without need", minimal[:len(minimal)-3] + "{api: {reason: it is behind a firewall of ours}}\n", []string{
		`3: serverless.api.reason: is only for authorizer: none; remove it`}, false},
	{"unknown log level", minimal + "gateway: {logLevel: trace}\n", []string{`4: gateway.logLevel: is "trace"; allowed are debug, info, warn, error`}, false},
	{"too many calls", minimal + "gateway: {maxCalls: 11}\n", []string{`4: gateway.maxCalls: is 11; allowed is a whole number from 1 to 10`}, false},
	{"two problems at once, by line", "account: 5\nregions: [moon]\nserverless:\n  memory: huge\n  extra: 1\n", []string{
		`1: account: is the number 5; …`, `2: regions[0]: is "moon"; …`, `4: serverless.memory: is "huge"; …`, `5: serverless.extra: is not a known key…`}, false},
	{"empty file", "# nothing yet\n", []string{`1: is empty; start from another environment's file`}, false},
	{"a list", "- a\n", []string{`1: is a list; allowed is a mapping of keys to values`}, false},
	{"not YAML", "account: \"1\nregions: [\n", []string{`3: is not YAML: found unexpected end of stream; correct this line or the one before`}, true},
	{"two documents", minimal + "---\nmore: 1\n", []string{`4: starts a second document; allowed is one; remove the line ---`}, true},
}

// open is an environment whose API asks nobody for a signature.
const open = "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {api: {authorizer: none}}\n"

func manyAliases(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  alias-" + string(rune('a'+i%26)) + strings.Repeat("x", i) + ": {targets: [{model: global.anthropic.claude-haiku-5-5}]}\n")
	}
	return b.String()
}

func TestBadFilesAreRefusedWithLineAndAdvice(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.text)
			_, err := environment.Load(path, today)
			if err == nil {
				t.Fatal("it is accepted")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), path+":", ""), "\n")
			if len(got) != len(test.want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			for i := range got {
				start, cut := strings.CutSuffix(test.want[i], "…")
				if got[i] != test.want[i] && (!cut || !strings.HasPrefix(got[i], start)) {
					t.Errorf("got  %s\nwant %s", got[i], test.want[i])
				}
			}
		})
	}
}

func TestSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	schema := compile(t)
	for _, test := range bad {
		if test.beyond {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			if err := schema.Validate(parse(t, []byte(test.text))); err == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func TestSchemaAcceptsTheShippedFiles(t *testing.T) {
	schema := compile(t)
	names, err := environment.Names(shipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(shipped, name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(parse(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaKnowsTheDecodersKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(shipped, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	collect(root.(map[string]any), root.(map[string]any), "", got)
	if diff := cmp.Diff(environment.KnownKeys(), got); diff != "" {
		t.Errorf("decoder (-) and schema (+) differ:\n%s", diff)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(shipped, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// collect lists the property names of every object in a schema, by the path that the decoder gives it.
func collect(root, schema map[string]any, path string, into map[string][]string) {
	if ref, ok := schema["$ref"].(string); ok {
		definition := root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")]
		collect(root, definition.(map[string]any), path, into)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		collect(root, items, path+"[]", into)
	}
	if open, ok := schema["additionalProperties"].(map[string]any); ok {
		collect(root, open, path+".*", into)
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return
	}
	for name, property := range properties {
		into[path] = append(into[path], name)
		collect(root, property.(map[string]any), strings.TrimPrefix(path+"."+name, "."), into)
	}
	slices.Sort(into[path])
}
