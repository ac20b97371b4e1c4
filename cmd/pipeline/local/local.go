// Package local runs the variants of synthesized stacks on this machine: each program is the one its template names,
// started with the environment its template gives, behind stand-ins for the AWS services around it.
//
// It must not know how the assembly came to be, nor what the programs answer.
package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/serverruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Options says how to run.
type Options struct {
	Root     string            // of the checkout, where the programs' packages are
	Work     string            // folder for binaries and logs
	StandIns map[string]string // variables that replace the role and the network of AWS
	// Build makes the binary of a program for this machine; default GoBuild.
	Build func(ctx context.Context, root, program, output string) error
}

// Program is a program of a stack that runs.
type Program struct {
	LogicalID string // of the resource that the program is of
	Name      string // as AWS would know the resource
	Package   string // the Go package that the template names
	Limits    string // what the template allows it, for people
	Variables int    // how many the template gives it
	Replaced  string // the one of these that it has otherwise here; empty for none
	Binary    string // path of the program that its processes run
	Log       string // path of the file that gets what its processes write
	run       runner
	log       *os.File
}

// runner runs the processes of a program.
type runner interface {
	Processes() []int
	CheckEnvironment(actual map[string]string) error
	Close() error
}

// Processes returns the ids of the program's running processes.
func (p Program) Processes() []int { return p.run.Processes() }

// Variant is a stack that runs, or one server of it.
type Variant struct {
	Stack    *assembly.Stack
	Programs []Program
	// API is the REST API in front, nil when there is none.
	API *apigateway.API
	// Handler is to be served; nil when the program listens by itself.
	Handler http.Handler
	// Ended is closed when a program that listens by itself has ended; nil for functions, which AWS starts again.
	Ended <-chan struct{}
}

// Serverless prepares the functions of a stack, their Invoke API and, if the stack has one, its REST API. Processes
// start with the first invocation.
func Serverless(ctx context.Context, stack *assembly.Stack, functions []assembly.Function, o Options) (*Variant, error) {
	v := &Variant{Stack: stack}
	byName, byID := map[string]invoke.Invoker{}, map[string]invoke.Invoker{}
	for _, f := range functions {
		p, r, err := function(ctx, stack, f, o)
		if err != nil {
			return nil, errors.Join(err, v.Close())
		}
		v.Programs = append(v.Programs, p)
		byName[f.Name], byID[f.LogicalID] = r, r
	}
	if err := v.front(byName, byID); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

func function(ctx context.Context, stack *assembly.Stack, f assembly.Function, o Options) (Program, *lambdaruntime.Runtime, error) {
	p, err := o.prepare(ctx, stack, f.LogicalID, f.Program, f.Code)
	if err != nil {
		return Program{}, nil, err
	}
	p.Name, p.Variables = f.Name, len(f.Environment)
	p.Limits = fmt.Sprintf("%d MB, %s", f.MemoryMB, f.Timeout)
	r, err := lambdaruntime.New(lambdaruntime.Options{
		Binary:      p.Binary,
		Name:        f.Name,
		Region:      stack.Region,
		Account:     stack.Account,
		Handler:     f.Handler,
		Runtime:     f.Runtime,
		MemoryMB:    f.MemoryMB,
		Timeout:     f.Timeout,
		Environment: f.Environment,
		StandIns:    o.StandIns,
		Log:         p.log,
	})
	if err != nil {
		return Program{}, nil, errors.Join(fmt.Errorf("stack %s: %w", stack.ID, err), p.log.Close())
	}
	p.run = r
	return p, r, nil
}

// Server starts a server of a stack, which listens on the address.
func Server(ctx context.Context, stack *assembly.Stack, s assembly.Server, address string, o Options) (*Variant, error) {
	if err := reached(s); err != nil {
		return nil, fmt.Errorf("stack %s, resource %s: %w", stack.ID, s.LogicalID, err)
	}
	p, err := o.prepare(ctx, stack, s.LogicalID, s.Program, "")
	if err != nil {
		return nil, err
	}
	p.Name, p.Variables, p.Replaced = s.LogicalID, len(s.Environment), settings.EnvListen
	p.Limits = fmt.Sprintf("%s to end", s.StopTimeout)
	var platform map[string]string
	if s.Task {
		platform = serverruntime.ECS(stack.Region)
	}
	r, err := serverruntime.Start(serverruntime.Options{
		Name:        s.LogicalID,
		Command:     []string{p.Binary},
		Environment: s.Environment,
		Listen:      address,
		Platform:    platform,
		StandIns:    o.StandIns,
		StopTimeout: s.StopTimeout,
		Log:         p.log,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("stack %s: %w", stack.ID, err), p.log.Close())
	}
	p.run = r
	return &Variant{Stack: stack, Programs: []Program{p}, Ended: r.Ended()}, nil
}

// reached refuses a server that listens where nobody asks. Here it would answer, for here it listens elsewhere.
func reached(s assembly.Server) error {
	_, port, err := net.SplitHostPort(s.Environment[settings.EnvListen])
	if err != nil {
		return fmt.Errorf("%s: %w", settings.EnvListen, err)
	}
	if s.Port != 0 && port != strconv.Itoa(s.Port) {
		return fmt.Errorf("%s is %q, and requests are sent to port %d", settings.EnvListen, s.Environment[settings.EnvListen], s.Port)
	}
	return nil
}

// prepare builds a program and opens its log.
func (o Options) prepare(ctx context.Context, stack *assembly.Stack, logicalID, program, code string) (Program, error) {
	binary, err := o.binary(ctx, program, code)
	if err != nil {
		return Program{}, err
	}
	// Two stacks may have the same logical ids, as in two Regions.
	path := filepath.Join(o.Work, filepath.FromSlash(stack.ID), logicalID+".log")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Program{}, err
	}
	log, err := os.Create(path)
	return Program{LogicalID: logicalID, Package: program, Binary: binary, Log: path, log: log}, err
}

// binary returns the path of a program that runs here: the deployed one where this machine can run it, else one built
// from the package that the template names.
func (o Options) binary(ctx context.Context, program, code string) (string, error) {
	if runtime.GOOS == "linux" && runtime.GOARCH == "arm64" && code != "" {
		return filepath.Join(code, "bootstrap"), nil
	}
	// One for all that run it: the second build finds it up to date.
	output := filepath.Join(o.Work, "bin", strings.ReplaceAll(strings.Trim(program, "./"), "/", "-"), "bootstrap")
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return "", err
	}
	build := o.Build
	if build == nil {
		build = GoBuild
	}
	return output, build(ctx, o.Root, program, output)
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
func (v *Variant) front(byName, byID map[string]invoke.Invoker) error {
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
	Program Program
	PID     int
	Err     error // nil when equal; errors.ErrUnsupported where the system does not tell
}

// CheckEnvironments compares the program and the environment of every running process, as the kernel has them, with
// its template.
func (v *Variant) CheckEnvironments() []Checked {
	var all []Checked
	for _, p := range v.Programs {
		for _, pid := range p.Processes() {
			all = append(all, Checked{p, pid, p.check(pid)})
		}
	}
	return all
}

// check compares a process, as the kernel has it: the program it runs, and its environment.
func (p Program) check(pid int) error {
	environ, err := process.Environ(pid)
	if err != nil {
		return err
	}
	// Where the environment can be read, so can the link to the program.
	running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return err
	}
	built, err := os.Stat(p.Binary)
	if err != nil {
		return err
	}
	if !os.SameFile(running, built) {
		return fmt.Errorf("it does not run %s", p.Binary)
	}
	return p.run.CheckEnvironment(environ)
}

// Close ends every process and waits until none is left. A server ends the requests that it has begun.
func (v *Variant) Close() error {
	var problems []error
	for _, p := range v.Programs {
		problems = append(problems, p.run.Close(), p.log.Close())
	}
	return errors.Join(problems...)
}
