package environment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

func TestSelected(t *testing.T) {
	overflow := filepath.Join(t.TempDir(), "context.json")
	if err := os.WriteFile(overflow, []byte(`{"environment": "prod"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		env     map[string]string
		want    []string
		wantErr string
	}{
		{"nothing", nil, nil, ""},
		{"another key", map[string]string{"CDK_CONTEXT_JSON": `{"a": 1}`}, nil, ""},
		{"one", map[string]string{"CDK_CONTEXT_JSON": `{"environment": "dev"}`}, []string{"dev"}, ""},
		{"several, spaced and doubled", map[string]string{"CDK_CONTEXT_JSON": `{"environment": " dev, prod,,dev"}`}, []string{"dev", "prod"}, ""},
		{"in the file", map[string]string{"CONTEXT_OVERFLOW_LOCATION": overflow}, []string{"prod"}, ""},
		{"a number", map[string]string{"CDK_CONTEXT_JSON": `{"environment": 5}`}, nil,
			`context "environment" is 5; allowed are names separated by commas, such as -c environment=dev,prod`},
		{"no JSON", map[string]string{"CDK_CONTEXT_JSON": `{`}, nil, "CDK_CONTEXT_JSON is not a JSON object: unexpected end of JSON input"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := environment.Selected(func(name string) string { return test.env[name] })
			if !cmp.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && err.Error() != test.wantErr {
				t.Errorf("error %v, want %q", err, test.wantErr)
			}
		})
	}
}

func TestFolder(t *testing.T) {
	tests := []struct{ name, context, want, wantErr string }{
		{"nothing", ``, "environments", ""},
		{"another key", `{"environment": "dev"}`, "environments", ""},
		{"a folder", `{"environments": "elsewhere/files"}`, "elsewhere/files", ""},
		{"nothing in it", `{"environments": ""}`, "environments", ""},
		{"a number", `{"environments": 5}`, "environments", `context "environments" is 5; allowed are a folder, such as -c environments=environments`},
		{"no JSON", `{`, "", "CDK_CONTEXT_JSON is not a JSON object: unexpected end of JSON input"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := environment.Folder(func(name string) string { return map[string]string{"CDK_CONTEXT_JSON": test.context}[name] })
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && err.Error() != test.wantErr {
				t.Errorf("error %v, want %q", err, test.wantErr)
			}
		})
	}
}
