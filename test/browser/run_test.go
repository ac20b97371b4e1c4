package browser_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/output"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// now is a day on which the models are alive.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// tenants are those that call. The last one has little room: see testdata/example.yaml.
var tenants = []string{"checkout", "research", "support", "search"}

// shown is what a run leaves to be looked at.
type shown struct {
	dashboards []dashboards.Dashboard
	handler    http.Handler
	asked      *tally
}

// once runs the environment of testdata, each program as its template says, under a load, and stops it.
var once = sync.OnceValues(func() (*shown, error) {
	environment, err := absolute("test", "browser", "testdata", "example.yaml")
	if err != nil {
		return nil, err
	}
	checkout, err := absolute()
	if err != nil {
		return nil, err
	}
	a, err := synthesis.Only(checkout, work, environment)
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(work, "local")
	w, err := newWorld(checkout, logs, a)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	asked, err := w.load()
	if err := errors.Join(err, w.close()); err != nil {
		return nil, err
	}
	s := &shown{asked: asked}
	if s.dashboards, err = dashboards.Of(a); err != nil {
		return nil, err
	}
	files, err := dashboards.Files(a, logs)
	s.handler = dashboards.Handler{Dashboards: s.dashboards, Files: files}
	return s, err
})

// place is a variant that runs in a Region.
type place struct {
	*local.Variant
	url     string
	bedrock *bedrocktest.Server // of its Region
}

// world is everything that runs: it stands for AWS and its network.
type world struct {
	places   []place
	servers  []*httptest.Server
	keys     map[string]string // of tenants
	programs map[string]string // by Go package
}

// latency is how long the Bedrock of a Region thinks before it answers.
var latency = map[string]time.Duration{"us-east-1": 250 * time.Millisecond, "us-west-2": 400 * time.Millisecond}

func newWorld(checkout, logs string, a *assembly.Assembly) (*world, error) {
	w := &world{keys: map[string]string{}, programs: map[string]string{}}
	hashes := map[string]any{}
	for _, tenant := range tenants {
		key, hash := auth.NewKey()
		w.keys[tenant], hashes[tenant] = key, map[string]any{"keys": []string{hash}}
	}
	for _, program := range []string{"./runtime/cmd/lambda", "./runtime/cmd/server"} {
		w.programs[program] = filepath.Join(work, filepath.Base(program))
		if err := synthesis.Build(checkout, program, w.programs[program]); err != nil {
			return w, err
		}
	}
	for region, thinks := range latency {
		bedrock := bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }, Latency: thinks, Pace: thinks / 10, DropBodies: true, Reply: reply})
		standIns := local.EmbeddedStandIns(w.serve(bedrock))
		environments, err := environmentsOf(a, region)
		if err != nil {
			return w, err
		}
		standIns[local.EndpointSecretsManager] = w.serve(secrets(hashes, environments))
		standIns[local.EndpointS3] = w.serve(local.NewBuckets(environments...))
		if err := w.start(a, region, bedrock, local.Options{Root: checkout, Work: logs, StandIns: standIns, Build: w.build}); err != nil {
			return w, err
		}
	}
	return w, w.ready()
}

func (w *world) serve(handler http.Handler) string {
	server := httptest.NewServer(handler)
	w.servers = append(w.servers, server)
	return server.URL
}

// build takes a program that is built already, so that all programs start at once.
func (w *world) build(_ context.Context, _, program, output string) error {
	err := os.Link(w.programs[program], output)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// environmentsOf are the variables of all programs of a Region.
func environmentsOf(a *assembly.Assembly, region string) ([]map[string]string, error) {
	var all []map[string]string
	for _, stack := range a.Stacks {
		functions, err := stack.Functions()
		servers, serversErr := stack.Servers()
		if err := errors.Join(err, serversErr); err != nil {
			return nil, err
		}
		if stack.Region != region {
			continue
		}
		for _, f := range functions {
			all = append(all, f.Environment)
		}
		for _, s := range servers {
			all = append(all, s.Environment)
		}
	}
	return all, nil
}

// secrets stands in for Secrets Manager: it has keys of several tenants, and what ids of answers are made with.
func secrets(hashes map[string]any, environments []map[string]string) http.Handler {
	contents := map[string]string{}
	keys, _ := json.Marshal(map[string]any{"tenants": hashes}) // of plain texts
	for _, variables := range environments {
		contents[variables[settings.EnvAuthSecret]] = string(keys)
		contents[variables[settings.EnvFeedbackSecret]] = "not of a deployment, and long enough to make ids with"
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var input struct{ SecretId string }
		rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err := json.NewDecoder(r.Body).Decode(&input); err != nil || contents[input.SecretId] == "" {
			http.Error(rw, `{"__type":"ResourceNotFoundException"}`, http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"SecretString": contents[input.SecretId], "VersionId": "1", "VersionStages": []string{"AWSCURRENT"}})
	})
}

// start runs the programs of a Region.
func (w *world) start(a *assembly.Assembly, region string, bedrock *bedrocktest.Server, o local.Options) error {
	for _, stack := range a.Stacks {
		if stack.Region != region {
			continue
		}
		functions, err := stack.Functions()
		if err != nil {
			return err
		}
		if len(functions) > 0 {
			v, err := local.Serverless(context.Background(), stack, functions, o)
			if err != nil {
				return err
			}
			w.places = append(w.places, place{v, w.serve(v.Handler), bedrock})
		}
		servers, err := stack.Servers()
		if err != nil {
			return err
		}
		for _, s := range servers {
			address, err := free()
			if err != nil {
				return err
			}
			v, err := local.Server(context.Background(), stack, s, address, o)
			if err != nil {
				return err
			}
			w.places = append(w.places, place{v, "http://" + address, bedrock})
		}
	}
	return nil
}

// free is an address that nobody listens at.
func free() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// ready waits until everything answers.
func (w *world) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), output.Patience)
	defer cancel()
	if len(w.places) != 3*len(latency) {
		return fmt.Errorf("%d programs run; want three in each Region", len(w.places))
	}
	for _, p := range w.places {
		for answered := false; !answered; {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
			if err != nil {
				return err
			}
			response, err := http.DefaultClient.Do(r)
			if err == nil {
				_ = response.Body.Close()
				answered = response.StatusCode == http.StatusOK
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%s is not ready: %w", p.Stack.ID, ctx.Err())
			}
		}
	}
	return nil
}

// close lets the programs end what they have begun, and ends what stands in for AWS.
func (w *world) close() error {
	var problems []error
	for _, p := range w.places {
		problems = append(problems, p.Close())
	}
	for _, server := range w.servers {
		server.Close()
	}
	return errors.Join(problems...)
}

// reply is an answer as long as its question asks for.
func reply(prompt string) string {
	return "About " + prompt + " " + strings.Repeat("This is a stand-in of a model. ", len(prompt)%7)
}
