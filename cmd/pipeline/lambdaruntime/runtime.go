// Package lambdaruntime runs a program as AWS Lambda runs it: child processes of the real binary that fetch their
// events from a Runtime API, one at a time each, with the environment, the deadline and the failures of Lambda.
// Unlike the official emulator it passes streamed answers on as they are written.
//
// Differences from AWS: past the limit of processes an invocation waits where AWS would throttle it; processes are
// never frozen between invocations; memory is not limited.
//
// It must not know templates, HTTP gateways or what the events mean.
package lambdaruntime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
)

// Options says what to run.
type Options struct {
	Binary       string            // path of the program
	Name         string            // of the function; required
	Region       string            // required
	Account      string            // default "000000000000"
	Handler      string            // default "bootstrap"
	Runtime      string            // default "provided.al2023"
	MemoryMB     int               // default 128; only told to the program
	Timeout      time.Duration     // default 3 s; the process is killed past it
	Environment  map[string]string // the function's own
	StandIns     map[string]string // what replaces the role and the network of AWS: credentials, endpoints
	MaxProcesses int               // default 16
	Log          io.Writer         // gets what the processes write; default: discarded
	LogPrefix    string            // before each line of the log
}

// InitTimeout is how long a process may take until it asks for its first event, as in Lambda.
const InitTimeout = 10 * time.Second

// ErrClosed is returned for invocations of a closed runtime.
var ErrClosed = errors.New("the local function has been stopped")

func (o *Options) complete() error {
	o.Account = cmp.Or(o.Account, "000000000000")
	o.Handler = cmp.Or(o.Handler, "bootstrap")
	o.Runtime = cmp.Or(o.Runtime, "provided.al2023")
	o.MemoryMB = cmp.Or(o.MemoryMB, 128)
	o.Timeout = cmp.Or(o.Timeout, 3*time.Second)
	o.MaxProcesses = cmp.Or(o.MaxProcesses, 16)
	if o.Log == nil {
		o.Log = io.Discard
	}
	var problems []error
	if o.Name == "" || o.Region == "" {
		problems = append(problems, errors.New("a function needs a name and a Region"))
	}
	path, err := filepath.Abs(o.Binary)
	if err == nil {
		_, err = os.Stat(path)
	}
	o.Binary = path
	problems = append(problems, err, o.checkEnvironment())
	return errors.Join(problems...)
}

// Runtime runs one function. Its methods may be called at the same time.
type Runtime struct {
	options Options
	context context.Context // ends when the runtime is closed
	cancel  context.CancelFunc
	slots   chan struct{} // one for each sandbox that is not idle
	running sync.WaitGroup
	log     *lineWriter

	mu        sync.Mutex
	closed    bool
	idle      []*sandbox // the most recently used last
	sandboxes map[*sandbox]struct{}
}

// New checks the options and returns a runtime without any process: as in Lambda, the first invocation starts one.
func New(options Options) (*Runtime, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("function %s: %w", options.Name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Runtime{
		options:   options,
		context:   ctx,
		cancel:    cancel,
		slots:     make(chan struct{}, options.MaxProcesses),
		log:       &lineWriter{out: options.Log, prefix: options.LogPrefix},
		sandboxes: map[*sandbox]struct{}{},
	}, nil
}

// Invoke implements invoke.Invoker.
func (r *Runtime) Invoke(ctx context.Context, payload []byte) (*invoke.Response, error) {
	for {
		inv := newInvocation(payload)
		if err := r.assign(ctx, inv); err != nil {
			return nil, err
		}
		select {
		case response := <-inv.answered:
			if response == nil {
				continue // the process died while it was idle: the event never reached it
			}
			if response.FunctionError != nil {
				// Until the process asks for more or is gone, it would look busy to the next invocation.
				<-inv.finished
			}
			return response, nil
		case <-ctx.Done():
			go abandon(inv)
			return nil, ctx.Err()
		}
	}
}

// abandon refuses the answer that nobody waits for any more.
func abandon(inv *invocation) {
	if response := <-inv.answered; response != nil {
		_ = response.Body.Close()
	}
}

// assign gives the invocation to an idle process, or to a new one.
func (r *Runtime) assign(ctx context.Context, inv *invocation) error {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.context.Done():
		return ErrClosed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		<-r.slots
		return ErrClosed
	}
	if last := len(r.idle) - 1; last >= 0 {
		s := r.idle[last]
		r.idle = r.idle[:last]
		s.assign(inv)
		return nil
	}
	s, err := startSandbox(r, inv)
	if err != nil {
		<-r.slots
		return err
	}
	r.sandboxes[s] = struct{}{}
	return nil
}

// release takes back a process that asks for its next event.
func (r *Runtime) release(s *sandbox) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, s)
	<-r.slots
}

// forget drops a process that has ended.
func (r *Runtime) forget(s *sandbox) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sandboxes, s)
	if i := slices.Index(r.idle, s); i >= 0 {
		r.idle = slices.Delete(r.idle, i, i+1)
		return
	}
	<-r.slots
}

// Processes returns the ids of the running processes.
func (r *Runtime) Processes() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]int, 0, len(r.sandboxes))
	for s := range r.sandboxes {
		ids = append(ids, s.command.Process.Pid)
	}
	slices.Sort(ids)
	return ids
}

// Close ends every process and waits until none is left. Invocations under way fail.
func (r *Runtime) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
	return nil
}
