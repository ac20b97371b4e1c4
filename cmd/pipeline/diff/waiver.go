package diff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// Waiver excuses findings until a day. What it does not name, it does not restrict; it names at least one of stack,
// resource and category.
type Waiver struct {
	Stack    string   `yaml:"stack" json:"stack,omitempty"`       // id of a stack
	Resource string   `yaml:"resource" json:"resource,omitempty"` // logical id or path in the stack
	Category Category `yaml:"category" json:"category,omitempty"`
	Reason   string   `yaml:"reason" json:"reason"`
	Until    Day      `yaml:"until" json:"until"` // the last day it counts
}

// Day is a day in UTC.
type Day struct{ time.Time }

// UnmarshalYAML reads a day such as 2026-12-31.
func (d *Day) UnmarshalYAML(node *yaml.Node) error {
	day, err := time.Parse(time.DateOnly, node.Value)
	if err != nil {
		return fmt.Errorf("line %d: until is %q; it is a day such as 2026-12-31", node.Line, node.Value)
	}
	d.Time = day
	return nil
}

// MarshalJSON writes the day alone.
func (d Day) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// String is the day alone.
func (d Day) String() string { return d.Format(time.DateOnly) }

// Ignored is a waiver that excuses nothing.
type Ignored struct {
	Waiver Waiver `json:"waiver"`
	Why    string `json:"why"`
}

// String names what a waiver is for.
func (w Waiver) String() string {
	var parts []string
	for _, part := range []string{string(w.Category), w.Stack, w.Resource} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// ReadWaivers reads a file with a list of waivers under the key waivers. Its error names everything that is wrong.
func ReadWaivers(path string) ([]Waiver, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Waivers []Waiver `yaml:"waivers"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var problems []error
	for i, w := range file.Waivers {
		if w.String() == "" {
			problems = append(problems, fmt.Errorf("%s: waiver %d names neither stack nor resource nor category", path, i+1))
		}
		if strings.TrimSpace(w.Reason) == "" {
			problems = append(problems, fmt.Errorf("%s: waiver %d (%s) gives no reason", path, i+1, w))
		}
		if w.Until.IsZero() {
			problems = append(problems, fmt.Errorf("%s: waiver %d (%s) has no last day, such as until: 2026-12-31", path, i+1, w))
		}
	}
	return file.Waivers, errors.Join(problems...)
}

// waive marks the findings that a waiver excuses, and reports the waivers that excuse none.
func (r *Report) waive(waivers []Waiver, sides []side, now time.Time) {
	for _, w := range waivers {
		if why := w.invalid(sides, now); why != "" {
			r.Waivers = append(r.Waivers, Ignored{w, why})
			continue
		}
		used := false
		for i := range r.Findings {
			if w.matches(r.Findings[i]) {
				used = true
				if r.Findings[i].Waiver == nil {
					r.Findings[i].Waiver = &w
				}
			}
		}
		if !used {
			r.Waivers = append(r.Waivers, Ignored{w, "unused: nothing in this report needs it"})
		}
	}
}

func (w Waiver) matches(f Finding) bool {
	return (w.Stack == "" || w.Stack == f.Stack) && (w.Category == "" || w.Category == f.Category) &&
		(w.Resource == "" || w.Resource == f.Resource || w.Resource == f.Name)
}

// invalid says why a waiver cannot count, or nothing.
func (w Waiver) invalid(sides []side, now time.Time) string {
	if !now.UTC().Before(w.Until.AddDate(0, 0, 1)) {
		return "expired: its last day was " + w.Until.String()
	}
	if w.Category != "" && !slices.Contains(Categories(), w.Category) {
		return fmt.Sprintf("unknown: there is no category %q; allowed are %s", w.Category, categoryList())
	}
	stackKnown, resourceKnown := w.Stack == "", w.Resource == ""
	for _, s := range sides {
		if w.Stack != "" && w.Stack != s.stack().ID {
			continue
		}
		stackKnown = true
		for _, stack := range []*assembly.Stack{s.before, s.after} {
			for id := range stack.Resources {
				resourceKnown = resourceKnown || w.Resource == id || w.Resource == s.name(id)
			}
		}
	}
	switch {
	case !stackKnown:
		return "unknown: neither side has a stack " + w.Stack
	case !resourceKnown:
		return "unknown: neither side has a resource " + w.Resource
	}
	return ""
}

func categoryList() string {
	var names []string
	for _, c := range Categories() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
