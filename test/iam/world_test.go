package iam_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// now is the day the embedded Bedrock lives in, so that no test dies with a model.
var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// roleKey is the access key that stands for the role.
const roleKey = "ASIAROLEEXAMPLE"

// world is AWS as a program sees it: Bedrock, and a recorder at every other address.
type world struct {
	bedrock   *bedrocktest.Server
	strangers *recorder
	standIns  map[string]string
}

// newWorld starts the endpoints. The recorder stands where the SDK looks for any other service, for the instance's
// metadata, and as the proxy for whatever is called by an address in the program itself.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		bedrock:   bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }, DropBodies: true}),
		strangers: &recorder{},
	}
	bedrock := httptest.NewServer(w.bedrock)
	t.Cleanup(bedrock.Close)
	others := httptest.NewServer(w.strangers)
	t.Cleanup(others.Close)
	w.standIns = map[string]string{
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME":  bedrock.URL,
		"AWS_ENDPOINT_URL":                  others.URL,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": others.URL,
		"HTTP_PROXY":                        others.URL,
		"HTTPS_PROXY":                       others.URL,
		"AWS_ACCESS_KEY_ID":                 roleKey,
		"AWS_SECRET_ACCESS_KEY":             "not-a-secret",
		"AWS_SESSION_TOKEN":                 "not-a-token",
	}
	return w
}

// recorder refuses every request and remembers it. It is safe for concurrent use.
type recorder struct {
	mu   sync.Mutex
	seen []string
}

var scope = regexp.MustCompile(`Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request`)

// ServeHTTP names the request by its signature: who signed it, for which service and Region.
func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	signed := "unsigned"
	if found := scope.FindStringSubmatch(request.Header.Get("Authorization")); found != nil {
		signed = fmt.Sprintf("signed by %s for %s in %s", found[1], found[3], found[2])
	}
	text := fmt.Sprintf("%s %s%s", request.Method, request.Host, request.URL.Path)
	if target := request.Header.Get("X-Amz-Target"); target != "" {
		text += " " + target
	}
	r.mu.Lock()
	r.seen = append(r.seen, text+", "+signed)
	r.mu.Unlock()
	w.WriteHeader(http.StatusForbidden)
}

func (r *recorder) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// calls returns what Bedrock got. A call that the role did not sign, one that is no operation of Bedrock, and any
// request to anyone else fails the test.
func (w *world) calls(t *testing.T) []call {
	t.Helper()
	for _, stranger := range w.strangers.requests() {
		t.Errorf("the program called someone the contract does not know: %s", stranger)
	}
	var calls []call
	for _, c := range w.bedrock.Calls() {
		if c.Operation == "" || c.Service != "bedrock" || c.AccessKey != roleKey {
			t.Errorf("Bedrock got %+v: not a call of a known operation that the role signed", c)
		}
		calls = append(calls, call{c.Operation, c.Model, c.Region})
	}
	return calls
}
