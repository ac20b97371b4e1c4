package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Formats are the ways to write a report.
var formats = map[string]func(*Report) ([]byte, error){
	"text":     func(r *Report) ([]byte, error) { return []byte(r.Text()), nil },
	"markdown": func(r *Report) ([]byte, error) { return []byte(r.Markdown()), nil },
	"json":     func(r *Report) ([]byte, error) { return append(mustIndent(r), '\n'), nil },
}

// CheckFormat refuses what is no format.
func CheckFormat(format string) error {
	if _, ok := formats[format]; !ok {
		return fmt.Errorf("-format is %q; allowed are text, markdown, json", format)
	}
	return nil
}

// Write writes the report as text, markdown or json.
func (r *Report) Write(w io.Writer, format string) error {
	if err := CheckFormat(format); err != nil {
		return err
	}
	data, err := formats[format](r)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func mustIndent(r *Report) []byte {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // a report is plain data
	}
	return data
}

// headline counts what counts.
func (r *Report) headline() string {
	if len(r.Stacks) == 0 {
		return "Nothing would change."
	}
	var parts []string
	for _, c := range Categories() {
		if n := r.count(c); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", c, n))
		}
	}
	waived := 0
	for _, f := range r.Findings {
		if f.Waiver != nil {
			waived++
		}
	}
	if waived > 0 {
		parts = append(parts, fmt.Sprintf("waived %d", waived))
	}
	if len(parts) == 0 {
		return "No data is lost, nothing is exposed or broadened, no alarm is weakened."
	}
	return "Findings: " + strings.Join(parts, ", ") + "."
}

// shortType leaves out what is the same everywhere.
func shortType(kind string) string { return strings.TrimPrefix(kind, "AWS::") }

// maxValue is how much of a value is shown, in characters.
const maxValue = 60

// values writes the values of a property on one line each, both from shortly before the place where they begin to
// differ.
func values(p PropertyChange) (before, after string) {
	b, a := []rune(line(p.Before)), []rune(line(p.After))
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	const context = 15
	if skip := same - context; skip > 0 && max(len(a), len(b)) > maxValue {
		return clip("…"+string(b[skip:]), maxValue), clip("…"+string(a[skip:]), maxValue)
	}
	return clip(string(b), maxValue), clip(string(a), maxValue)
}

// line writes a value of a template on one line; nothing is "none".
func line(v any) string {
	if v == nil {
		return "none"
	}
	if text, ok := v.(string); ok {
		return strings.Join(strings.Fields(text), " ")
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // it came from JSON
	return strings.TrimSpace(b.String())
}

func clip(text string, limit int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}

// change says how a property differs; show writes a value.
func (p PropertyChange) change(show func(string) string) string {
	before, after := values(p)
	switch {
	case p.Asset:
		return "another asset" + why(p)
	case before == after:
		return "refers to what is replaced" + why(p)
	}
	return show(after) + ", was " + show(before) + why(p)
}

func why(p PropertyChange) string {
	switch p.Replaces {
	case Replaced:
		return " (replaces)"
	case MayReplaced:
		return " (may replace)"
	}
	return ""
}

// folds lists the folded changes of a stack: a label and the names.
func (s StackChange) folds() [][2]string {
	var lines [][2]string
	for _, f := range []struct {
		label string
		names []string
	}{
		{"only the hash of an asset", s.Assets}, {"only a new version", s.Versions}, {"only tags", s.Tags}, {"besides resources", s.Others},
	} {
		if len(f.names) > 0 {
			lines = append(lines, [2]string{f.label, strings.Join(f.names, ", ")})
		}
	}
	return lines
}

// headings are the columns that count resources.
var headings = []struct {
	title   string
	actions []Action
}{
	{"added", []Action{Added}},
	{"changed", []Action{Changed}},
	{"replaced", []Action{Replaced, MayReplaced}},
	{"gone", []Action{Destroyed, Kept}},
}

func (s StackChange) title() string {
	switch s.Action {
	case Added:
		return s.ID + " (new)"
	case Destroyed:
		return s.ID + " (gone)"
	}
	return s.ID
}
