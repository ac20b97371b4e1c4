package environment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
)

const extension = ".yaml"

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Load reads and checks one environment file, its models as they stand at asOf. Its error is Problems, every one there
// is; the environment is then not to be used.
func Load(path string, asOf time.Time) (Environment, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Environment{}, Problems{{File: path, Line: 1, Message: readFailure(err)}}
	}
	known, err := catalog.Load()
	if err != nil {
		return Environment{}, err
	}
	d := newDecoder(path)
	e := d.document(text, checker{d: d, catalog: known, asOf: asOf})
	d.problems.sortByLine()
	d.warnings.sortByLine()
	e.Warnings = d.warnings
	if len(d.problems) > 0 {
		return e, d.problems
	}
	return e, nil
}

// LoadNamed reads the named environments of a folder. With an unknown name, or none, the error says which there are
// and what to type. Its error holds the problems of all files.
func LoadNamed(dir string, names []string, asOf time.Time) ([]Environment, error) {
	known, err := Names(dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no environment is named; there are %s; type for example: cdk synth -c %s=%s",
			strings.Join(known, ", "), ContextKey, example(known))
	}
	var environments []Environment
	var problems []error
	for _, name := range names {
		path := filepath.Join(dir, name+extension)
		if _, err := os.Stat(path); err != nil || !nameForm.MatchString(name) {
			problems = append(problems, fmt.Errorf("there is no environment %q in %s; there are %s%s",
				name, dir, strings.Join(known, ", "), didYouMean(name, known)))
			continue
		}
		e, err := Load(path, asOf)
		if err != nil {
			problems = append(problems, err)
		}
		environments = append(environments, e)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return environments, nil
}

// Names returns the environments of a folder, by name.
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("environments: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), extension); ok && !entry.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}

func example(known []string) string {
	if len(known) == 0 {
		return "dev"
	}
	return known[0]
}

func (d *decoder) document(text []byte, c checker) Environment {
	e := defaults()
	e.File = d.file
	e.Name = strings.TrimSuffix(filepath.Base(d.file), extension)
	if !nameForm.MatchString(e.Name) {
		d.problem("", "the file's name is the environment's, and %q is none; allowed are at most 32 small letters, "+
			"digits and -, the first a letter, and then .yaml; rename the file", filepath.Base(d.file))
	}
	node, ok := d.parse(text)
	if !ok {
		return e
	}
	d.value(node, "", "").environment(&e)
	c.environment(&e)
	return e
}

// parse returns the root of the one document there must be.
func (d *decoder) parse(text []byte) (*yaml.Node, bool) {
	var root, more yaml.Node
	reader := yaml.NewDecoder(bytes.NewReader(text))
	if err := reader.Decode(&root); errors.Is(err, io.EOF) || (err == nil && describe(root.Content[0]) == "empty") {
		d.problem("", "is empty; start from another environment's file")
		return nil, false
	} else if err != nil {
		d.syntax(err)
		return nil, false
	}
	if err := reader.Decode(&more); err == nil {
		d.lines[""] = more.Line
		d.problems = append(d.problems, Problem{File: d.file, Line: more.Line,
			Message: "starts a second document; allowed is one; remove the line ---"})
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	return root.Content[0], true
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax turns "yaml: line 3: did not find …" into a problem on that line.
func (d *decoder) syntax(err error) {
	p := Problem{File: d.file, Line: 1, Message: "is not YAML: " + err.Error()}
	if found := yamlError.FindStringSubmatch(err.Error()); found != nil {
		p.Line = max(1, atoi(found[1]))
		p.Message = "is not YAML: " + found[2] + "; correct this line or the one before"
	}
	d.problems = append(d.problems, p)
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text) // no number: 0
	return n
}

func readFailure(err error) string {
	var failure *os.PathError
	if errors.As(err, &failure) {
		return "cannot be read: " + failure.Err.Error()
	}
	return "cannot be read: " + err.Error()
}
