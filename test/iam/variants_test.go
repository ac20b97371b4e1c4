package iam_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// variant is one way the product runs. A new one is one more row.
type variant struct {
	name string // last part of its stacks' ids
	// program reads from a stack which program runs there, with which role and environment.
	program func(*assembly.Stack) (program, error)
	// start runs the program with its environment and the stand-ins until the test ends, and returns where it answers HTTP.
	start func(t *testing.T, s subject, standIns map[string]string) (url string)
	// observe runs the program through everything that makes it call AWS, and returns the calls.
	observe func(t *testing.T, s subject) []call
	// platform is what AWS itself asks of the variant's roles and of the network, with the reason.
	platform func(subject) (platform, error)
}

var variants = []variant{
	{"serverless", functionProgram, startFunction, observe, functionPlatform},
	{"containers", taskProgram, startTask, observe, taskPlatform},
	{"instances", instanceProgram, startInstance, observe, instancePlatform},
}

// platform is what AWS does for a variant, beside what its program calls.
type platform struct {
	roles []role
	// unsigned is what passes the network's endpoints without a role of ours.
	unsigned []need
}

// role is one role of a variant's stack.
type role struct {
	id        string // logical
	principal string // the AWS service that takes it
	program   bool   // the program's calls are signed with it
	needs     []need // of AWS
}

// subject is one variant in one stack.
type subject struct {
	variant
	stack *assembly.Stack
	told  program
}

// subjects returns every program of every stack: those of the variants, and those that test them.
func subjects(t *testing.T) []subject {
	t.Helper()
	var all []subject
	for _, v := range slices.Concat(variants, hooks) {
		found := len(all)
		for _, stack := range built.assembly.Stacks {
			if !strings.HasSuffix(stack.ID, "/"+v.name) {
				continue
			}
			told, err := v.program(stack)
			if errors.Is(err, errNone) {
				continue
			}
			if err != nil {
				t.Fatalf("stack %s: %v", stack.ID, err)
			}
			all = append(all, subject{v, stack, told})
		}
		if len(all) == found {
			t.Fatalf("no stack of %s was synthesized", v.name)
		}
	}
	return all
}

// asked is what AWS itself asks of a subject.
func (s subject) asked(t *testing.T) platform {
	t.Helper()
	p, err := s.platform(s)
	if err != nil {
		t.Fatalf("stack %s: %v", s.stack.ID, err)
	}
	return p
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

// startTask runs the server as ECS does, which tells a container its Region (Amazon ECS Developer Guide, "Amazon ECS
// environment variables", read 2026-11-23).
func startTask(t *testing.T, s subject, standIns map[string]string) string {
	return startServer(t, s, standIns, map[string]string{"AWS_REGION": s.stack.Region})
}

// startInstance runs the server as systemd does: with the environment file and nothing else.
func startInstance(t *testing.T, s subject, standIns map[string]string) string {
	return startServer(t, s, standIns, nil)
}

// startServer runs the server, on a free port of this machine alone.
func startServer(t *testing.T, s subject, standIns, further map[string]string) string {
	t.Helper()
	environment := maps.Clone(s.told.environment)
	maps.Copy(environment, standIns)
	maps.Copy(environment, further)
	environment[settings.EnvListen] = "127.0.0.1:0"
	cmd := exec.Command(binary(t, s.told.pkg))
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		watch(reader, t.Output(), address)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		_ = writer.Close()
		<-read
	})
	listens, ok := <-address
	if !ok {
		t.Fatal("the server does not listen")
	}
	return "http://" + listens
}

// watch copies what the server prints, and says on which address it listens, or closes the channel when it ends.
func watch(r io.Reader, out io.Writer, address chan<- string) {
	defer close(address)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, _ = out.Write(append(lines.Bytes(), '\n'))
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			address <- line.Address
		}
	}
}
