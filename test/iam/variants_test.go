package iam_test

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// variant is one way the product runs. A new one is one more row.
type variant struct {
	name string // last part of its stacks' ids
	// principal is the AWS service that takes the role.
	principal string
	// program reads from a stack which program runs there, with which role and environment.
	program func(*assembly.Stack) (program, error)
	// start runs the program with its environment and the stand-ins, and returns where it answers HTTP.
	start func(t *testing.T, s subject, standIns map[string]string) (url string)
	// platform is what AWS itself asks of the role, with the reason.
	platform func(subject) ([]need, error)
}

var variants = []variant{
	{"serverless", "lambda.amazonaws.com", functionProgram, startFunction, functionPlatform},
}

// program is what a template says about a program.
type program struct {
	resource    string // logical id of what runs it
	pkg         string
	role        string // logical id
	environment map[string]string
}

// subject is one variant in one stack.
type subject struct {
	variant
	stack *assembly.Stack
	told  program
}

// subjects returns every stack of every variant.
func subjects(t *testing.T) []subject {
	t.Helper()
	var all []subject
	for _, v := range variants {
		for _, stack := range built.assembly.Stacks {
			if !strings.HasSuffix(stack.ID, "/"+v.name) {
				continue
			}
			told, err := v.program(stack)
			if err != nil {
				t.Fatalf("stack %s: %v", stack.ID, err)
			}
			all = append(all, subject{v, stack, told})
		}
	}
	if len(all) == 0 {
		t.Fatal("no stack of any variant was synthesized")
	}
	return all
}

var compiled sync.Map // path of a program by its package

// binary builds a program for this machine, once.
func binary(t *testing.T, pkg string) string {
	t.Helper()
	build, _ := compiled.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		path := filepath.Join(built.dir, "bin", filepath.Base(pkg))
		return path, synthesis.Build(built.root, pkg, path)
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func functionProgram(stack *assembly.Stack) (program, error) {
	f, err := onlyFunction(stack)
	if err != nil {
		return program{}, err
	}
	role, attribute, _ := assembly.Reference(stack.Resources[f.LogicalID].Properties["Role"])
	if attribute != "Arn" {
		return program{}, fmt.Errorf("function %s has no role of this stack", f.LogicalID)
	}
	return program{resource: f.LogicalID, pkg: f.Program, role: role, environment: f.Environment}, nil
}

func onlyFunction(stack *assembly.Stack) (assembly.Function, error) {
	functions, err := stack.Functions()
	if err != nil {
		return assembly.Function{}, err
	}
	if len(functions) != 1 {
		return assembly.Function{}, fmt.Errorf("there are %d functions of ours, want 1", len(functions))
	}
	return functions[0], nil
}

// startFunction runs the function behind the template's API.
func startFunction(t *testing.T, s subject, standIns map[string]string) string {
	t.Helper()
	f, err := onlyFunction(s.stack)
	if err != nil {
		t.Fatal(err)
	}
	function, err := lambdaruntime.New(lambdaruntime.Options{
		Binary: binary(t, s.told.pkg), Name: f.Name, Region: s.stack.Region, Account: s.stack.Account,
		Timeout: f.Timeout, MemoryMB: f.MemoryMB, Environment: s.told.environment, StandIns: standIns, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = function.Close() })
	apis, err := apigateway.Read(s.stack)
	if err != nil || len(apis) != 1 {
		t.Fatalf("%d APIs (%v), want 1", len(apis), err)
	}
	front, err := apigateway.New(apis[0], map[string]invoke.Invoker{f.LogicalID: function})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(front)
	t.Cleanup(server.Close)
	return server.URL
}

// functionPlatform is Lambda writing the function's output to its log group with the function's role (AWS Lambda
// Developer Guide, "Defining Lambda function permissions with an execution role"; the actions are those of the managed
// policy AWSLambdaBasicExecutionRole without CreateLogGroup, for the stack makes the group). The program does neither
// call itself, so no recorder can see them. For both, IAM's refusals name the log stream.
func functionPlatform(s subject) ([]need, error) {
	function := s.stack.Resources[s.told.resource]
	logging, _ := function.Properties["LoggingConfig"].(map[string]any)
	id, _, ok := assembly.Reference(logging["LogGroup"])
	if !ok {
		return nil, fmt.Errorf("function %s does not log to a group of its stack", function.LogicalID)
	}
	group := func(name string) string {
		return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:2026/11/22/[$LATEST]0123456789abcdef", s.stack.Region, s.stack.Account, name)
	}
	name := physicalName(s.stack, id)
	var needs []need
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		n := newNeed("Lambda writing the function's log", action, group(name), nil)
		n.never = []forbidden{{"another log group", policyRequest(action, group(name+"-other"), nil)}}
		needs = append(needs, n)
	}
	return needs, nil
}
