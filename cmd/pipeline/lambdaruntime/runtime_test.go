package lambdaruntime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
)

// gate holds the function back until the test opens it.
type gate struct {
	*httptest.Server
	arrived chan string
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{arrived: make(chan string, 32), open: make(chan struct{})}
	g.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.arrived <- r.URL.RawQuery
		select {
		case <-g.open:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func start(t *testing.T, change func(*lambdaruntime.Options)) *lambdaruntime.Runtime {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := lambdaruntime.Options{
		Binary:      binary,
		Name:        "tested",
		Region:      "us-east-1",
		Timeout:     30 * time.Second,
		Environment: map[string]string{actAsFunction: "handler"},
		StandIns:    map[string]string{"AWS_ACCESS_KEY_ID": "local"},
		Log:         t.Output(),
	}
	if change != nil {
		change(&o)
	}
	r, err := lambdaruntime.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func do(t *testing.T, r *lambdaruntime.Runtime, o order) *invoke.Response {
	t.Helper()
	payload, _ := json.Marshal(o)
	response, err := r.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("%s: %v", o.Do, err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func ask(t *testing.T, r *lambdaruntime.Runtime, o order) report {
	t.Helper()
	data, failure, err := invoke.ReadAll(do(t, r, o))
	if failure != nil || err != nil {
		t.Fatalf("%s: %v, %v", o.Do, failure, err)
	}
	var got report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %v in %q", o.Do, err, data)
	}
	return got
}

func TestBuffered(t *testing.T) {
	r := start(t, nil)
	before := time.Now()
	first, second := ask(t, r, order{}), ask(t, r, order{})
	if first.PID != second.PID {
		t.Errorf("two invocations in turn ran in processes %d and %d; want one process", first.PID, second.PID)
	}
	if first.RequestID == second.RequestID || len(first.RequestID) != 36 {
		t.Errorf("request ids %q and %q; want two different UUIDs", first.RequestID, second.RequestID)
	}
	// Lambda tells it in whole milliseconds.
	if got, after := first.Deadline.Sub(before), time.Since(before); got < 30*time.Second-time.Millisecond || got > 30*time.Second+after {
		t.Errorf("the deadline was %s ahead at most %s later; want the timeout of 30 s", got, after)
	}
	if want := "arn:aws:lambda:us-east-1:000000000000:function:tested"; first.ARN != want {
		t.Errorf("ARN %q; want %q", first.ARN, want)
	}
}

func TestStreamPassesPiecesOnAsTheyAreWritten(t *testing.T) {
	r, g := start(t, nil), newGate(t)
	response := do(t, r, order{Do: "stream", Gate: g.URL})
	if !response.Stream {
		t.Error("the response is not marked as a stream")
	}
	want := "{\"statusCode\":200}\x00\x00\x00\x00\x00\x00\x00\x00one"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != want {
		t.Fatalf("before the gate opened: %q, %v; want %q", got, err, want)
	}
	close(g.open)
	rest, err := io.ReadAll(response.Body)
	if err != nil || string(rest) != "two" {
		t.Errorf("after the gate opened: %q, %v; want \"two\"", rest, err)
	}
}

func TestFailures(t *testing.T) {
	tests := []struct {
		name, do, wantType, wantMessage string
		wantBody                        string // read before the failure
		wantSameProcess                 bool
	}{
		{name: "handler error", do: "fail", wantType: "errorString", wantMessage: "no luck", wantSameProcess: true},
		{name: "panic", do: "panic", wantType: "string", wantMessage: "at the disco"},
		{name: "exit", do: "exit", wantType: "Runtime.ExitError", wantMessage: "exit status 7"},
		{name: "error trailers", do: "stream and fail", wantType: "errorString", wantMessage: "lost it", wantBody: "onetwo", wantSameProcess: true},
		{name: "exit in mid-stream", do: "stream and exit", wantType: "Runtime.ExitError", wantMessage: "exit status 7", wantBody: "one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, g := start(t, nil), newGate(t)
			close(g.open)
			before := ask(t, r, order{}).PID
			response := do(t, r, order{Do: test.do, Gate: g.URL})
			failure := response.FunctionError
			if failure == nil {
				data, err := io.ReadAll(response.Body)
				if !errors.As(err, &failure) {
					t.Fatalf("read %q, %v; want a function error", data, err)
				}
				if !bytes.HasSuffix(data, []byte(test.wantBody)) {
					t.Errorf("body %q; want it to end with %q", data, test.wantBody)
				}
			}
			if failure.Type != test.wantType || !strings.Contains(failure.Message, test.wantMessage) {
				t.Errorf("got %v; want %s: …%s…", failure, test.wantType, test.wantMessage)
			}
			after := ask(t, r, order{}).PID
			if (after == before) != test.wantSameProcess {
				t.Errorf("processes %d and then %d; want the same: %t", before, after, test.wantSameProcess)
			}
		})
	}
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	r := start(t, func(o *lambdaruntime.Options) { o.Timeout = 500 * time.Millisecond })
	response := do(t, r, order{Do: "hang"})
	if e := response.FunctionError; e == nil || e.Type != "Sandbox.Timedout" || !strings.Contains(e.Message, "timed out after 0.50 seconds") {
		t.Fatalf("got %v; want a timeout", e)
	}
	if left := r.Processes(); len(left) != 0 {
		t.Errorf("processes %v are left", left)
	}
}

func TestEachConcurrentInvocationHasItsOwnProcess(t *testing.T) {
	const n = 4
	r, g := start(t, func(o *lambdaruntime.Options) { o.MaxProcesses = n }), newGate(t)
	pids := make([]int, n+1)
	var wait sync.WaitGroup
	for i := range pids {
		wait.Go(func() { pids[i] = ask(t, r, order{Do: "gate", Gate: g.URL}).PID })
	}
	for range n {
		<-g.arrived // n are inside at once, and one waits: it cannot arrive before the gate opens
	}
	if got := len(r.Processes()); got != n {
		t.Errorf("%d processes run; want %d", got, n)
	}
	close(g.open)
	wait.Wait()
	different := map[int]bool{}
	for _, pid := range pids {
		different[pid] = true
	}
	if len(different) != n {
		t.Errorf("%d invocations ran in %d processes; want %d", n+1, len(different), n)
	}
}

func TestClosingTheAnswerMakesTheFunctionsWritesFail(t *testing.T) {
	r, g := start(t, func(o *lambdaruntime.Options) { o.MaxProcesses = 1 }), newGate(t)
	response := do(t, r, order{Do: "stream without end", Gate: g.URL})
	pid := r.Processes()[0]
	<-g.arrived
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	close(g.open)
	if got := <-g.arrived; got != "write=failed" {
		t.Errorf("the gate heard %q; want write=failed", got)
	}
	if got := ask(t, r, order{}).PID; got != pid {
		t.Errorf("the process %d did not survive; %d answered", pid, got)
	}
}

func TestCallerThatLeavesBeforeTheAnswer(t *testing.T) {
	r, g := start(t, nil), newGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	payload, _ := json.Marshal(order{Do: "gate", Gate: g.URL})
	go func() {
		<-g.arrived
		cancel()
	}()
	if _, err := r.Invoke(ctx, payload); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
	close(g.open)
	ask(t, r, order{})
}

func TestInitFailure(t *testing.T) {
	r := start(t, func(o *lambdaruntime.Options) { o.Environment = map[string]string{actAsFunction: "exit at init"} })
	e := do(t, r, order{}).FunctionError
	if e == nil || e.Type != "Runtime.ExitError" || !strings.Contains(e.Message, "exit status 3") {
		t.Errorf("got %v; want Runtime.ExitError with exit status 3", e)
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	r, g := start(t, nil), newGate(t)
	response := do(t, r, order{Do: "stream", Gate: g.URL})
	pid := r.Processes()[0]
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(response.Body); err == nil {
		t.Error("the answer ended as if it were whole")
	}
	if p, err := os.FindProcess(pid); err == nil && process.Signal(p, 0) == nil {
		t.Errorf("process %d is still there", pid)
	}
	if _, err := r.Invoke(t.Context(), []byte("{}")); !errors.Is(err, lambdaruntime.ErrClosed) {
		t.Errorf("got %v; want %v", err, lambdaruntime.ErrClosed)
	}
}

func TestEnvironmentIsTheTemplatesAndLambdas(t *testing.T) {
	t.Setenv("LEAKED", "yes")
	r := start(t, nil)
	ask(t, r, order{})
	actual, err := process.Environ(r.Processes()[0])
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CheckEnvironment(actual); err != nil {
		t.Errorf("a healthy process: %v", err)
	}
	actual["LEAKED"] = "yes"
	actual[actAsFunction] = "other"
	want := fmt.Sprintf("%s is \"other\"; the template says \"handler\"\nLEAKED is neither in the template nor set by Lambda", actAsFunction)
	if err := r.CheckEnvironment(actual); err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

func TestRefusedOptions(t *testing.T) {
	_, err := lambdaruntime.New(lambdaruntime.Options{
		Binary:      "missing",
		Name:        "tested",
		Region:      "us-east-1",
		Environment: map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://there"},
		StandIns:    map[string]string{"AWS_ENDPOINT_URL": "http://here"},
	})
	for _, want := range []string{"missing: no such file", "AWS_REGION is reserved", "AWS_ENDPOINT_URL is set by the function and by the local run"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want it to mention %q", err, want)
		}
	}
}
