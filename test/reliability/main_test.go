// Package reliability_test treats the server as a bad day does: more load than it can take, callers that stall and
// leave, a model service that breaks anywhere, credentials that go, a log that nobody reads. It asserts what must hold
// on any machine: who is answered, refused and counted, and that nothing is left behind; times are printed, not judged.
//
// A quick form of each runs with every test run. RELIABILITY_SOAK=10m runs the long forms (make soak).
//
// It must not know how the gateway works inside; only what goes over the wire, what it prints, and what the kernel knows
// of the process.
package reliability_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/output"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// program is the server, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(synthesis.Prepared(m, "reliability", func(dir string) error {
		program = filepath.Join(dir, "server")
		return synthesis.Build(filepath.Join("..", ".."), "./runtime/cmd/server", program)
	}))
}

// now is the day the embedded Bedrock lives in, so that no test dies with a model.
var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// told is what the server is told unless a test says otherwise: one alias, and everyone on this machine may call.
func told() settings.Settings {
	s := settings.Default()
	s.Environment, s.Variant, s.Listen = "test", settings.VariantContainers, "127.0.0.1:0"
	s.Aliases = []settings.Alias{{Name: "haiku", DefaultMaxTokens: 1000, MaxTokens: 4000,
		Targets: []settings.Target{{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"}}}}
	s.Auth = settings.Auth{Mode: settings.AuthOff, OffReason: "only on the loopback address"}
	return s
}

// echo is an embedded Bedrock that says what it was asked, in many chunks.
func echo() *bedrocktest.Server {
	return bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }, ChunkBytes: 16, DropBodies: true, KeepCalls: 1000,
		Latency: -1, Reply: func(prompt string) string { return prompt }})
}

// process is a running server.
type process struct {
	program  string // default: program
	url      string
	command  *exec.Cmd
	upstream *httptest.Server // its Bedrock
	log      output.Log
	errors   output.Log // what the Go runtime says: why it dies, its goroutines, its collector
	killed   bool       // the test ends it in another way
}

// start runs the server in front of a Bedrock. environment is on top of what it is told.
func start(t *testing.T, s settings.Settings, bedrock http.Handler, environment ...string) *process {
	t.Helper()
	p := &process{}
	p.start(t, s, bedrock, environment...)
	return p
}

func (p *process) start(t *testing.T, s settings.Settings, bedrock http.Handler, environment ...string) {
	t.Helper()
	upstream := httptest.NewServer(bedrock)
	t.Cleanup(upstream.Close)
	reader, writer := io.Pipe()
	p.upstream = upstream
	p.run(t, s, writer, &p.errors, append([]string{"AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + upstream.URL}, environment...))
	address := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		watch(reader, &p.log, address)
	}()
	t.Cleanup(func() {
		p.stop(t)
		_ = writer.Close()
		<-drained
	})
	p.url = "http://" + <-address
}

// run starts the process; what it prints goes to out and errors.
func (p *process) run(t *testing.T, s settings.Settings, out, errors io.Writer, environment []string) {
	t.Helper()
	p.command = exec.Command(cmp.Or(p.program, program))
	p.command.Stdout, p.command.Stderr = out, errors
	p.command.Env = []string{"AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}
	for name, value := range s.Encode() {
		p.command.Env = append(p.command.Env, name+"="+value)
	}
	if !strings.Contains(strings.Join(environment, " "), "AWS_CONTAINER_CREDENTIALS") {
		p.command.Env = append(p.command.Env, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=not-a-secret")
	}
	p.command.Env = append(p.command.Env, environment...)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
}

// stop ends the process, which must end well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if p.killed {
		return
	}
	p.killed = true
	_ = p.command.Process.Signal(syscall.SIGTERM)
	if err := p.command.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s\n%s", err, output.Tail(p.log.String()), output.Tail(p.errors.String()))
	}
}

// goroutines makes the process print its goroutines, which ends it, and returns those of the program that wait. Such as do
// not are on their way somewhere, be it to their end: a busy machine leaves some at any moment. Go's own are as many as the
// machine has processors.
func (p *process) goroutines(t *testing.T) (waiting []string) {
	t.Helper()
	p.killed = true
	if err := p.command.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = p.command.Wait() // it ends with 2, as it must
	_, dump, _ := strings.Cut(p.errors.String(), "SIGQUIT: quit")
	for _, one := range strings.Split(dump, "\n\n") {
		head, _, _ := strings.Cut(strings.TrimSpace(one), "\n")
		own := strings.Contains(one, "created by runtime.")
		if strings.HasPrefix(head, "goroutine ") && !own && !strings.Contains(head, "[runnable") && !strings.Contains(head, "[running") {
			waiting = append(waiting, one)
		}
	}
	return waiting
}

// files is how many files the process has open.
func (p *process) files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// memory is the process's resident memory in bytes.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// mayOpen is how many files one process may have open here.
func mayOpen(t *testing.T) int {
	t.Helper()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	return int(min(files.Cur, 1<<20))
}

// kernel skips a test that asks the kernel of Linux about a process.
func kernel(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
}

// eventually waits until something holds that nobody announces.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.After(output.Patience)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("within %s it did not come to this: %s", output.Patience, what)
		}
	}
}

// reaches waits until a metric adds up to a number.
func (p *process) reaches(t *testing.T, metric string, want float64) {
	t.Helper()
	if err := p.log.UntilSum(metric, want); err != nil {
		t.Fatal(err)
	}
}

// watch copies what the server prints, and says on which address it listens, or closes the channel when it ends.
func watch(r io.Reader, out io.Writer, address chan<- string) {
	defer close(address)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, _ = out.Write(append(bytes.Clone(lines.Bytes()), '\n'))
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			address <- line.Address
		}
	}
}
