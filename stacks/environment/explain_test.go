package environment_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSchemasExplainEveryKey wants what an editor shows beside a key: at the key itself, or where it refers to.
func TestSchemasExplainEveryKey(t *testing.T) {
	for _, file := range []string{filepath.Join(shipped, "schema.json"), deliverySchema} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var root any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		definitions, _ := root.(map[string]any)["$defs"].(map[string]any)
		explained := 0
		var walk func(path string, node any)
		walk = func(path string, node any) {
			object, ok := node.(map[string]any)
			if !ok {
				return
			}
			properties, _ := object["properties"].(map[string]any)
			for name, property := range properties {
				p := property.(map[string]any)
				referred, _ := definitions[strings.TrimPrefix(fmt.Sprint(p["$ref"]), "#/$defs/")].(map[string]any)
				if p["description"] == nil && referred["description"] == nil {
					t.Errorf("%s: %s.%s has no description", file, path, name)
				}
				explained++
				walk(path+"."+name, p)
			}
			for _, inner := range []string{"items", "additionalProperties"} {
				walk(path+"["+inner+"]", object[inner])
			}
		}
		walk("", root)
		for name, definition := range definitions {
			walk(name, definition)
		}
		if explained < 9 {
			t.Errorf("%s has %d keys; are they where they are looked for?", file, explained)
		}
	}
}
