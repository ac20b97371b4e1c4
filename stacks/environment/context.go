package environment

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// ContextKey is the CDK context key that names the environments to synthesize, separated by commas:
// cdk synth -c environment=dev,prod.
const ContextKey = "environment"

// DeliveryKey is the CDK context key that names a delivery file, and with it the pipeline and its environments:
// cdk synth -c delivery=delivery.yaml.
const DeliveryKey = "delivery"

// FolderKey is the CDK context key that names the folder of the environment files: cdk synth -c environments=FOLDER.
const FolderKey = "environments"

// DefaultFolder holds the environment files, seen from the folder that cdk.json is in.
const DefaultFolder = "environments"

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
	context, err := contextOf(getenv)
	if err != nil {
		return nil, err
	}
	text, err := textOf(context, ContextKey, "names separated by commas, such as -c "+ContextKey+"=dev,prod")
	return split(text), err
}

// SelectedDelivery returns the delivery file that the CDK context names; empty when it names none.
func SelectedDelivery(getenv func(string) string) (string, error) {
	context, err := contextOf(getenv)
	if err != nil {
		return "", err
	}
	file, err := textOf(context, DeliveryKey, "a file, such as -c "+DeliveryKey+"=delivery.yaml")
	if _, both := context[ContextKey]; file != "" && both {
		return "", fmt.Errorf("context has both %q and %q; a delivery file names its environments itself; leave one out", DeliveryKey, ContextKey)
	}
	return file, err
}

// Folder returns the folder that the CDK context names, or DefaultFolder.
func Folder(getenv func(string) string) (string, error) {
	context, err := contextOf(getenv)
	if err != nil {
		return "", err
	}
	folder, err := textOf(context, FolderKey, "a folder, such as -c "+FolderKey+"="+DefaultFolder)
	return cmp.Or(folder, DefaultFolder), err
}

func contextOf(getenv func(string) string) (map[string]any, error) {
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
	return context, nil
}

func textOf(context map[string]any, key, allowed string) (string, error) {
	given, ok := context[key]
	if !ok {
		return "", nil
	}
	text, ok := given.(string)
	if !ok {
		return "", fmt.Errorf("context %q is %v; allowed are %s", key, given, allowed)
	}
	return text, nil
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
