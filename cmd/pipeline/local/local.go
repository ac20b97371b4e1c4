// Package local runs the variants of synthesized stacks on this machine: each program is the one its template names,
// started with the environment its template gives, behind stand-ins for the AWS services around it.
//
// It must not know how the assembly came to be, nor what the programs answer.
package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
)

// Options says how to run.
type Options struct {
	Root     string            // of the checkout, where the programs' packages are
	Work     string            // folder for binaries and logs
	StandIns map[string]string // variables that replace the role and the network of AWS
	// Build makes the binary of a program for this machine; default GoBuild.
	Build func(ctx context.Context, root, program, output string) error
}

// Function is a function that runs.
type Function struct {
	assembly.Function
	Runtime *lambdaruntime.Runtime
	Binary  string // path of the program that its processes run
	Log     string // path of the file that gets what its processes write
	log     *os.File
}

// Variant is a stack that runs.
type Variant struct {
	Stack     *assembly.Stack
	Functions []Function
	// API is the REST API in front, nil when there is none.
	API     *apigateway.API
	Handler http.Handler
}

// Serverless prepares the functions of a stack, their Invoke API and, if the stack has one, its REST API. Processes
// start with the first invocation.
func Serverless(ctx context.Context, stack *assembly.Stack, o Options) (*Variant, error) {
	functions, err := stack.Functions()
	if err != nil {
		return nil, err
	}
	v := &Variant{Stack: stack}
	for _, f := range functions {
		running, err := start(ctx, stack, f, o)
		if err != nil {
			return nil, errors.Join(err, v.Close())
		}
		v.Functions = append(v.Functions, running)
	}
	if err := v.front(); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

func start(ctx context.Context, stack *assembly.Stack, f assembly.Function, o Options) (Function, error) {
	binary, err := o.binary(ctx, f)
	if err != nil {
		return Function{}, err
	}
	logPath := filepath.Join(o.Work, f.LogicalID+".log")
	log, err := os.Create(logPath)
	if err != nil {
		return Function{}, err
	}
	r, err := lambdaruntime.New(lambdaruntime.Options{
		Binary:      binary,
		Name:        f.Name,
		Region:      stack.Region,
		Account:     stack.Account,
		Handler:     f.Handler,
		Runtime:     f.Runtime,
		MemoryMB:    f.MemoryMB,
		Timeout:     f.Timeout,
		Environment: f.Environment,
		StandIns:    o.StandIns,
		Log:         log,
	})
	if err != nil {
		return Function{}, errors.Join(fmt.Errorf("stack %s: %w", stack.ID, err), log.Close())
	}
	return Function{Function: f, Runtime: r, Binary: binary, Log: logPath, log: log}, nil
}

// binary returns the path of a program that runs here: the deployed one where this machine can run it, else one built
// from the package that the template names.
func (o Options) binary(ctx context.Context, f assembly.Function) (string, error) {
	if runtime.GOOS == "linux" && runtime.GOARCH == "arm64" && f.Code != "" {
		return filepath.Join(f.Code, "bootstrap"), os.MkdirAll(o.Work, 0o755)
	}
	output := filepath.Join(o.Work, f.LogicalID, "bootstrap")
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return "", err
	}
	build := o.Build
	if build == nil {
		build = GoBuild
	}
	return output, build(ctx, o.Root, f.Program, output)
}

// GoBuild builds a program as the asset is built, but for this machine.
func GoBuild(ctx context.Context, root, program, output string) error {
	path, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	cmd := process.Command(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", path, program)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var messages strings.Builder
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if err := process.Run(cmd); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", program, err, messages.String())
	}
	return nil
}

// front makes the handler: the REST API, and beside it Lambda's Invoke API.
func (v *Variant) front() error {
	byName, byID := map[string]invoke.Invoker{}, map[string]invoke.Invoker{}
	for _, f := range v.Functions {
		byName[f.Name], byID[f.LogicalID] = f.Runtime, f.Runtime
	}
	apis, err := apigateway.Read(v.Stack)
	if err != nil {
		return err
	}
	lambda := http.NewServeMux()
	invoke.NewAPI(byName).Register(lambda)
	v.Handler = lambda
	if len(apis) > 1 {
		return fmt.Errorf("stack %s has %d REST APIs; the local run serves one for each stack", v.Stack.ID, len(apis))
	}
	if len(apis) == 1 {
		gateway, err := apigateway.New(apis[0], byID)
		if err != nil {
			return err
		}
		v.API = &apis[0]
		// Not one mux for both: it would redirect paths that are not clean, which API Gateway does not.
		v.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, pattern := lambda.Handler(r); pattern != "" {
				lambda.ServeHTTP(w, r)
				return
			}
			gateway.ServeHTTP(w, r)
		})
	}
	return nil
}

// Checked is a process whose environment has been compared with its template.
type Checked struct {
	Function string
	PID      int
	Count    int   // of the variables that the template gives
	Err      error // nil when equal; errors.ErrUnsupported where the system does not tell
}

// CheckEnvironments compares the program and the environment of every running process, as the kernel has them, with
// its template.
func (v *Variant) CheckEnvironments() []Checked {
	var all []Checked
	for _, f := range v.Functions {
		for _, pid := range f.Runtime.Processes() {
			all = append(all, Checked{f.LogicalID, pid, len(f.Environment), f.check(pid)})
		}
	}
	return all
}

// check compares a process, as the kernel has it: the program it runs, and its environment.
func (f Function) check(pid int) error {
	environ, err := process.Environ(pid)
	if err != nil {
		return err
	}
	// Where the environment can be read, so can the link to the program.
	running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return err
	}
	built, err := os.Stat(f.Binary)
	if err != nil {
		return err
	}
	if !os.SameFile(running, built) {
		return fmt.Errorf("it does not run %s", f.Binary)
	}
	return f.Runtime.CheckEnvironment(environ)
}

// Close ends every process and waits until none is left.
func (v *Variant) Close() error {
	var problems []error
	for _, f := range v.Functions {
		problems = append(problems, f.Runtime.Close(), f.log.Close())
	}
	return errors.Join(problems...)
}
