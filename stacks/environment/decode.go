package environment

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder walks one YAML document and collects what is wrong with it. It goes on after a problem, so that one run
// names them all.
type decoder struct {
	file     string
	problems Problems
	warnings Problems
	lines    map[string]int      // line of each path that was met
	known    map[string][]string // keys of each object by its shape; held equal to the JSON Schema by a test
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, lines: map[string]int{}, known: map[string][]string{}}
}

// problem records what is wrong at a path that need not be in the file: the line is that of the nearest parent.
func (d *decoder) problem(path, format string, args ...any) {
	d.problems = append(d.problems, d.at(path, format, args...))
}

func (d *decoder) warning(path, format string, args ...any) {
	d.warnings = append(d.warnings, d.at(path, format, args...))
}

func (d *decoder) at(path, format string, args ...any) Problem {
	return Problem{File: d.file, Line: d.line(path), Path: path, Message: fmt.Sprintf(format, args...)}
}

func (d *decoder) line(path string) int {
	for path != "" {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1
}

// value is a node of the document and where it stands.
type value struct {
	d     *decoder
	node  *yaml.Node
	path  string // as a person names it: models.haiku.targets[0]
	shape string // the same with chosen names and indexes replaced: models.*.targets[]
}

func (d *decoder) value(node *yaml.Node, path, shape string) value {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	d.lines[path] = node.Line
	return value{d: d, node: node, path: path, shape: shape}
}

func (v value) problem(format string, args ...any) { v.d.problem(v.path, format, args...) }

// fields says how each known key of an object is read.
type fields map[string]func(value)

// object reads a mapping whose keys are known. Unknown, double and missing required keys are problems.
func (v value) object(known fields, required ...string) {
	keys := make([]string, 0, len(known))
	for key := range known {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	v.d.known[v.shape] = keys
	met := map[string]bool{}
	v.pairs(func(key string, keyLine int, node *yaml.Node) {
		met[key] = true
		path := join(v.path, key)
		read, ok := known[key]
		if !ok {
			v.d.lines[path] = keyLine
			v.d.problem(path, "is not a known key%s; known here are %s; correct or remove it",
				didYouMean(key, keys), strings.Join(keys, ", "))
			return
		}
		child := v.d.value(node, path, join(v.shape, key))
		v.d.lines[path] = keyLine
		read(child)
	})
	for _, key := range required {
		if !met[key] && v.node.Kind == yaml.MappingNode {
			v.d.problem(join(v.path, key), "is missing; it is required; add it")
		}
	}
}

// entries reads a mapping whose keys are names that the author chooses.
func (v value) entries(read func(name string, child value)) {
	v.pairs(func(key string, keyLine int, node *yaml.Node) {
		child := v.d.value(node, join(v.path, key), join(v.shape, "*"))
		v.d.lines[child.path] = keyLine
		read(key, child)
	})
}

func (v value) pairs(read func(key string, keyLine int, node *yaml.Node)) {
	if v.node.Kind != yaml.MappingNode {
		v.wrongType("a mapping of keys to values")
		return
	}
	first := map[string]int{}
	for i := 0; i < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		if line, double := first[key.Value]; double {
			v.d.problems = append(v.d.problems, Problem{File: v.d.file, Line: key.Line, Path: join(v.path, key.Value),
				Message: fmt.Sprintf("is written twice, first on line %d; remove one", line)})
			continue
		}
		first[key.Value] = key.Line
		read(key.Value, key.Line, v.node.Content[i+1])
	}
}

// list reads a sequence of at least one element.
func (v value) list(read func(child value)) {
	if v.node.Kind != yaml.SequenceNode {
		v.wrongType("a list")
		return
	}
	if len(v.node.Content) == 0 {
		v.problem("is an empty list; allowed is a list of at least one; add one or remove the key")
	}
	for i, node := range v.node.Content {
		read(v.d.value(node, fmt.Sprintf("%s[%d]", v.path, i), v.shape+"[]"))
	}
}

// text reads a string. Something else that YAML made of unquoted text says so, as 0123 becomes a number.
func (v value) text(into *string) bool {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" {
		v.wrongType("text in quotes")
		return false
	}
	*into = v.node.Value
	return true
}

// match reads a string that a pattern holds; allowed says in words what the pattern does.
func (v value) match(into *string, pattern *regexp.Regexp, allowed string) bool {
	var text string
	if !v.text(&text) {
		return false
	}
	if !pattern.MatchString(text) {
		v.problem("is %q; allowed is %s", text, allowed)
		return false
	}
	*into = text
	return true
}

func (v value) choice(into *string, allowed ...string) {
	var text string
	if !v.text(&text) {
		return
	}
	if !slices.Contains(allowed, text) {
		v.problem("is %q; allowed are %s%s", text, strings.Join(allowed, ", "), didYouMean(text, allowed))
		return
	}
	*into = text
}

func (v value) boolean(into *bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!bool" {
		v.wrongType("true or false")
		return
	}
	*into = v.node.Value == "true"
}

func (v value) integer(into *int, least, most int) bool {
	n, err := strconv.Atoi(v.node.Value)
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!int" || err != nil {
		v.wrongType(fmt.Sprintf("a whole number from %d to %d", least, most))
		return false
	}
	if n < least || n > most {
		v.problem("is %d; allowed is a whole number from %d to %d", n, least, most)
		return false
	}
	*into = n
	return true
}

func (v value) duration(into *time.Duration, least, most time.Duration) {
	var text string
	if !v.text(&text) {
		return
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < least || parsed > most {
		v.problem("is %q; allowed is a duration from %s to %s, such as \"90s\"", text, least, most)
		return
	}
	*into = parsed
}

// day reads a date. YAML takes one without quotes for a time of its own.
func (v value) day(into *time.Time) {
	parsed, err := time.Parse(time.DateOnly, v.node.Value)
	if v.node.Kind != yaml.ScalarNode || err != nil {
		v.wrongType("a day such as 2027-03-01")
		return
	}
	*into = parsed
}

func (v value) wrongType(allowed string) {
	v.problem("is %s; allowed is %s", describe(v.node), allowed)
}

// describe names a node's type as a person would.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.ShortTag() == "!!null":
		return "empty"
	case node.ShortTag() == "!!str":
		return fmt.Sprintf("the text %q", node.Value)
	case node.ShortTag() == "!!int", node.ShortTag() == "!!float":
		return "the number " + node.Value
	case node.ShortTag() == "!!bool":
		return node.Value + ", a true-or-false value"
	}
	return node.Value
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
