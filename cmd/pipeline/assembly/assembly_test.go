package assembly_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

func read(t *testing.T, stack string) *assembly.Stack {
	t.Helper()
	a, err := assembly.Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Stack(stack)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRead(t *testing.T) {
	s := read(t, "local-us-east-1/serverless")
	if read(t, "local-us-east-1-serverless").ID != s.ID {
		t.Error("the stack is not found by its name")
	}
	got := []string{s.ID, s.Name, s.Account, s.Region}
	want := []string{"local-us-east-1/serverless", "local-us-east-1-serverless", "111122223333", "us-east-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantKinds := []assembly.Kind{{"AWS::DynamoDB::Table", 1}, {"AWS::Lambda::Alias", 1}, {"AWS::Lambda::Function", 2}, {"AWS::Lambda::Version", 1}, {"Custom::Thing", 1}}
	if diff := cmp.Diff(wantKinds, s.Kinds()); diff != "" {
		t.Error(diff)
	}
}

func TestReadProblems(t *testing.T) {
	if _, err := assembly.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a cloud assembly") {
		t.Errorf("got %v", err)
	}
	a, err := assembly.Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	want := `testdata has no stack "other"; it has local-us-east-1/serverless, plain`
	if _, err := a.Stack("other"); err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

func TestFunctions(t *testing.T) {
	got, err := read(t, "local-us-east-1/serverless").Functions()
	if err != nil {
		t.Fatal(err)
	}
	want := []assembly.Function{{
		LogicalID: "Gateway",
		Name:      "local-us-east-1-serverless-Gateway",
		Program:   "./runtime/cmd/lambda",
		Runtime:   "provided.al2023",
		Handler:   "bootstrap",
		MemoryMB:  1024,
		Timeout:   5 * time.Minute,
		Environment: map[string]string{
			"ARN":    "arn:aws:x:us-east-1:111122223333",
			"HOST":   "x.us-east-1.amazonaws.com/${literal}",
			"NUMBER": "3",
			"PAIR":   "a+b-us-east-1",
			"PLAIN":  "text",
		},
		Code: filepath.Join("testdata", "assembly-local-us-east-1", "asset.abc"),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnresolvedReferencesAreErrorsAndNotGuesses(t *testing.T) {
	s := read(t, "local-us-east-1/serverless")
	_, err := s.Evaluate(s.Resources["Unresolved"], "Deep")
	if err == nil {
		t.Fatal("no error")
	}
	var first *assembly.UnresolvedError
	if !errors.As(err, &first) || first.Resource != "Unresolved" || first.Path != "Properties.Deep.List[1]" || first.Reference != `{"Ref":"Table"}` {
		t.Errorf("got %#v", first)
	}
	for _, want := range []string{
		`stack local-us-east-1/serverless, resource Unresolved, Properties.Deep.List[1]: {"Ref":"Table"} is only known to CloudFormation`,
		`Properties.Deep.List[2]: {"Fn::GetAtt":["Table","Arn"]} is`,
		`Properties.Deep.List[3]: "${Table}" is`,
		`Properties.Deep.List[4]: {"Fn::If":["Condition","a","b"]} is`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestPseudoParametersOfAnUnboundStackAreUnresolved(t *testing.T) {
	s := read(t, "plain")
	if value, err := s.String(s.Resources["Agnostic"], "Region"); err == nil {
		t.Errorf("got %q; want an error", value)
	}
}

func TestFunctionBehind(t *testing.T) {
	s := read(t, "local-us-east-1/serverless")
	for name, value := range map[string]any{
		"function": map[string]any{"Fn::GetAtt": []any{"Gateway", "Arn"}},
		"alias":    map[string]any{"Fn::Join": []any{"", []any{"a/", map[string]any{"Ref": "Alias"}, "/b"}}},
		"version":  map[string]any{"Ref": "Version"},
	} {
		if got, err := s.FunctionBehind(value); err != nil || got != "Gateway" {
			t.Errorf("%s: got %q, %v; want Gateway", name, got, err)
		}
	}
	if got, err := s.FunctionBehind("arn:aws:lambda:us-east-1:111122223333:function:other"); err == nil {
		t.Errorf("a literal: got %q; want an error", got)
	}
}
