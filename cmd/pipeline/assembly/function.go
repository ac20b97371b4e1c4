package assembly

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Function is a Lambda function of a template that runs one of this repository's programs.
type Function struct {
	LogicalID   string
	Name        string // the physical name, or one made of the stack's name and the logical id
	Program     string // the Go package that the template names, such as "./runtime/cmd/lambda"
	Runtime     string // such as "provided.al2023"
	Handler     string
	MemoryMB    int
	Timeout     time.Duration
	Environment map[string]string
	Code        string // folder or file of the asset in the assembly; empty when the code is elsewhere
}

// Lambda's own defaults for what a template leaves out.
const (
	defaultMemoryMB = 128
	defaultTimeout  = 3 * time.Second
	maxNameLength   = 64
)

// Functions returns the Lambda functions whose metadata names a program, by logical id. Others, such as the functions
// of custom resources, serve the deployment and not the callers.
func (s *Stack) Functions() ([]Function, error) {
	var functions []Function
	var problems []error
	for _, r := range s.ByType("AWS::Lambda::Function") {
		if program, ok := r.Metadata[settings.BinaryMetadata].(string); ok {
			function, err := s.function(r, program)
			functions = append(functions, function)
			problems = append(problems, err)
		}
	}
	return functions, errors.Join(problems...)
}

func (s *Stack) function(r Resource, program string) (Function, error) {
	var problems []error
	text := func(path ...string) string {
		value, err := s.String(r, path...)
		problems = append(problems, err)
		return value
	}
	number := func(path ...string) int {
		value, err := s.Int(r, path...)
		problems = append(problems, err)
		return value
	}
	f := Function{
		LogicalID: r.LogicalID,
		Name:      text("FunctionName"),
		Program:   program,
		Runtime:   text("Runtime"),
		Handler:   text("Handler"),
		MemoryMB:  cmp.Or(number("MemorySize"), defaultMemoryMB),
		Timeout:   cmp.Or(time.Duration(number("Timeout"))*time.Second, defaultTimeout),
	}
	if f.Name == "" {
		name := s.Name + "-" + r.LogicalID
		f.Name = name[:min(len(name), maxNameLength)]
	}
	var err error
	f.Environment, err = s.variables(r)
	problems = append(problems, err)
	code, _ := r.Properties["Code"].(map[string]any)
	if key, ok := code["S3Key"].(string); ok {
		f.Code, _ = s.Asset(key)
	}
	return f, errors.Join(problems...)
}

func (s *Stack) variables(r Resource) (map[string]string, error) {
	value, err := s.Evaluate(r, "Environment", "Variables")
	if err != nil {
		return nil, err
	}
	object, _ := value.(map[string]any)
	variables := make(map[string]string, len(object))
	for _, name := range sortedKeys(object) {
		text, ok := scalar(object[name])
		if !ok {
			return nil, fmt.Errorf("stack %s, resource %s, Properties.Environment.Variables.%s: is %T, not a text", s.ID, r.LogicalID, name, object[name])
		}
		variables[name] = text
	}
	return variables, nil
}

// FunctionBehind returns the logical id of the Lambda function that a value refers to, directly or through an alias
// or a version, such as the URI of an integration.
func (s *Stack) FunctionBehind(value any) (string, error) {
	for _, id := range s.References(value) {
		r := s.Resources[id]
		switch r.Type {
		case "AWS::Lambda::Function":
			return id, nil
		case "AWS::Lambda::Alias", "AWS::Lambda::Version":
			return s.FunctionBehind(r.Properties["FunctionName"])
		}
	}
	return "", fmt.Errorf("stack %s: no Lambda function of this stack is named in %v", s.ID, value)
}
