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

func TestSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	schema := compile(t, filepath.Join(shipped, "schema.json"))
	for _, test := range slices.Concat(bad, badServers, badPairs) {
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
	schema := compile(t, filepath.Join(shipped, "schema.json"))
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
	if diff := cmp.Diff(environment.KnownKeys(), schemaKeys(t, filepath.Join(shipped, "schema.json"))); diff != "" {
		t.Errorf("decoder (-) and schema (+) differ:\n%s", diff)
	}
}

// schemaKeys are the keys that a schema knows, by the shape of the object they are in.
func schemaKeys(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{}
	collect(root.(map[string]any), root.(map[string]any), "", keys)
	return keys
}

func compile(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(file)
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
