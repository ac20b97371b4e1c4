package diff

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
)

// script runs AWS's own library, npm's @aws-cdk/cloudformation-diff, which knows for each property of each type whether
// a change of it replaces the resource. It is passed on the command line so that Node finds the library from the
// working directory.
//
//go:embed library.js
var script string

// The library's words for what happens to a resource or because of a property.
const (
	impactUpdate     = "WILL_UPDATE"
	impactCreate     = "WILL_CREATE"
	impactReplace    = "WILL_REPLACE"
	impactMayReplace = "MAY_REPLACE"
	impactDestroy    = "WILL_DESTROY"
	impactOrphan     = "WILL_ORPHAN"
	impactNone       = "NO_CHANGE"
)

// pair is what the library is asked about.
type pair struct {
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// answer is what the library says about a pair.
type answer struct {
	Resources map[string]difference `json:"resources"`
	Others    []string              `json:"others"` // of other sections of the template, such as "outputs Url"
}

type difference struct {
	Impact     string            `json:"impact"`
	Properties map[string]string `json:"properties"` // the impact of each property that differs
	Attributes []string          `json:"attributes"` // what else differs, such as "DeletionPolicy"
}

// ask runs the library for all pairs at once, on the pinned Node. Neither credentials nor anything else of the
// environment reaches it: it computes, and needs no network.
func ask(ctx context.Context, root string, pairs []pair) ([]answer, error) {
	root, err := filepath.Abs(root) // the child has another working directory
	if err != nil {
		return nil, err
	}
	modules := filepath.Join(root, "node_modules")
	for _, path := range []string{filepath.Join(modules, ".bin", "node"), filepath.Join(modules, "@aws-cdk", "cloudformation-diff")} {
		if _, err := os.Stat(path); err != nil {
			return nil, errors.New("the pinned Node and AWS's template library are not installed in " + root + "; npm ci installs them")
		}
	}
	input, err := json.Marshal(pairs)
	if err != nil {
		return nil, err
	}
	cmd := process.Command(ctx, filepath.Join(modules, ".bin", "node"), "--eval", script)
	cmd.Dir = root
	cmd.Env = []string{"NODE_ENV=production"}
	var output, messages bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &output, &messages
	if err := process.Run(cmd); err != nil {
		return nil, fmt.Errorf("AWS's template library failed: %w\n%s", err, strings.TrimSpace(messages.String()))
	}
	var answers []answer
	if err := json.Unmarshal(output.Bytes(), &answers); err != nil {
		return nil, fmt.Errorf("AWS's template library answered no JSON: %w", err)
	}
	if len(answers) != len(pairs) {
		return nil, fmt.Errorf("AWS's template library answered %d pairs of %d", len(answers), len(pairs))
	}
	return answers, nil
}
