// Package docs_test holds the documents against the code they describe, where a machine can compare the two: what the
// README lists must be what there is, and the Go code it shows must be part of a program that compiles.
package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/feedback"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/openai"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// row returns the table row of the README whose first cell names something in code font.
func row(t *testing.T, name string) string {
	t.Helper()
	return rowOf(t, "README.md", name)
}

func rowOf(t *testing.T, document, name string) string {
	t.Helper()
	for line := range strings.Lines(read(t, document)) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if strings.HasPrefix(line, "| ") && strings.Contains(cell, "`"+name+"`") {
			return line
		}
	}
	t.Errorf("%s has no table row for `%s`", document, name)
	return ""
}

func TestEveryEndpointAndMetricIsListed(t *testing.T) {
	for _, e := range endpoint.All() {
		row(t, e.Method+" "+e.Path)
	}
	for _, m := range metric.All() {
		row(t, m.Name)
	}
}

func TestErrorsAreListedAsTheSurfacesWriteThem(t *testing.T) {
	for _, code := range []inference.Code{
		inference.InvalidRequest, inference.Unauthenticated, inference.PermissionDenied, inference.NotFound,
		inference.MethodNotAllowed, inference.Conflict, inference.TooLarge, inference.RateLimited, inference.Overloaded, inference.Timeout,
		inference.Upstream, inference.Internal, inference.Canceled,
	} {
		failure := &inference.Error{Code: code, Message: "."}
		want := fmt.Sprintf("| %d `%s` | %d `%s` |\n",
			openai.Surface{}.Status(code), kind(t, openai.Surface{}.AppendError(nil, failure, "")),
			anthropic.Surface{}.Status(code), kind(t, anthropic.Surface{}.AppendError(nil, failure, "")))
		if got := row(t, string(code)); !strings.HasSuffix(got, want) {
			t.Errorf("README.md says %s, want it to end in %s", got, want)
		}
	}
}

// kind is the type in an error body of either surface.
func kind(t *testing.T, body []byte) string {
	t.Helper()
	var parsed struct{ Error struct{ Type string } }
	if err := json.Unmarshal(body, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.Error.Type
}

func TestEveryModelIsListedWithItsEnd(t *testing.T) {
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range known.Models() {
		got := row(t, m.ID)
		if !m.EndOfLife.IsZero() && !strings.Contains(got, m.EndOfLife.Format(time.DateOnly)) {
			t.Errorf("README.md does not say that the model ends on %s: %s", m.EndOfLife.Format(time.DateOnly), got)
		}
	}
	for _, m := range environment.DefaultModels() {
		id := strings.TrimPrefix(m.Targets[0].Model, "global.")
		if got := row(t, id); !strings.Contains(got, "`"+m.Alias+"`") {
			t.Errorf("README.md does not say that %s is alias %s: %s", id, m.Alias, got)
		}
	}
}

// schema is as much of JSON Schema as environments/schema.json uses to nest fields.
type schema struct {
	Ref                  string `json:"$ref"`
	Properties           map[string]*schema
	AdditionalProperties json.RawMessage
	Items                *schema
	Default              any
	Defs                 map[string]*schema `json:"$defs"`
}

// fields returns the paths of all fields beneath, with their default if the schema has one.
func (s *schema) fields(root *schema, path string, into map[string]any) {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		root.Defs[name].fields(root, path, into)
	}
	for name, property := range s.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		before := len(into)
		property.fields(root, at, into)
		if len(into) == before || name == "api" {
			into[at] = property.Default
		}
	}
	var each schema
	if json.Unmarshal(s.AdditionalProperties, &each) == nil && each.Ref != "" {
		name := ".<region>"
		switch path {
		case "models":
			name = ".<alias>"
		case "gateway.tenantLimits.tenants":
			name = ".<tenant>"
		}
		each.fields(root, path+name, into)
	}
	if s.Items != nil {
		s.Items.fields(root, path+"[]", into)
	}
}

func TestEveryFieldOfAnEnvironmentIsListedWithItsDefault(t *testing.T) {
	var root schema
	if err := json.Unmarshal([]byte(read(t, "environments/schema.json")), &root); err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	root.fields(&root, "", fields)
	if len(fields) < 20 {
		t.Fatalf("the schema is read wrong: %v", fields)
	}
	for path, value := range fields {
		if number, ok := value.(float64); ok {
			value = int(number)
		}
		got := rowOf(t, "docs/environments.md", path)
		if value != nil && !strings.HasSuffix(strings.ReplaceAll(got, "`", ""), fmt.Sprintf("| %v |\n", value)) {
			t.Errorf("docs/environments.md does not say that the default of %s is %v: %s", path, value, got)
		}
	}
}

func TestGoCodeInTheREADMEIsOfAProgramThatCompiles(t *testing.T) {
	var programs string
	for _, path := range []string{"docs/examples/clients/main.go", "docs/examples/compose/main.go"} {
		programs += squeeze(read(t, path))
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) < 3 {
		t.Fatalf("README.md has %d blocks of Go code", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(programs, squeeze(block[1])) {
			t.Errorf("no program in docs/examples has this code:\n%s", block[1])
		}
	}
}

func TestTheTableOfUsageRecordsHasTheirMembers(t *testing.T) {
	full := record.Request{RequestID: "r", Surface: "s", Tenant: "t", Auth: "a", Alias: "a", Stream: true, Code: inference.Upstream,
		Trail: inference.Trail{Target: inference.Target{Model: "m", Region: "r"}}, Usage: inference.Usage{Output: 1}, CostKnown: true, FirstToken: 1}
	var want []string
	for _, member := range regexp.MustCompile(`[{,]"(\w+)":`).FindAllStringSubmatch(string(record.AppendUsage(nil, &full, "p", 1)), -1) {
		want = append(want, member[1])
	}
	rating := record.Feedback{RequestID: "r", Tenant: "t", Auth: "a", Alias: "a", Thumbs: "up", Score: 1, Reason: "r"}
	for _, member := range regexp.MustCompile(`[{,]"(\w+)":`).FindAllStringSubmatch(string(record.AppendFeedback(nil, &rating, "p", 1)), -1) {
		if !slices.Contains(want, member[1]) {
			want = append(want, member[1])
		}
	}
	text := read(t, "docs/records.md")
	_, columns, _ := strings.Cut(text, "usage_records (")
	columns, _, _ = strings.Cut(columns, ")")
	var got []string
	for _, column := range regexp.MustCompile("(?m)^  `?(\\w+)`? ").FindAllStringSubmatch(columns, -1) {
		got = append(got, column[1])
		if !regexp.MustCompile("(?m)^\\|[^|]*`" + column[1] + "`").MatchString(text) {
			t.Errorf("docs/records.md does not say what %s is", column[1])
		}
	}
	if len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("the table has %v, a record %v", got, want)
	}
	for _, name := range []string{settings.EnvArchiveBucket, settings.EnvArchiveInterval, "`" + settings.Default().Archive.Interval.String() + "`"} {
		if !strings.Contains(text, name) {
			t.Errorf("docs/records.md has no %s", name)
		}
	}
}

// squeeze makes code comparable whatever its indentation.
func squeeze(code string) string { return strings.Join(strings.Fields(code), " ") }

func TestLinksLeadSomewhere(t *testing.T) {
	documents := []string{"README.md"}
	for _, pattern := range []string{"../docs/*.md", "../docs/adr/*.md", "../docs/runbooks/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			documents = append(documents, strings.TrimPrefix(filepath.ToSlash(path), "../"))
		}
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, document := range documents {
		for _, found := range link.FindAllStringSubmatch(read(t, document), -1) {
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(document), found[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", document, found[1])
			}
		}
	}
	if !slices.Contains(documents, "docs/api.md") {
		t.Errorf("the documents are found wrong: %v", documents)
	}
}

// A runbook is read in a hurry: when it is for, how long it takes and how to see that it worked are where they are looked
// for, and the commands of ours that it names are there.
func TestRunbooksSayWhenHowLongAndHowToVerify(t *testing.T) {
	found, err := filepath.Glob("runbooks/*.md")
	if err != nil || len(found) < 8 {
		t.Fatalf("there are %d runbooks (%v)", len(found), err)
	}
	makefile := read(t, "Makefile")
	commands := read(t, "cmd/pipeline/main.go")
	for _, path := range found {
		text := read(t, "docs/"+path)
		if !strings.Contains(text, "**When.**") && !strings.Contains(text, "**Signs.**") || !strings.Contains(text, "**Takes**") || !strings.Contains(text, "**Verify.**") {
			t.Errorf("%s does not say when it is for, how long it takes or how to verify", path)
		}
		for _, named := range regexp.MustCompile("(?m)(?:`|^ *|&& )make ([a-z]+)").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+named[1]+":") {
				t.Errorf("%s names make %s, which there is not", path, named[1])
			}
		}
		for _, named := range regexp.MustCompile("(?:.build/|`)pipeline ([a-z]+)").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(commands, `{"`+named[1]+`"`) {
				t.Errorf("%s names pipeline %s, which there is not", path, named[1])
			}
		}
	}
}

func TestFeedbackIsDescribedAsItIs(t *testing.T) {
	text := read(t, "docs/api.md")
	for _, word := range append(feedback.Reasons(), feedback.ThumbsUp, feedback.ThumbsDown) {
		if !strings.Contains(text, "`"+word+"`") {
			t.Errorf("docs/api.md does not say that a rating may have %q", word)
		}
	}
	if remembered := strings.Replace(fmt.Sprint(feedback.DefaultMemory), "144", ",144", 1); !strings.Contains(text, remembered) ||
		!strings.Contains(text, fmt.Sprintf("within %d hours", int(feedback.Lifetime.Hours()))) || !strings.Contains(text, strings.ToLower(gateway.FeedbackHeader)) {
		t.Errorf("docs/api.md does not say what holds: %s ratings are remembered, for %s", remembered, feedback.Lifetime)
	}
}
