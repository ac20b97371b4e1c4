// Package serverruntime runs a program as ECS and systemd run a server: one process of the real binary, with the
// environment of its template and nothing else, ended with SIGTERM, and killed when it takes longer than allowed.
//
// Differences from AWS: it listens on the address it is given here; it has the user, the file system and the limits of
// whoever runs this; a process that ends is not started again.
//
// It must not know templates, nor what the program answers.
package serverruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Options says what to run. All but Platform, StandIns and Log are required.
type Options struct {
	Name        string            // for messages
	Command     []string          // the program, after an emulator where one is needed
	Environment map[string]string // the template's
	Listen      string            // an address of this machine, in the place of the template's
	Platform    map[string]string // what AWS itself sets, such as ECS's; the template may say otherwise
	StandIns    map[string]string // what replaces the role and the network of AWS: credentials, endpoints
	StopTimeout time.Duration     // from SIGTERM to SIGKILL
	Log         io.Writer         // gets what the process writes; default: discarded
}

// ECS is what Amazon ECS sets for a container of a Fargate task (AWS, "Amazon ECS environment variables", read
// 2026-11-23). The variables that lead to the task's credentials and metadata are left out: stand-ins are in their place.
// systemd on an instance sets nothing that a program here reads.
func ECS(region string) map[string]string {
	return map[string]string{"AWS_DEFAULT_REGION": region, "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "AWS_REGION": region}
}

// Runtime is one running server. Its methods may be called at the same time.
type Runtime struct {
	options Options
	command *exec.Cmd
	cancel  context.CancelFunc
	log     *watcher
	ended   chan struct{}
	err     error // how it ended; written before ended is closed
}

// Start starts the process. It does not wait until the program listens.
func Start(options Options) (*Runtime, error) {
	if err := options.check(); err != nil {
		return nil, fmt.Errorf("server %s: %w", options.Name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Runtime{options: options, cancel: cancel, log: newWatcher(options.Log), ended: make(chan struct{})}
	r.command = process.Command(ctx, options.Command[0], options.Command[1:]...)
	r.command.WaitDelay = options.StopTimeout
	r.command.Env = options.environment()
	r.command.Stdout, r.command.Stderr = r.log, r.log
	if err := r.command.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("server %s: %w", options.Name, err)
	}
	go r.wait(ctx)
	return r, nil
}

// check refuses stand-ins that would hide a variable of the template.
func (o Options) check() error {
	var problems []error
	if len(o.Command) == 0 || o.Listen == "" || o.StopTimeout <= 0 {
		problems = append(problems, errors.New("a server needs a command, an address and a time to end in"))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Environment)) {
		if _, hidden := o.StandIns[name]; hidden {
			problems = append(problems, fmt.Errorf("environment variable %s is set by the template and by the local run", name))
		}
	}
	return errors.Join(problems...)
}

// environment is the whole environment of the process; nothing of this process's own is in it.
func (o Options) environment() []string {
	variables := map[string]string{}
	for _, from := range []map[string]string{o.Platform, o.Environment, {settings.EnvListen: o.Listen}, o.StandIns} {
		maps.Copy(variables, from)
	}
	entries := make([]string, 0, len(variables))
	for name, value := range variables {
		entries = append(entries, name+"="+value)
	}
	slices.Sort(entries)
	return entries
}

// wait waits for the process; the context ends when it is told to end.
func (r *Runtime) wait(ctx context.Context) {
	err := r.command.Wait()
	_ = process.Signal(r.command.Process, syscall.SIGKILL) // what it may have started itself
	status, _ := r.command.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case r.command.ProcessState.Success():
		err = nil // Wait would say that it was told to end
	case status.Signaled() && status.Signal() == syscall.SIGKILL && ctx.Err() != nil:
		err = fmt.Errorf("was killed, for it had not ended %s after SIGTERM", r.options.StopTimeout)
	}
	if err != nil {
		r.err = fmt.Errorf("server %s: %w", r.options.Name, err)
	}
	close(r.ended)
}

// Address waits until the program says in its log where it listens, and returns it: of use where Listen has the port 0.
// A program whose log level is above info does not say it.
func (r *Runtime) Address(ctx context.Context) (string, error) {
	select {
	case address := <-r.log.address:
		r.log.address <- address
		return address, nil
	case <-r.ended:
		return "", errors.Join(fmt.Errorf("server %s: has ended before it listened", r.options.Name), r.err)
	case <-ctx.Done():
		return "", fmt.Errorf("server %s: has not said where it listens: %w", r.options.Name, ctx.Err())
	}
}

// Ended is closed when the process has ended, whoever wanted it.
func (r *Runtime) Ended() <-chan struct{} { return r.ended }

// Processes returns the id of the process while it runs.
func (r *Runtime) Processes() []int {
	select {
	case <-r.ended:
		return nil
	default:
		return []int{r.command.Process.Pid}
	}
}

// Signal sends the process a signal. One that has ended is os.ErrProcessDone.
func (r *Runtime) Signal(signal os.Signal) error { return r.command.Process.Signal(signal) }

// CheckEnvironment compares the environment of the running process with what it has to be: every variable of the
// template with its value, save where it listens, and beside them only what AWS sets and the stand-ins. It returns one
// error for each difference, joined.
func (r *Runtime) CheckEnvironment(actual map[string]string) error {
	want := map[string]string{}
	maps.Copy(want, r.options.Environment)
	want[settings.EnvListen] = r.options.Listen
	return process.Compare(actual, want, func(name string) bool {
		_, platform := r.options.Platform[name]
		_, standIn := r.options.StandIns[name]
		return platform || standIn
	}, "set by AWS or the local run")
}

// Close asks the process to end, and returns when it has: by itself, or killed when StopTimeout is over. Its error says
// that the process was killed or did not end well, also when that was before.
func (r *Runtime) Close() error {
	r.cancel()
	<-r.ended
	return r.err
}
