package synth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// template is a CloudFormation template, as far as these tests read it.
type template struct {
	Description string
	Resources   map[string]resource
	Outputs     map[string]struct{ Value any }
}

type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
	DependsOn      any
	UpdatePolicy   any
}

// templateOf reads the template of a stage's serverless stack.
func templateOf(t *testing.T, out, stage string) template {
	t.Helper()
	return stackOf(t, out, stage, "serverless")
}

// stackOf reads the template of one stack of a stage.
func stackOf(t *testing.T, out, stage, stack string) template {
	t.Helper()
	named := regexp.MustCompile(`/` + strings.ReplaceAll(stage, "-", "") + stack + `[0-9A-F]{8}\.template\.json$`)
	files, err := filepath.Glob(filepath.Join(out, "assembly-"+stage, "*.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if named.MatchString(file) {
			var found template
			readJSON(t, file, &found)
			return found
		}
	}
	t.Fatalf("stage %s has no stack %s among %v", stage, stack, files)
	return template{}
}

// only returns the one resource of a type.
func (tp template) only(t *testing.T, kind string) resource {
	t.Helper()
	found := tp.all(kind)
	if len(found) != 1 {
		t.Fatalf("there are %d of %s, want one", len(found), kind)
	}
	return found[0]
}

func (tp template) all(kind string) []resource {
	var found []resource
	for _, id := range slices.Sorted(maps.Keys(tp.Resources)) {
		if tp.Resources[id].Type == kind {
			found = append(found, tp.Resources[id])
		}
	}
	return found
}

// path is the path of an API Gateway resource, put together from its parents.
func (tp template) path(id any) string {
	ref := id.(map[string]any)
	name, ok := ref["Ref"].(string)
	if !ok {
		return "" // the attribute RootResourceId
	}
	properties := tp.Resources[name].Properties
	return tp.path(properties["ParentId"]) + "/" + properties["PathPart"].(string)
}

// told is what a golden shows of each type: the properties a person would look at in a review.
var told = map[string][]string{
	"AWS::Lambda::Function": {"Runtime", "Architectures", "Handler", "MemorySize", "Timeout", "ReservedConcurrentExecutions",
		"LoggingConfig"},
	"AWS::Lambda::Alias":               {"Name"},
	"AWS::Lambda::Permission":          {"Principal"},
	"AWS::Lambda::Version":             {},
	"AWS::Logs::LogGroup":              {"RetentionInDays"},
	"AWS::IAM::Role":                   {"AssumeRolePolicyDocument", "ManagedPolicyArns"},
	"AWS::IAM::Policy":                 {},
	"AWS::ApiGateway::BasePathMapping": {},
	"AWS::ApiGateway::Deployment":      {},
	"AWS::ApiGateway::DomainName":      {"DomainName", "SecurityPolicy"},
	"AWS::ApiGateway::Method":          {},
	"AWS::ApiGateway::Resource":        {},
	"AWS::ApiGateway::RestApi":         {"Name", "Description", "EndpointConfiguration"},
	"AWS::ApiGateway::Stage":           {"StageName"},
	"AWS::Route53::RecordSet":          {"Name", "Type"},
	"AWS::WAFv2::WebACL":               {"Scope", "DefaultAction"},
	"AWS::WAFv2::WebACLAssociation":    {},
}

var contentHash = regexp.MustCompile(`[0-9a-f]{32}$`)

// summary is a template in a form that is small enough to review: logical ids, types, and the properties that matter.
func (tp template) summary(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", tp.Description)
	for _, id := range slices.SortedFunc(maps.Keys(tp.Resources), tp.byTypeThenID) {
		r := tp.Resources[id]
		names, ok := told[r.Type]
		if !ok {
			t.Errorf("say in told what a golden shows of %s", r.Type)
		}
		fmt.Fprintf(&b, "%s %s%s\n", r.Type, contentHash.ReplaceAllString(id, "…"), kept(r))
		for _, name := range names {
			if property, ok := r.Properties[name]; ok {
				fmt.Fprintf(&b, "    %s: %s\n", name, compact(t, property))
			}
		}
		for _, line := range tp.lines(t, r) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tp.Outputs)) {
		if forStacks(name) {
			continue
		}
		fmt.Fprintf(&b, "Output %s\n", name)
	}
	return b.String()
}

// forStacks tells whether an output is there for another stack, not for a person.
func forStacks(output string) bool {
	return strings.HasPrefix(output, "PublishOutput") || strings.HasPrefix(output, "ExportsOutput")
}

// lines shows what is better read in other words than the template's.
func (tp template) lines(t *testing.T, r resource) []string {
	t.Helper()
	var lines []string
	switch r.Type {
	case "AWS::ApiGateway::Method":
		lines = append(lines, tp.method(r))
	case "AWS::ApiGateway::Resource":
		lines = append(lines, tp.path(r.Properties["ParentId"])+"/"+r.Properties["PathPart"].(string))
	case "AWS::IAM::Policy":
		for _, s := range statementsOf(t, r.Properties["PolicyDocument"]) {
			line := fmt.Sprintf("%s %s on %s", s.Effect, strings.Join(s.Actions, " "), strings.Join(s.Resources, " "))
			if s.Condition != nil {
				line += " when " + compact(t, s.Condition)
			}
			lines = append(lines, line)
		}
	case "AWS::Lambda::Function":
		variables := variablesOf(r)
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			lines = append(lines, name+"="+variables[name])
		}
	}
	return lines
}

// variablesOf returns a function's environment variables; one that only CloudFormation knows as the template writes it.
func variablesOf(r resource) map[string]string {
	variables := map[string]string{}
	for name, text := range r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any) {
		plain, ok := text.(string)
		if !ok {
			encoded, _ := json.Marshal(text) // it came from JSON
			plain = string(encoded)
		}
		variables[name] = plain
	}
	return variables
}

func (tp template) byTypeThenID(a, b string) int {
	return strings.Compare(tp.Resources[a].Type+a, tp.Resources[b].Type+b)
}

func kept(r resource) string {
	if r.DeletionPolicy == "" {
		return ""
	}
	return " (" + strings.ToLower(r.DeletionPolicy) + ")"
}

// method says in a line what a method does: POST /v1/messages AWS_IAM STREAM 300000ms.
func (tp template) method(r resource) string {
	p := r.Properties
	integration := p["Integration"].(map[string]any)
	path := tp.path(p["ResourceId"])
	if path == "" {
		path = "/"
	}
	line := fmt.Sprintf("%v %s %v %v", p["HttpMethod"], path, p["AuthorizationType"], integration["ResponseTransferMode"])
	if limit, ok := integration["TimeoutInMillis"]; ok {
		line += fmt.Sprintf(" %vms", limit)
	}
	return line
}

func compact(t *testing.T, property any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(property); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// golden compares text with testdata/<name>.golden, or writes it there with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant: go test ./test/synth -update\n%s", path, diff)
	}
}
