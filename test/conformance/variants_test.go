package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	localrun "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/serverruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// now is the day the embedded Bedrock lives in, so that no test dies with a model.
var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// The body limit that the error tests set, small enough to pass it cheaply.
const maxBody = 100_000

var maxBodyText = strconv.Itoa(maxBody)

// pixel is a PNG picture of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// variant is one way the product runs, as its own template says.
type variant struct {
	name        string
	stack       *assembly.Stack
	program     string            // its path, built for this machine
	environment map[string]string // the template's
	function    *assembly.Function
	server      *assembly.Server // nil for a function, as function is for a server
}

// variants are the rows of the suite.
func variants() []variant { return built.variants }

// servers are those of the variants whose program listens by itself.
func servers() []variant {
	return slices.DeleteFunc(slices.Clone(variants()), func(v variant) bool { return v.server == nil })
}

// named is one of the variants.
func named(t *testing.T, name string) variant {
	t.Helper()
	i := slices.IndexFunc(variants(), func(v variant) bool { return v.name == name })
	if i < 0 {
		t.Fatalf("there is no variant %q", name)
	}
	return variants()[i]
}

func (v variant) start(t *testing.T, o options) *deployment {
	t.Helper()
	if v.function != nil {
		return v.startFunction(t, o)
	}
	return v.startServer(t, o)
}

// settings is the template's environment with the test's changes.
func (v variant) settings(o options) map[string]string {
	environment := maps.Clone(v.environment)
	maps.Copy(environment, o.environment)
	return environment
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
	log     *output.Log
	server  *serverruntime.Runtime // nil for a function

	signaled bool // by the test
}

// signal sends the server a signal, after which it must end.
func (d *deployment) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	d.signaled = true
	if err := d.server.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// records returns the access lines, once there are as many as wanted: a program may print a line just after the last
// byte of its answer.
func (d *deployment) records(t *testing.T, want int) (records []map[string]any) {
	t.Helper()
	err := d.log.Until(fmt.Sprintf("%d records", want), func(text string) bool {
		records = nil
		for line := range strings.Lines(text) {
			var record map[string]any
			if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == "request" {
				records = append(records, record)
			}
		}
		return len(records) >= want
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// saw waits until the program has printed a text.
func (d *deployment) saw(t *testing.T, want string) {
	t.Helper()
	if err := d.log.Until(want, func(text string) bool { return strings.Contains(text, want) }); err != nil {
		t.Fatal(err)
	}
}

// startBedrock serves an embedded Bedrock and returns what makes a program call it: what the role and the network are
// in AWS.
func (v variant) startBedrock(t *testing.T, o options) (*deployment, map[string]string) {
	if o.bedrock.Now == nil {
		o.bedrock.Now = func() time.Time { return now }
	}
	ended := make(chan struct{}, 1000)
	d := &deployment{bedrock: bedrocktest.New(o.bedrock), ended: ended, log: &output.Log{}}
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
	if _, given := o.environment[localrun.EndpointSecretsManager]; !given {
		if secrets := localrun.NewVault(v.settings(o)); secrets != nil {
			server := httptest.NewServer(secrets)
			t.Cleanup(server.Close)
			standIns[localrun.EndpointSecretsManager] = server.URL
		}
	}
	if os.Getenv(preparedIn) == "" { // without a network it would hide a call to the metadata of an instance
		standIns["AWS_EC2_METADATA_DISABLED"] = "true"
	}
	return d, standIns
}

// startFunction runs the function behind the template's API.
func (v variant) startFunction(t *testing.T, o options) *deployment {
	t.Helper()
	d, standIns := v.startBedrock(t, o)
	function, err := lambdaruntime.New(lambdaruntime.Options{
		Binary:      v.program,
		Name:        v.function.Name,
		Region:      v.stack.Region,
		Timeout:     v.function.Timeout,
		MemoryMB:    v.function.MemoryMB,
		Environment: v.settings(o),
		StandIns:    standIns,
		Log:         d.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = function.Close() })
	server := httptest.NewServer(v.newFront(t, function))
	t.Cleanup(server.Close)
	d.url, d.invoker = server.URL, function
	return d
}

// newFront builds the API of the template over an invoker.
func (v variant) newFront(t *testing.T, function invoke.Invoker, change ...func(*apigateway.Route)) http.Handler {
	t.Helper()
	apis, err := apigateway.Read(v.stack)
	if err != nil {
		t.Fatal(err)
	}
	if len(apis) != 1 {
		t.Fatalf("the template has %d APIs, want 1", len(apis))
	}
	for i := range apis[0].Routes {
		for _, c := range change {
			c(&apis[0].Routes[i])
		}
	}
	front, err := apigateway.New(apis[0], map[string]invoke.Invoker{v.function.LogicalID: function})
	if err != nil {
		t.Fatal(err)
	}
	return front
}

// startServer runs the server as the template says, save where it listens.
func (v variant) startServer(t *testing.T, o options) *deployment {
	t.Helper()
	d, standIns := v.startBedrock(t, o)
	command := o.server
	if command == nil {
		command = []string{v.program}
	}
	var platform map[string]string
	if v.server.Task {
		platform = serverruntime.ECS(v.stack.Region)
	}
	server, err := serverruntime.Start(serverruntime.Options{
		Name:        v.name,
		Command:     command,
		Environment: v.settings(o),
		Listen:      "127.0.0.1:0",
		Platform:    platform,
		StandIns:    standIns,
		StopTimeout: v.server.StopTimeout,
		Log:         d.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.signaled {
			<-server.Ended() // a second signal would end it at once
		}
		if err := server.Close(); err != nil && !o.killed {
			t.Errorf("%v\n%s", err, d.log)
		}
	})
	limit, cancel := context.WithTimeout(t.Context(), output.Patience)
	defer cancel()
	address, err := server.Address(limit)
	if err != nil {
		t.Fatal(err)
	}
	d.url, d.server = "http://"+address, server
	return d
}

func onlyCall(t *testing.T, d *deployment) bedrocktest.Call {
	t.Helper()
	calls := d.bedrock.Calls()
	if len(calls) != 1 {
		t.Fatalf("Bedrock got %d calls, want 1", len(calls))
	}
	return calls[0]
}
