package conformance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// surface is one API on the wire, with the words for what went wrong.
type surface struct {
	name, path string
	body       string                            // with %t for stream
	end        string                            // what a stream that went well ends with
	kind       func(body []byte) (string, error) // reads an error body's type
}

func surfaces() []surface {
	kind := func(body []byte) (string, error) {
		var e struct {
			Error struct{ Type, Message string }
		}
		err := json.Unmarshal(body, &e)
		if err == nil && e.Error.Message == "" {
			err = fmt.Errorf("no message in %s", body)
		}
		return e.Error.Type, err
	}
	return []surface{
		{"openai", "/v1/chat/completions", `{"model":"haiku","stream":%t,"messages":[{"role":"user","content":"Count to twenty, slowly and in words."}]}`, "data: [DONE]\n\n", kind},
		{"anthropic", "/v1/messages", `{"model":"haiku","max_tokens":100,"stream":%t,"messages":[{"role":"user","content":"Count to twenty, slowly and in words."}]}`, "message_stop", kind},
	}
}

func (s surface) post(t *testing.T, d *deployment, stream bool) (*http.Response, []byte, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+s.path, strings.NewReader(fmt.Sprintf(s.body, stream)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

// What a failure is called, by surface.
var kinds = map[string]map[int]string{
	"openai": {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 500: "server_error", 502: "server_error", 503: "server_error", 504: "server_error"},
	"anthropic": {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 502: "api_error", 503: "overloaded_error",
		504: "timeout_error"},
}

// statusOf is a status as the surface writes it: Anthropic has a number of its own for overload.
func (s surface) statusOf(status int) int {
	if s.name == "anthropic" && status == http.StatusServiceUnavailable {
		return 529
	}
	return status
}

// matrix says what each fault comes to when it strikes before the answer has begun, and after. calls is the number of
// calls Bedrock gets when every one of them fails so, out of the three that are allowed.
var matrix = []struct {
	kind    bedrocktest.Kind
	status  int
	calls   int
	after   bool // can also strike after the first byte of a stream
	streams bool // only of a stream
}{
	{kind: bedrocktest.Throttle, status: 429, calls: 3},
	{kind: bedrocktest.QuotaExceeded, status: 429, calls: 1},
	{kind: bedrocktest.Capacity, status: 503, calls: 3},
	{kind: bedrocktest.NotReady, status: 503, calls: 3},
	{kind: bedrocktest.InternalError, status: 502, calls: 3},
	{kind: bedrocktest.Timeout, status: 504, calls: 1},
	{kind: bedrocktest.ModelError, status: 502, calls: 1},
	{kind: bedrocktest.AccessDenied, status: 500, calls: 1},
	{kind: bedrocktest.Validation, status: 400, calls: 1},
	{kind: bedrocktest.NotFound, status: 404, calls: 1},
	{kind: bedrocktest.Reset, status: 502, calls: 3, after: true},
	{kind: bedrocktest.Truncate, status: 502, calls: 3, after: true},
	{kind: bedrocktest.Corrupt, status: 502, calls: 3, after: true},
	{kind: bedrocktest.Silence, status: 504, calls: 1, after: true},
	{kind: bedrocktest.StreamThrottle, status: 429, calls: 3, after: true, streams: true},
	{kind: bedrocktest.StreamUnavailable, status: 503, calls: 3, after: true, streams: true},
	{kind: bedrocktest.StreamInternal, status: 502, calls: 3, after: true, streams: true},
	{kind: bedrocktest.StreamError, status: 502, calls: 1, after: true, streams: true},
	{kind: bedrocktest.StreamTimeout, status: 504, calls: 1, after: true, streams: true},
}

// impatient ends a silence soon. Every case has a process of its own: the retry budget and the cooling of targets
// outlive a request, as they should.
var impatient = options{environment: map[string]string{"GENAI_REQUEST_TIMEOUT": "2s"}}

func TestFaultsBeforeTheFirstByte(t *testing.T) {
	for _, v := range variants() {
		for _, s := range surfaces() {
			for _, stream := range []bool{false, true} {
				for _, tt := range matrix {
					if tt.streams && !stream {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/stream=%t/%s", v.name, s.name, stream, tt.kind), func(t *testing.T) {
						t.Parallel()
						d := v.start(t, impatient)
						d.bedrock.Script(slices.Repeat([]bedrocktest.Fault{{Kind: tt.kind}}, 3)...)
						response, body, err := s.post(t, d, stream)
						if err != nil || response.StatusCode != s.statusOf(tt.status) {
							t.Fatalf("got %d, %v: %s", response.StatusCode, err, body)
						}
						if kind, err := s.kind(body); err != nil || kind != kinds[s.name][tt.status] {
							t.Errorf("the error is %q (%v); want %q", kind, err, kinds[s.name][tt.status])
						}
						if got := len(d.bedrock.Calls()); got != tt.calls {
							t.Errorf("Bedrock got %d calls, want %d", got, tt.calls)
						}
					})
				}
			}
		}
	}
}

func TestFaultsAfterTheFirstByte(t *testing.T) {
	for _, v := range variants() {
		for _, s := range surfaces() {
			for _, tt := range matrix {
				if !tt.after {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", v.name, s.name, tt.kind), func(t *testing.T) {
					t.Parallel()
					d := v.start(t, impatient)
					d.bedrock.Script(bedrocktest.Fault{Kind: tt.kind, AfterEvents: 2})
					response, body, err := s.post(t, d, true)
					if err != nil || response.StatusCode != http.StatusOK {
						t.Fatalf("got %d, %v: %s", response.StatusCode, err, body)
					}
					events := strings.Split(strings.TrimSuffix(string(body), "\n\n"), "\n\n")
					_, data, _ := strings.Cut(events[len(events)-1], "data: ")
					if kind, err := s.kind([]byte(data)); err != nil || kind != kinds[s.name][tt.status] {
						t.Errorf("the last event is %q (%v); want an error of type %q", events[len(events)-1], err, kinds[s.name][tt.status])
					}
					if strings.Contains(string(body), s.end) {
						t.Error("the broken stream looks complete")
					}
					if got := len(d.bedrock.Calls()); got != 1 {
						t.Errorf("Bedrock got %d calls after a byte was sent, want 1", got)
					}
					if line := d.records(t, 1)[0]; line["Errors"] != 1.0 && tt.status >= 500 {
						t.Errorf("the record does not count an error: %v", line)
					}
				})
			}
		}
	}
}

// One fault is survived wherever another call may help: at the same target, or only at another one.
func TestFaultsAreSurvived(t *testing.T) {
	const elsewhere = `[{"name":"haiku","targets":[{"model":"global.anthropic.claude-haiku-5-5","region":"us-east-1"},{"model":"global.anthropic.claude-haiku-5-5","region":"us-west-2"}],"defaultMaxTokens":100,"maxTokens":1000}]`
	tests := []struct {
		kind    bedrocktest.Kind
		targets string
		want    []string // Regions called
		streams bool
	}{
		{kind: bedrocktest.Throttle, want: []string{"us-east-1", "us-east-1"}},
		{kind: bedrocktest.Reset, want: []string{"us-east-1", "us-east-1"}},
		{kind: bedrocktest.StreamThrottle, want: []string{"us-east-1", "us-east-1"}, streams: true},
		{kind: bedrocktest.Throttle, targets: elsewhere, want: []string{"us-east-1", "us-west-2"}},
		{kind: bedrocktest.Timeout, targets: elsewhere, want: []string{"us-east-1", "us-west-2"}},
		{kind: bedrocktest.AccessDenied, targets: elsewhere, want: []string{"us-east-1", "us-west-2"}},
		{kind: bedrocktest.StreamTimeout, targets: elsewhere, want: []string{"us-east-1", "us-west-2"}, streams: true},
	}
	for _, v := range variants() {
		for _, s := range surfaces() {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%s/%s/%s/%d", v.name, s.name, tt.kind, len(tt.targets)), func(t *testing.T) {
					t.Parallel()
					o := options{environment: map[string]string{}}
					if tt.targets != "" {
						o.environment["GENAI_ALIASES"] = tt.targets
					}
					d := v.start(t, o)
					d.bedrock.Script(bedrocktest.Fault{Kind: tt.kind})
					response, body, err := s.post(t, d, tt.streams)
					if err != nil || response.StatusCode != http.StatusOK || tt.streams && !strings.Contains(string(body), s.end) {
						t.Fatalf("got %d, %v: %s", response.StatusCode, err, body)
					}
					var regions []string
					for _, call := range d.bedrock.Calls() {
						regions = append(regions, call.Region)
					}
					if !slices.Equal(regions, tt.want) {
						t.Errorf("called %v, want %v", regions, tt.want)
					}
				})
			}
		}
	}
}
