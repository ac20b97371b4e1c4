package environment

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// ContextKey is the CDK context key that names the environments to synthesize, separated by commas:
// cdk synth -c environment=dev,prod.
const ContextKey = "environment"

// The variables in which the CDK command line hands its context to the program; the second names a file and is used
// when the context is too large for a variable. They are read here and not through CDK, so that a bad environment
// file is reported before Node starts.
const (
	contextVariable  = "CDK_CONTEXT_JSON"
	overflowVariable = "CONTEXT_OVERFLOW_LOCATION"
)

// Selected returns the names that the CDK context selects, in the order written and without doubles; nil when there
// are none.
func Selected(getenv func(string) string) ([]string, error) {
	context := map[string]any{}
	if text := getenv(contextVariable); text != "" {
		if err := json.Unmarshal([]byte(text), &context); err != nil {
			return nil, fmt.Errorf("%s is not a JSON object: %w", contextVariable, err)
		}
	}
	if file := getenv(overflowVariable); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", overflowVariable, err)
		}
		if err := json.Unmarshal(text, &context); err != nil {
			return nil, fmt.Errorf("%s: %s is not a JSON object: %w", overflowVariable, file, err)
		}
	}
	given, ok := context[ContextKey]
	if !ok {
		return nil, nil
	}
	text, ok := given.(string)
	if !ok {
		return nil, fmt.Errorf("context %q is %v; allowed are names separated by commas, such as -c %s=dev,prod",
			ContextKey, given, ContextKey)
	}
	return split(text), nil
}

func split(text string) []string {
	var names []string
	seen := map[string]bool{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
