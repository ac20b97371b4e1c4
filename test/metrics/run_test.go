package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/serverruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// now is a day on which the default models are alive.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// printed is what each variant's program printed when it was started as its template says, and asked for every kind of
// thing. It runs once.
var printed = sync.OnceValues(func() (map[string]string, error) {
	logs := map[string]string{}
	for _, variant := range variants() {
		text, err := run(variant)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variant, err)
		}
		logs[variant] = text
	}
	return logs, nil
})

// emittedBy reads the metrics of a variant's log.
func emittedBy(t *testing.T, variant string) []dashboards.Point {
	t.Helper()
	logs, err := printed()
	if err != nil {
		t.Fatal(err)
	}
	points, err := dashboards.Points(strings.NewReader(logs[variant]))
	if err != nil {
		t.Fatal(err)
	}
	return points
}

// held is a log that, while away is held, takes nothing.
type held struct {
	away sync.RWMutex
	output.Log
}

func (h *held) Write(p []byte) (int, error) {
	h.away.RLock()
	defer h.away.RUnlock()
	return h.Log.Write(p)
}

// run starts a variant of the environment local on stand-ins, asks, stops it, and returns its log.
func run(variant string) (string, error) {
	stack, err := built.assembly.Stack("local-us-east-1/" + variant)
	if err != nil {
		return "", err
	}
	bedrock := bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }})
	model := httptest.NewServer(bedrock)
	defer model.Close()
	s3 := httptest.NewServer(buckettest.New("records"))
	defer s3.Close()
	secrets := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"SecretString":"not of a deployment, and long enough to make ids with"}`)
	}))
	defer secrets.Close()
	standIns := map[string]string{
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.URL, "AWS_ENDPOINT_URL_S3": s3.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL,
		"AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID":         "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret",
	}
	var log held
	functions, functionsErr := stack.Functions()
	servers, serversErr := stack.Servers()
	if err := errors.Join(functionsErr, serversErr); err != nil {
		return "", err
	}
	if len(functions) == 1 {
		f := functions[0]
		function, err := lambdaruntime.New(lambdaruntime.Options{Binary: built.programs[f.Program], Name: f.Name, Region: stack.Region,
			Timeout: f.Timeout, MemoryMB: f.MemoryMB, Environment: f.Environment, StandIns: standIns, Log: &log})
		if err != nil {
			return "", err
		}
		apis, err := apigateway.Read(stack)
		if err != nil {
			return "", err
		}
		front, err := apigateway.New(apis[0], map[string]invoke.Invoker{f.LogicalID: function})
		if err != nil {
			return "", err
		}
		api := httptest.NewServer(front)
		defer api.Close()
		err = errors.Join(ask(api.URL, bedrock), function.Close()) // after which all is read that it printed
		return log.String(), err
	}
	s := servers[0]
	environment := maps.Clone(s.Environment)
	environment[settings.EnvArchiveBucket] = "records"
	server, err := serverruntime.Start(serverruntime.Options{Name: variant, Command: []string{built.programs[s.Program]}, Environment: environment,
		Listen: "127.0.0.1:0", Platform: serverruntime.ECS(stack.Region), StandIns: standIns, StopTimeout: s.StopTimeout, Log: &log})
	if err != nil {
		return "", err
	}
	limit, cancel := context.WithTimeout(context.Background(), output.Patience)
	defer cancel()
	address, err := server.Address(limit)
	if err == nil {
		err = ask("http://"+address, bedrock)
	}
	if err == nil {
		err = loseLines("http://"+address, &log)
	}
	if err == nil {
		lost := `"` + metric.LogLost.Name + `":` // the end itself waits only a second for whoever reads
		err = log.Until(lost, func(text string) bool { return strings.Contains(text, lost) })
	}
	err = errors.Join(err, server.Close()) // which lets it archive what it holds, and print what is left
	return log.String(), err
}

// tooMany requests that are refused print more than a server holds of its log and the pipe to its reader takes: each some
// 700 bytes, of spool.HeldBytes and 64 KiB.
const tooMany = 9000

// loseLines asks while nobody reads the log, until lines are lost. The server says how many once somebody reads again.
func loseLines(url string, log *held) error {
	const workers = 16
	log.away.Lock()
	defer log.away.Unlock()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}, Timeout: output.Patience}
	defer client.CloseIdleConnections()
	failures := make(chan error, workers)
	for range workers {
		go func() {
			for range tooMany / workers {
				answer, err := client.Post(url+"/v1/chat/completions", "application/json", strings.NewReader("{"))
				if err != nil {
					failures <- err
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			failures <- nil
		}()
	}
	var problems []error
	for range workers {
		problems = append(problems, <-failures)
	}
	return errors.Join(problems...)
}

// ask is a small mix of what callers do: both APIs and every model, streamed and not, throttled, failing, cut, and wrong.
func ask(url string, bedrock *bedrocktest.Server) error {
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		for _, r := range []struct {
			model  string
			stream bool
			faults []bedrocktest.Fault
			status int
		}{
			{"haiku", false, nil, 200}, {"sonnet", true, nil, 200}, {"opus", false, nil, 200}, {"haiku", true, nil, 200},
			{"haiku", false, []bedrocktest.Fault{{Kind: bedrocktest.Throttle}}, 200},
			{"sonnet", false, []bedrocktest.Fault{{Kind: bedrocktest.ModelError}, {Kind: bedrocktest.ModelError}, {Kind: bedrocktest.ModelError}}, 0},
			{"opus", true, []bedrocktest.Fault{{Kind: bedrocktest.Truncate, AfterEvents: 1}}, 200},
			{"none", false, nil, 404},
		} {
			bedrock.Script(r.faults...)
			body := fmt.Sprintf(`{"model":%q,"max_tokens":100,"stream":%t,"messages":[{"role":"user","content":"Count to twenty."}]}`, r.model, r.stream)
			response, err := http.Post(url+path, "application/json", strings.NewReader(body))
			if err != nil {
				return err
			}
			_, _ = io.Copy(io.Discard, response.Body) // a stream may be cut, as was asked for
			response.Body.Close()
			if r.status != 0 && response.StatusCode != r.status || r.status == 0 && response.StatusCode < 500 {
				return fmt.Errorf("%s %s answers %d", path, body, response.StatusCode)
			}
			bedrock.Reset() // of faults that were not needed
		}
	}
	return rate(url)
}

// rate gives answers of every model each kind of rating. The first answers may have no id to rate them by: the secret is
// read while they are made.
func rate(url string) error {
	limit := time.Now().Add(output.Patience)
	for _, model := range []string{"haiku", "sonnet", "opus"} {
		for _, rating := range []string{`"thumbs":"up"`, `"thumbs":"down","reason":"incorrect"`, `"score":4`} {
			id := ""
			for id == "" {
				if time.Now().After(limit) {
					return fmt.Errorf("no answer can be rated")
				}
				body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Hello."}]}`, model)
				answer, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					return err
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				id = answer.Header.Get("X-Feedback-Id")
			}
			answer, err := http.Post(url+"/v1/feedback", "application/json", strings.NewReader(fmt.Sprintf(`{"feedback_id":%q,%s}`, id, rating)))
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("a rating of %s with %s is answered %d", model, rating, answer.StatusCode)
			}
		}
	}
	return nil
}
