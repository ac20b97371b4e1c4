package iam_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// now is the day the embedded Bedrock lives in, so that no test dies with a model.
var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// roleKey is the access key that stands for the role.
const roleKey = "ASIAROLEEXAMPLE"

// callerKey is the API key of the one caller that the secret knows.
const callerKey = "gk_contract"

// world is AWS as a program sees it: Bedrock, Secrets Manager and S3, and a recorder at every other address.
type world struct {
	bedrock   *bedrocktest.Server
	secrets   *recorder
	buckets   *recorder
	strangers *recorder
	others    map[string]*recorder // further services, by the name that calls are signed for
	standIns  map[string]string
}

// serve puts a recorder in the place of one more service.
func (w *world) serve(t *testing.T, variable, service string, r *recorder) {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	w.standIns["AWS_ENDPOINT_URL_"+variable] = server.URL
	w.others[service] = r
}

// newWorld starts the endpoints. The strangers' recorder stands where the SDK looks for any other service, for the
// instance's metadata, and as the proxy for whatever is called by an address in the program itself.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		bedrock:   bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }, DropBodies: true, Profiles: built.profiles}),
		secrets:   &recorder{answer: getSecretValue},
		buckets:   &recorder{answer: putObject},
		strangers: &recorder{answer: refuse},
		others:    map[string]*recorder{},
	}
	serve := func(handler http.Handler) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	others := serve(w.strangers)
	w.standIns = map[string]string{
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME":  serve(w.bedrock),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":  serve(w.secrets),
		"AWS_ENDPOINT_URL_S3":               serve(w.buckets),
		"AWS_ENDPOINT_URL":                  others,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": others,
		"HTTP_PROXY":                        others,
		"HTTPS_PROXY":                       others,
		"AWS_ACCESS_KEY_ID":                 roleKey,
		"AWS_SECRET_ACCESS_KEY":             "not-a-secret",
		"AWS_SESSION_TOKEN":                 "not-a-token",
	}
	return w
}

// recorder remembers every request and answers it. It is safe for concurrent use.
type recorder struct {
	// answer writes the answer to a request and returns the operation and the resource; no operation for a request that
	// it does not know.
	answer func(w http.ResponseWriter, r *http.Request) (operation, resource string)

	mu   sync.Mutex
	seen []seen
}

// seen is one request: who signed it, for which service and Region, and what it asks.
type seen struct{ text, key, service, region, operation, resource string }

var scope = regexp.MustCompile(`Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request`)

// ServeHTTP answers the request and records it.
func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	s := seen{text: fmt.Sprintf("%s %s%s", request.Method, request.Host, request.URL.Path)}
	if target := request.Header.Get("X-Amz-Target"); target != "" {
		s.text += " " + target
	}
	signed := "unsigned"
	if found := scope.FindStringSubmatch(request.Header.Get("Authorization")); found != nil {
		s.key, s.region, s.service = found[1], found[2], found[3]
		signed = fmt.Sprintf("signed by %s for %s in %s", s.key, s.service, s.region)
	}
	s.text += ", " + signed
	s.operation, s.resource = r.answer(w, request)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

func (r *recorder) requests() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func refuse(w http.ResponseWriter, _ *http.Request) (string, string) {
	w.WriteHeader(http.StatusForbidden)
	return "", ""
}

// getSecretValue gives whatever secret is asked for, which holds the hash of one caller's key, or for a smoke test the key.
func getSecretValue(w http.ResponseWriter, r *http.Request) (operation, resource string) {
	body, _ := io.ReadAll(r.Body)
	var input struct{ SecretId string }
	name, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	if json.Unmarshal(body, &input) != nil || !known || name != "GetSecretValue" {
		return refuse(w, r)
	}
	hash := sha256.Sum256([]byte(callerKey))
	value := `{"tenants":{"contract":{"keys":["` + hex.EncodeToString(hash[:]) + `"]}}}`
	if strings.HasSuffix(input.SecretId, "smoke-key") {
		value = callerKey
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"Name": "keys", "VersionId": "1", "VersionStages": []string{"AWSCURRENT"}, "SecretString": value})
	return name, input.SecretId
}

// putObject takes any object; its resource is the bucket's name, a slash and the key.
func putObject(w http.ResponseWriter, r *http.Request) (operation, resource string) {
	if r.Method != http.MethodPut || r.URL.Query().Has("uploadId") {
		return refuse(w, r)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("ETag", `"0"`)
	return "PutObject", strings.TrimPrefix(r.URL.Path, "/")
}

// calls returns what the services got. A call that the role did not sign, one that is no known operation, and any
// request to anyone else fails the test.
func (w *world) calls(t *testing.T) []call {
	t.Helper()
	for _, stranger := range w.strangers.requests() {
		t.Errorf("the program called someone the contract does not know: %s", stranger.text)
	}
	var calls []call
	for _, c := range w.bedrock.Calls() {
		if c.Operation == "" || c.Service != "bedrock" || c.AccessKey != roleKey {
			t.Errorf("Bedrock got %+v: not a call of a known operation that the role signed", c)
		}
		calls = append(calls, call{"bedrock", c.Operation, c.Model, c.Region})
	}
	recorders := map[string]*recorder{"secretsmanager": w.secrets, "s3": w.buckets}
	maps.Copy(recorders, w.others)
	for service, r := range recorders {
		for _, s := range r.requests() {
			if s.operation == "" || s.service != service || s.key != roleKey {
				t.Errorf("%s got %s: not a call of a known operation that the role signed", service, s.text)
			}
			calls = append(calls, call{service, s.operation, s.resource, s.region})
		}
	}
	return calls
}
