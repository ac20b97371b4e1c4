package environment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// deliveryFolder has environments of each kind that a delivery file may name.
func deliveryFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const head = "account: \"111111111111\"\nregions: [us-east-1]\n"
	for name, text := range map[string]string{
		"signed": head + "serverless: {api: {}}\n",
		"keyed":  head + "auth: {mode: keys}\nserverless: {api: {authorizer: none}}\n",
		"both":   head + "auth: {mode: keys}\nserverless: {api: {}}\n",
		"direct": head + "serverless: {}\n",
		"token":  head + "auth: {mode: oidc, issuer: \"https://issuer.example.com\", audience: a}\nserverless: {api: {authorizer: none}}\n",
		"other":  strings.Replace(head, "1111", "2222", 1) + "serverless: {api: {}}\n",
		"kept":   head + "production: true\nserverless: {}\n",
		"broken": head + "serverless: {memory: huge}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const deliverySchema = "../../delivery.schema.json"

const source = "source: {connection: \"arn:aws:codeconnections:us-east-1:111111111111:connection/00000000-0000-0000-0000-000000000000\", repository: o/r}\n"

func loadDelivery(t *testing.T, dir, text string) (environment.Delivery, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "delivery.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return environment.LoadDelivery(file, dir, today)
}

func TestDeliveryIsRead(t *testing.T) {
	d, err := loadDelivery(t, deliveryFolder(t), source+"environments:\n  - {name: keyed, conformance: {keySecret: key}}\n  - {name: kept, approval: true}\n")
	if err != nil {
		t.Fatal(err)
	}
	if d.Account() != "111111111111" || d.Region() != "us-east-1" || d.Source.Branch != "main" || d.Source.Repository != "o/r" {
		t.Errorf("got %+v", d.Source)
	}
	first, last := d.Environments[0], d.Environments[1]
	if first.Conformance == nil || first.Conformance.KeySecret != "key" || first.Approval || !last.Approval || last.Conformance != nil || !last.Environment.Production {
		t.Errorf("got %+v, %+v", first, last)
	}
	if all := d.All(); len(all) != 2 || all[0].Name != "keyed" || all[1].Name != "kept" {
		t.Errorf("got %v", all)
	}
}

// badDelivery is a delivery file that is refused. Where a JSON Schema can say why, the schema must refuse it too.
type badDelivery struct {
	name, text string
	want       []string
	beyond     bool // a schema cannot express it
}

var badDeliveries = []badDelivery{
	{"nothing", "{}", []string{":1: source: is missing", ":1: environments: is missing"}, false},
	{"no connection", "source: {connection: arn:aws:iam::1:x, repository: r, branch: \"a b\"}\nenvironments: [{name: signed}]",
		[]string{"source.connection: is \"arn:aws:iam::1:x\"", "source.repository: is \"r\"", "source.branch: is \"a b\""}, false},
	{"a key that is none", source + "environments:\n  - {name: signed, aproval: true}\n", []string{":3: environments[0].aproval: is not a known key (did you mean \"approval\"?)"}, false},
	{"an environment that is none", source + "environments: [{name: sined}]", []string{`environments[0].name: is "sined", and there is no such environment in`, `did you mean "signed"?`}, true},
	{"one twice", source + "environments: [{name: signed}, {name: signed}]", []string{`environments[1].name: is "signed" once more`}, true},
	{"a bad environment", source + "environments: [{name: broken}]", []string{`broken.yaml:3: serverless.memory: is "huge"`}, true},
	{"production first", source + "environments: [{name: kept, approval: true}]", []string{`environments[0].name: is "kept", a production environment`}, true},
	{"production unasked", source + "environments: [{name: signed}, {name: kept}]", []string{`environments[1].approval: is missing, and "kept" is a production environment`}, true},
	{"nothing to ask", source + "environments: [{name: direct, conformance: {}}]", []string{`environments[0].conformance: can ask nothing of "direct" (serverless in us-east-1: there is no serverless.api`}, true},
	{"signed elsewhere", source + "environments: [{name: signed}, {name: other, conformance: {}}]", []string{`environments[1].conformance: signs requests in account 111111111111`}, true},
	{"signed and keyed", source + "environments: [{name: both, conformance: {}}]", []string{`environments[0].conformance: can ask nothing of "both" (serverless in us-east-1: serverless.api.authorizer and auth.mode ask for a signature and an API key`}, true},
	{"a token", source + "environments: [{name: token, conformance: {}}]", []string{`can ask nothing of "token" (serverless in us-east-1: auth.mode is oidc`}, true},
	{"a key for nothing", source + "environments: [{name: signed, conformance: {keySecret: key}}]", []string{`environments[0].conformance.keySecret: is of no use, since "signed" asks for no API key`}, true},
	{"no key", source + "environments: [{name: keyed, conformance: {}}]", []string{`environments[0].conformance.keySecret: is missing`}, true},
	{"no list", source + "environments: {name: signed}", []string{":2: environments: "}, false},
	{"no environment", source + "environments: []", []string{":2: environments: "}, false},
	{"a name that is none", source + "environments: [{name: Dev!}]", []string{`environments[0].name: is "Dev!"`}, false},
	{"no answer", source + "environments: [{name: signed, approval: \"yes\"}]", []string{`environments[0].approval: `}, false},
	{"a secret of no name", source + "environments: [{name: keyed, conformance: {keySecret: \"a b\"}}]", []string{`environments[0].conformance.keySecret: is "a b"`}, false},
	{"a key of conformance that is none", source + "environments: [{name: keyed, conformance: {secret: key}}]", []string{`environments[0].conformance.secret: is not a known key`}, false},
}

func TestBadDeliveriesAreRefused(t *testing.T) {
	dir := deliveryFolder(t)
	for _, tt := range badDeliveries {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadDelivery(t, dir, tt.text)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v\nwant it to contain %q", err, want)
				}
			}
		})
	}
}

func TestDeliverySchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	schema := compile(t, deliverySchema)
	for _, tt := range badDeliveries {
		if tt.beyond {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			if schema.Validate(parse(t, []byte(tt.text))) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

// TestDeliverySchemaAcceptsWhatIsGood takes the shipped file, and one with every key.
func TestDeliverySchemaAcceptsWhatIsGood(t *testing.T) {
	schema := compile(t, deliverySchema)
	text, err := os.ReadFile(filepath.Join(shipped, "..", "delivery.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=./delivery.schema.json\n") {
		t.Error("delivery.yaml does not start with the line that gives editors the schema")
	}
	if _, err := environment.LoadDelivery(filepath.Join(shipped, "..", "delivery.yaml"), shipped, today); err != nil {
		t.Error(err)
	}
	for _, good := range []string{string(text), source + "environments: [{name: keyed, approval: false, conformance: {keySecret: key}}]\n"} {
		if err := schema.Validate(parse(t, []byte(good))); err != nil {
			t.Error(err)
		}
	}
}

func TestDeliverySchemaKnowsTheDecodersKeys(t *testing.T) {
	if diff := cmp.Diff(environment.KnownDeliveryKeys(), schemaKeys(t, deliverySchema)); diff != "" {
		t.Errorf("decoder (-) and schema (+) differ:\n%s", diff)
	}
}
