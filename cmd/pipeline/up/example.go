package up

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// example is a request that a person can copy.
type example struct {
	path    string
	body    string
	streams bool
}

// examples are a plain and a streaming request, one for each surface.
func (v *variant) examples() []example {
	if v.speaksHTTP() {
		return []example{
			{endpoint.ChatCompletions, `{"model":"haiku","messages":[{"role":"user","content":"Say hello."}]}`, false},
			{endpoint.Messages, `{"model":"haiku","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"Say hello."}]}`, true},
		}
	}
	invocations := "/2015-03-31/functions/" + v.Programs[0].Name + "/invocations"
	return []example{
		{invocations, `{"surface":"openai","model":"haiku","messages":[{"role":"user","content":"Say hello."}]}`, false},
		{invocations, `{"surface":"anthropic","model":"haiku","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"Say hello."}]}`, true},
	}
}

// speaksHTTP tells a variant that callers reach by HTTP from functions that are only invoked.
func (v *variant) speaksHTTP() bool { return v.API != nil || v.Handler == nil }

// keyHeader is how callers send a key, on either surface. It leaves the header Authorization to a signature.
const keyHeader = "x-api-key"

// curl is the command that asks the example.
func (v *variant) curl(e example) string {
	options := "-sS"
	if e.streams {
		options = "-sSN"
	}
	if v.signed(e.path) {
		options += " --aws-sigv4 aws:amz:" + v.API.Region + ":execute-api --user AKIDLOCAL:local"
	}
	if v.key != "" && v.speaksHTTP() {
		options += " -H '" + keyHeader + ": " + v.key + "'"
	}
	return fmt.Sprintf("curl %s %s%s -H 'content-type: application/json' -d '%s'", options, v.url, e.path, e.body)
}

// signed reports whether the API wants a signature for the path.
func (v *variant) signed(path string) bool {
	if v.API == nil {
		return false
	}
	for _, route := range v.API.Routes {
		if route.Path == path && route.Authorization == apigateway.AuthorizationIAM {
			return true
		}
	}
	return false
}

// request makes a request to the variant, with a signature that is well-formed where one is wanted.
func (v *variant) request(ctx context.Context, method, path, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if v.key != "" {
		r.Header.Set(keyHeader, v.key)
	}
	if v.signed(path) {
		now := time.Now().UTC()
		r.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
		r.Header.Set("Authorization", fmt.Sprintf(
			"AWS4-HMAC-SHA256 Credential=AKIDLOCAL/%s/%s/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=%064d",
			now.Format("20060102"), v.API.Region, 0))
	}
	return r, nil
}

// The patience with a program that starts.
const (
	readyPatience = time.Minute // a busy machine may take long
	readyInterval = 200 * time.Millisecond
)

// ready waits until the variant says that it is. One without an API has no such path: its first invocation tells.
func (v *variant) ready(ctx context.Context) error {
	if !v.speaksHTTP() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		answer, err := v.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-v.Ended: // nil, and so never, for functions
			return v.gone()
		case <-ctx.Done():
			return fmt.Errorf("GET %s%s: %s\n%s", v.url, endpoint.Readyz, answer, v.logs())
		case <-ticker.C:
		}
	}
}

// gone is the error of a server that ended by itself. Its own, with the status, comes when it is closed.
func (v *variant) gone() error {
	return fmt.Errorf("stack %s: %s has ended by itself\n%s", v.Stack.ID, v.Programs[0].Package, v.logs())
}

var errNotReady = errors.New("not ready")

func (v *variant) probe(ctx context.Context) (answer string, err error) {
	r, err := v.request(ctx, http.MethodGet, endpoint.Readyz, "")
	if err != nil {
		return err.Error(), err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error(), err
	}
	defer func() { _ = response.Body.Close() }()
	data, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if response.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s %s", response.Status, data), errNotReady
	}
	return "", nil
}

// logs are the last lines that the variant's programs have written.
func (v *variant) logs() string {
	const last = 2 << 10
	var text strings.Builder
	for _, p := range v.Programs {
		data, _ := os.ReadFile(p.Log)
		fmt.Fprintf(&text, "%s:\n%s", p.Log, data[max(0, len(data)-last):])
	}
	return text.String()
}

// once asks the examples, compares the environments and looks at the dashboards.
func (s *session) once(ctx context.Context) error {
	for _, v := range s.variants {
		for _, e := range v.examples() {
			s.printf("\n$ %s\n", v.curl(e))
			if err := s.ask(ctx, v, e); err != nil {
				return fmt.Errorf("%s%s: %w\n%s", v.url, e.path, err, v.logs())
			}
		}
		if err := s.compare(v); err != nil {
			return err
		}
	}
	return s.look(ctx)
}

// ask asks an example and prints the answer as it comes.
func (s *session) ask(ctx context.Context, v *variant, e example) error {
	r, err := v.request(ctx, http.MethodPost, e.path, e.body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	events := 0
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.printf("%s\n", lines.Text())
		if strings.HasPrefix(lines.Text(), "data:") {
			events++
		}
	}
	switch {
	case lines.Err() != nil:
		return lines.Err()
	case response.StatusCode != http.StatusOK || response.Header.Get("X-Amz-Function-Error") != "":
		return fmt.Errorf("answered %s", response.Status)
	case e.streams && events < 2:
		return fmt.Errorf("answered %d events; a stream has several", events)
	}
	return nil
}

// compare checks the environment of each process of the variant.
func (s *session) compare(v *variant) error {
	checked := v.CheckEnvironments()
	if len(checked) == 0 {
		return fmt.Errorf("stack %s: no process runs after two answers", v.Stack.ID)
	}
	s.printf("\n")
	for _, c := range checked {
		switch {
		case errors.Is(c.Err, errors.ErrUnsupported):
			s.printf("process %d (%s): environment not compared, this system does not tell it\n", c.PID, c.Program.LogicalID)
		case c.Err != nil:
			return fmt.Errorf("process %d (%s): differs from the template: %w", c.PID, c.Program.LogicalID, c.Err)
		default:
			but := ""
			if c.Program.Replaced != "" {
				but = " but for " + c.Program.Replaced
			}
			s.printf("process %d (%s): environment equals the template's%s: %d variables\n", c.PID, c.Program.LogicalID, but, c.Program.Variables)
		}
	}
	return nil
}
