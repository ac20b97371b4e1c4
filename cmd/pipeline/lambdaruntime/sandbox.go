package lambdaruntime

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
)

// invocation is one event on its way through a process.
type invocation struct {
	id       string
	payload  []byte
	answered chan *invoke.Response // gets one value; nil when the event never reached the process
	finished chan struct{}         // closed when the process asks for its next event, or is gone
	once     sync.Once
	timer    *time.Timer // kills the process at the deadline
}

func newInvocation(payload []byte) *invocation {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return &invocation{
		id:       fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]),
		payload:  payload,
		answered: make(chan *invoke.Response, 1),
		finished: make(chan struct{}),
	}
}

// answer hands the response to the caller; it reports false when there has been one before.
func (inv *invocation) answer(response *invoke.Response) bool {
	first := false
	inv.once.Do(func() {
		inv.answered <- response
		first = true
	})
	return first
}

func failed(e *invoke.FunctionError) *invoke.Response {
	return &invoke.Response{FunctionError: e, Body: io.NopCloser(bytes.NewReader(nil))}
}

// sandbox is one process with a Runtime API of its own, as a Lambda execution environment is.
type sandbox struct {
	runtime *Runtime
	command *exec.Cmd
	server  *http.Server
	work    chan *invocation // holds at most the current one
	gone    chan struct{}    // closed when the process has ended

	mu        sync.Mutex
	current   *invocation           // nil while idle
	delivered bool                  // the process has fetched the current one
	served    bool                  // the process has asked for an event before
	reason    *invoke.FunctionError // why the process was, or will be, ended
	initTimer *time.Timer
}

// startSandbox starts a process for its first invocation.
func startSandbox(r *Runtime, first *invocation) (*sandbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("function %s: cannot serve the Runtime API: %w", r.options.Name, err)
	}
	s := &sandbox{runtime: r, work: make(chan *invocation, 1), gone: make(chan struct{})}
	s.assign(first)
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: InitTimeout}
	s.command = process.Command(r.context, r.options.Binary)
	s.command.Dir = filepath.Dir(r.options.Binary)
	s.command.Env = r.options.environment(listener.Addr().String())
	s.command.Stdout, s.command.Stderr = r.log, r.log
	if err := s.command.Start(); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("function %s: %w", r.options.Name, err)
	}
	s.initTimer = time.AfterFunc(InitTimeout, s.initExpired)
	r.running.Add(2)
	go func() {
		defer r.running.Done()
		_ = s.server.Serve(listener) // ends when closed
	}()
	go func() {
		defer r.running.Done()
		s.wait()
	}()
	return s, nil
}

func (s *sandbox) assign(inv *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.delivered = inv, false
	s.work <- inv
}

// wait ends what belongs to the process when it ends, and reports the invocation it leaves behind.
func (s *sandbox) wait() {
	err := s.command.Wait()
	_ = process.Signal(s.command.Process, syscall.SIGKILL) // what it may have started itself
	s.runtime.forget(s)
	s.mu.Lock()
	s.initTimer.Stop()
	if s.reason == nil {
		state := "exit status 0"
		if err != nil {
			state = err.Error()
		}
		s.reason = &invoke.FunctionError{Type: "Runtime.ExitError", Message: "Runtime exited with error: " + state}
	}
	inv, delivered, served := s.current, s.delivered, s.served
	s.current = nil
	s.mu.Unlock()
	close(s.gone)
	if inv != nil {
		if inv.timer != nil {
			inv.timer.Stop()
		}
		if delivered || !served || s.runtime.context.Err() != nil {
			inv.answer(failed(s.reason))
		} else {
			inv.answer(nil)
		}
		close(inv.finished)
	}
	_ = s.server.Close()
}

// end kills the process; reason is what its invocation is told.
func (s *sandbox) end(reason *invoke.FunctionError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil {
		s.reason = reason
	}
	_ = process.Signal(s.command.Process, syscall.SIGKILL)
}

func (s *sandbox) initExpired() {
	s.end(&invoke.FunctionError{
		Type:    "Sandbox.Timedout",
		Message: fmt.Sprintf("Init timed out: the program did not ask for an event within %s", InitTimeout),
	})
}

// idle ends the invocation before, if there was one. It is called when the process asks for an event.
func (s *sandbox) idle() {
	s.mu.Lock()
	s.initTimer.Stop()
	s.served = true
	inv := s.current
	if inv == nil || !s.delivered {
		s.mu.Unlock()
		return
	}
	s.current = nil
	inv.timer.Stop()
	s.mu.Unlock()
	s.runtime.release(s)
	inv.answer(failed(&invoke.FunctionError{
		Type:    "Runtime.NoResponse",
		Message: "the program asked for its next event without answering this one",
	}))
	close(inv.finished)
}

// deliver marks the invocation as being with the process, and starts its time.
func (s *sandbox) deliver(inv *invocation) (deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivered = true
	timeout := s.runtime.options.Timeout
	inv.timer = time.AfterFunc(timeout, func() {
		s.end(&invoke.FunctionError{
			Type:    "Sandbox.Timedout",
			Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, timeout.Seconds()),
		})
	})
	return time.Now().Add(timeout)
}

// find returns the current invocation if it has the id.
func (s *sandbox) find(id string) *invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.delivered && s.current.id == id {
		return s.current
	}
	return nil
}

// exited waits a while for the process to end, and reports whether it did.
func (s *sandbox) exited(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.gone:
		return true
	case <-timer.C:
		return false
	}
}
