package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// now is the day the embedded Bedrock lives in, so that no test dies with a model.
var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// The body limit that the error tests set, small enough to pass it cheaply.
const maxBody = 100_000

var maxBodyText = strconv.Itoa(maxBody)

// pixel is a PNG picture of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// variant is one way the product runs.
type variant struct {
	name  string
	start func(*testing.T, options) *deployment
	// cancels says that a client that leaves stops the model. API Gateway and Lambda do not tell a function.
	cancels bool
}

func variants() []variant {
	return []variant{{"lambda", startLambda, false}, {"server", startServer, true}}
}

type options struct {
	environment map[string]string // on top of the template's
	bedrock     bedrocktest.Options
	server      []string // the command that runs the server; default: the one built for this machine
	killed      bool     // the test kills the server, which is then no failure
}

// deployment is a running variant.
type deployment struct {
	url     string
	bedrock *bedrocktest.Server
	ended   <-chan struct{} // gets a value when a call to Bedrock has ended on Bedrock's side
	invoker invoke.Invoker  // direct invocation; nil where there is none
	log     *log
	process *os.Process // nil where there is more than one
}

// log collects what a program prints. It is safe for concurrent use.
type log struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed and replaced with every write
}

func newLog() *log { return &log{changed: make(chan struct{})} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *log) read() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.changed
}

// patience is how long a program may take to print what it must.
const patience = 10 * time.Second

// records returns the access lines, once there are as many as wanted: a program may print a line just after the last
// byte of its answer.
func (d *deployment) records(t *testing.T, want int) []map[string]any {
	t.Helper()
	limit := time.After(patience)
	for {
		text, changed := d.log.read()
		var records []map[string]any
		for line := range strings.Lines(text) {
			var record map[string]any
			if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == "request" {
				records = append(records, record)
			}
		}
		if len(records) >= want {
			return records
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d of %d records were printed:\n%s", len(records), want, text)
		}
	}
}

// saw waits until the program has printed a text.
func (d *deployment) saw(t *testing.T, want string) {
	t.Helper()
	limit := time.After(patience)
	for {
		text, changed := d.log.read()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%s was not printed:\n%s", want, text)
		}
	}
}

// environment is the template's, with the test's changes.
func (o options) settings() map[string]string {
	environment := maps.Clone(built.function.Environment)
	maps.Copy(environment, o.environment)
	return environment
}

// startBedrock serves an embedded Bedrock and returns what makes a program call it: what the role and the network are
// in AWS.
func startBedrock(t *testing.T, o options) (*deployment, map[string]string) {
	if o.bedrock.Now == nil {
		o.bedrock.Now = func() time.Time { return now }
	}
	ended := make(chan struct{}, 1000)
	d := &deployment{bedrock: bedrocktest.New(o.bedrock), ended: ended, log: newLog()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		d.bedrock.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	standIns := map[string]string{
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.URL,
		"AWS_ACCESS_KEY_ID":                "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":            "not-a-secret",
	}
	if os.Getenv(preparedIn) == "" { // without a network it would hide a call to the metadata of an instance
		standIns["AWS_EC2_METADATA_DISABLED"] = "true"
	}
	return d, standIns
}

// startLambda runs the function behind the template's API.
func startLambda(t *testing.T, o options) *deployment {
	t.Helper()
	d, standIns := startBedrock(t, o)
	function, err := lambdaruntime.New(lambdaruntime.Options{
		Binary:      built.lambda,
		Name:        built.function.Name,
		Region:      built.stack.Region,
		Timeout:     built.function.Timeout,
		MemoryMB:    built.function.MemoryMB,
		Environment: o.settings(),
		StandIns:    standIns,
		Log:         d.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = function.Close() })
	server := httptest.NewServer(newFront(t, function))
	t.Cleanup(server.Close)
	d.url, d.invoker = server.URL, function
	return d
}

// newFront builds the API of the template over an invoker.
func newFront(t *testing.T, function invoke.Invoker) http.Handler {
	t.Helper()
	apis, err := apigateway.Read(built.stack)
	if err != nil {
		t.Fatal(err)
	}
	if len(apis) != 1 {
		t.Fatalf("the template has %d APIs, want 1", len(apis))
	}
	front, err := apigateway.New(apis[0], map[string]invoke.Invoker{built.function.LogicalID: function})
	if err != nil {
		t.Fatal(err)
	}
	return front
}

// startServer runs the plain server with the same settings.
func startServer(t *testing.T, o options) *deployment {
	t.Helper()
	d, standIns := startBedrock(t, o)
	environment := o.settings()
	maps.Copy(environment, standIns)
	environment[settings.EnvListen] = "127.0.0.1:0"
	environment["AWS_REGION"] = built.stack.Region
	program := o.server
	if program == nil {
		program = []string{built.server}
	}
	cmd := exec.Command(program[0], program[1:]...)
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		watch(reader, d.log, address)
	}()
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = writer.Close() // ends watch
		ended <- err
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // a test may have done so before
		err := <-ended
		<-drained
		if err != nil && !o.killed {
			text, _ := d.log.read()
			t.Errorf("the server ended with %v\n%s", err, text)
		}
	})
	at, ok := <-address
	if !ok {
		t.Fatal("the server ended before it listened")
	}
	d.url, d.process = "http://"+at, cmd.Process
	return d
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

func onlyCall(t *testing.T, d *deployment) bedrocktest.Call {
	t.Helper()
	calls := d.bedrock.Calls()
	if len(calls) != 1 {
		t.Fatalf("Bedrock got %d calls, want 1", len(calls))
	}
	return calls[0]
}
