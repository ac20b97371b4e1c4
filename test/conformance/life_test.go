package conformance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// A client that leaves in the middle of a stream stops the model, where the platform tells the program.
func TestClientThatLeaves(t *testing.T) {
	for _, v := range variants() {
		if v.function != nil { // API Gateway and Lambda do not tell a function that its caller left
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{})
			d.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: 2})
			ctx, leave := context.WithCancel(t.Context())
			client := openaiClient(d)
			stream := client.Chat.Completions.NewStreaming(ctx, question("Count to twenty, slowly and in words."))
			if !stream.Next() {
				t.Fatal(stream.Err())
			}
			leave()
			for stream.Next() {
			}
			if !errors.Is(stream.Err(), context.Canceled) {
				t.Errorf("the SDK says %v", stream.Err())
			}
			line := d.records(t, 1)[0]
			if line["code"] != "canceled" || line["Errors"] != 0.0 || line["ClientErrors"] != 0.0 {
				t.Errorf("the record shows %v", line)
			}
			<-d.ended // Bedrock's side of the call
			if !onlyCall(t, d).Canceled {
				t.Error("the model went on")
			}
		})
	}
}

// Nothing of what is said to a model or by it reaches a log.
func TestPromptsAreNotLogged(t *testing.T) {
	const prompt, answer = "the-secret-question", "the-secret-answer"
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{
				environment: map[string]string{"GENAI_LOG_LEVEL": "debug"},
				bedrock:     bedrocktest.Options{Reply: func(string) string { return answer }},
			})
			n := d.tellSecrets(t, prompt)
			d.records(t, n)
			text := d.log.String()
			if strings.Contains(text, answer) || strings.Contains(text, prompt) {
				t.Error("the log holds what was said")
			}
		})
	}
}

// tellSecrets sends a prompt wherever a body may have one, rightly or wrongly, streamed and not, and returns how many
// requests that were.
func (d *deployment) tellSecrets(t *testing.T, prompt string) (requests int) {
	t.Helper()
	for _, s := range surfaces() {
		for _, body := range []string{
			`{"model":"haiku","max_tokens":50,"messages":[{"role":"user","content":"` + prompt + `"}]}`,
			`{"model":"haiku","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`,
			`{"model":"haiku","max_tokens":50,"` + prompt + `":1,"messages":[{"role":"` + prompt + `","content":"` + prompt + `"}]}`,
			`{"model":"` + prompt + `","max_tokens":50,"messages":[{"role":"user","content":"` + prompt + `"}]}`,
		} {
			response, err := http.Post(d.url+s.path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Error(err)
			}
			response.Body.Close()
			requests++
		}
	}
	return requests
}

// Health is judged from real calls and makes none.
func TestHealth(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{environment: map[string]string{"GENAI_MAX_CALLS": "1"}})
			get := func(path string, want int) {
				t.Helper()
				response, err := http.Get(d.url + path)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != want || response.Header.Get("X-Request-Id") == "" {
					t.Errorf("%s answers %d, want %d; request id %q", path, response.StatusCode, want, response.Header.Get("X-Request-Id"))
				}
			}
			get("/livez", 200)
			get("/readyz", 200)
			get("/healthz", 200)
			if n := len(d.bedrock.Calls()); n != 0 {
				t.Errorf("health made %d calls", n)
			}
			for range 5 {
				d.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Capacity})
				surfaces()[0].post(t, d, false)
			}
			get("/healthz", 503)
			get("/livez", 200)
			get("/readyz", 200)
		})
	}
}

// Unknown paths and methods answer in the words of a surface.
func TestWhatIsNotThere(t *testing.T) {
	tests := []struct {
		name, method, path string
		anthropic          bool
		status             int
		want               string
	}{
		{"path", http.MethodGet, "/v2/nothing", false, 404, `"type":"not_found_error"`},
		{"path, Anthropic's client", http.MethodGet, "/v2/nothing", true, 404, `{"type":"error"`},
		{"root", http.MethodGet, "/", false, 404, `"type":"not_found_error"`},
		{"method", http.MethodGet, "/v1/chat/completions", false, 405, "use POST"},
		{"method, Anthropic's path", http.MethodDelete, "/v1/messages", false, 405, `{"type":"error"`},
	}
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{})
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					request, _ := http.NewRequest(tt.method, d.url+tt.path, nil)
					if tt.anthropic {
						request.Header.Set("Anthropic-Version", "2023-06-01")
					}
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					defer response.Body.Close()
					body, _ := io.ReadAll(response.Body)
					if response.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
						t.Errorf("got %d %s", response.StatusCode, body)
					}
				})
			}
		})
	}
}

// A function invoked directly takes the same bodies, with one field more.
func TestDirectInvocation(t *testing.T) {
	d := named(t, settings.VariantServerless).start(t, options{environment: map[string]string{"GENAI_MAX_CALLS": "1"}})
	call := func(event string) ([]byte, *invoke.FunctionError) {
		t.Helper()
		response, err := d.invoker.Invoke(t.Context(), []byte(event))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, failure, err := invoke.ReadAll(response)
		if err != nil {
			t.Fatal(err)
		}
		return body, failure
	}
	for _, s := range surfaces() {
		t.Run(s.name, func(t *testing.T) {
			with := func(stream bool) string {
				return `{"surface":"` + s.name + `",` + fmt.Sprintf(s.body, stream)[1:]
			}
			body, failure := call(with(false))
			if failure != nil || !json.Valid(body) || !strings.Contains(string(body), "Count to twenty") {
				t.Errorf("got %s, %v", body, failure)
			}
			body, failure = call(with(true))
			if failure != nil || !strings.Contains(string(body), s.end) {
				t.Errorf("streamed %s, %v", body, failure)
			}
			d.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Throttle})
			_, failure = call(with(false))
			if failure == nil || failure.Type != "RateLimited" || !strings.Contains(failure.Message, "rate_limit_error") {
				t.Errorf("throttled: %v", failure)
			}
		})
	}
	if _, failure := call(`{"model":"haiku"}`); failure == nil || failure.Type != "InvalidRequest" {
		t.Errorf("without a surface: %v", failure)
	}
}

// Events arrive as they are written, not when the answer is complete.
func TestStreamsAreNotHeldBack(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, options{})
			d.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: 2})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			request, _ := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/v1/messages", strings.NewReader(fmt.Sprintf(surfaces()[1].body, true)))
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			deltas := 0
			for lines := bufio.NewScanner(response.Body); deltas < 2 && lines.Scan(); {
				if lines.Text() == "event: content_block_delta" {
					deltas++
				}
			}
			if deltas != 2 || d.bedrock.Calls()[0].Outcome == "ok" {
				t.Errorf("%d events arrived while the model was still at work", deltas)
			}
		})
	}
}

// A wrong setting stops the program, and one start names every problem.
func TestWrongSettingsStopTheProgram(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			cmd := exec.Command(v.program)
			cmd.Env = []string{"GENAI_ENVIRONMENT=dev", "GENAI_MAX_CALLS=many", "AWS_REGION=us-east-1", "GENAI_ALIASES=[]"}
			output, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() == 0 {
				t.Fatalf("ended with %v", err)
			}
			for _, want := range []string{"GENAI_VARIANT", `GENAI_MAX_CALLS: is "many"; allowed is a whole number from 1 to 10`, "GENAI_ALIASES: is empty"} {
				if !strings.Contains(string(output), want) {
					t.Errorf("it does not say %q:\n%s", want, output)
				}
			}
		})
	}
}
