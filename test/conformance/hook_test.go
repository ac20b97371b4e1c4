package conformance_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/balancer"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// deployer is CodeDeploy as far as PutLifecycleEventHookExecutionStatus goes.
type deployer struct {
	mu   sync.Mutex
	told []string // the bodies
}

// ServeHTTP speaks AWS JSON 1.1.
func (d *deployer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "CodeDeploy_20141006.")+" "+string(body))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, _ = io.WriteString(w, `{"lifecycleEventHookExecutionId":"execution"}`)
}

// vaultVariable says where Secrets Manager is, to the program and to the hook.
const vaultVariable = "AWS_ENDPOINT_URL_SECRETS_MANAGER"

// runHook has the hook asked once, as Lambda does, and returns its answer and, once it has ended, all that it printed.
func runHook(t *testing.T, told settings.Hook, standIns map[string]string, event string) (answer, printed string) {
	t.Helper()
	var log output.Log
	standIns = maps.Clone(standIns)
	standIns["AWS_ACCESS_KEY_ID"], standIns["AWS_SECRET_ACCESS_KEY"] = "AKIDEXAMPLE", "not-a-secret"
	hook, err := lambdaruntime.New(lambdaruntime.Options{
		Binary: built.hook, Name: "hook", Region: "us-east-1", Timeout: time.Minute, Environment: told.Encode(), StandIns: standIns, Log: &log,
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err = askHook(t.Context(), hook, event)
	if err := errors.Join(err, hook.Close()); err != nil {
		t.Fatal(err)
	}
	return answer, log.String()
}

func askHook(ctx context.Context, hook invoke.Invoker, event string) (string, error) {
	response, err := hook.Invoke(ctx, []byte(event))
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, failure, err := invoke.ReadAll(response)
	if err == nil && failure != nil {
		err = failure
	}
	return string(text), err
}

// release is a new version, and what the hook must say of it.
type release struct {
	name    string
	options func(*testing.T) options
	auth    string // that the hook is told, with a credential of its own where a model is asked; empty: none
	model   string // that the hook is told; empty: it asks none
	reason  string // in the hook's log; empty: the version is good
	calls   int    // that Bedrock must get; with a reason it throttles them all
}

func authentication(mode string) func(*testing.T) options {
	return func(*testing.T) options {
		o := options{environment: map[string]string{"GENAI_AUTH": mode}}
		if mode != settings.AuthOff {
			o.environment[settings.EnvAuthOffReason] = ""
		}
		return o
	}
}

func keyed(t *testing.T) options { return withKeys(newVault(t, `{"tenants":{}}`)) }

// smokeSecret is the name of the secret with the hook's own key.
const smokeSecret = "smoke-test"

// keyedFor makes a program that knows a key, and a vault that also has what the hook is given for its own.
func keyedFor(given func(key string) string) func(*testing.T) options {
	return func(t *testing.T) options {
		key, hash := auth.NewKey()
		v := newVault(t, `{"tenants":{"smoke-test":{"keys":["`+hash+`"]}}}`)
		v.others = map[string]string{smokeSecret: given(key)}
		return withKeys(v)
	}
}

// own gives the hook the key that the program knows.
var own = keyedFor(func(key string) string { return key })

// hook is what the hook is told of the release, but for where it is.
func (r release) hook() settings.Hook {
	told := settings.Hook{Auth: r.auth, Model: r.model, MessagesModel: r.model}
	if r.auth != "" && r.model != "" {
		told.KeySecret = smokeSecret
	}
	return told
}

// trusting makes a program take the tokens of an issuer, which is gone unless it is there.
func trusting(there bool) func(*testing.T) options {
	return func(t *testing.T) options {
		issuer, _ := newIssuer(t)
		if !there {
			issuer = "http://127.0.0.1:1" // where nobody listens
		}
		return options{environment: map[string]string{
			"GENAI_AUTH": "oidc", "GENAI_AUTH_OFF_REASON": "", "GENAI_AUTH_ISSUER": issuer, "GENAI_AUTH_AUDIENCE": "gateway", "GENAI_FEEDBACK_SECRET": "",
		}}
	}
}

// entrusted makes a program that takes the tokens of an issuer, and a vault with one for the hook that is good so long.
func entrusted(lasts time.Duration) func(*testing.T) options {
	return func(t *testing.T) options {
		issuer, sign := newIssuer(t)
		v := newVault(t, "")
		v.others = map[string]string{smokeSecret: sign(map[string]any{"iss": issuer, "aud": "gateway", "sub": "smoke-test", "exp": time.Now().Add(lasts).Unix()}) + "\n"}
		return options{environment: map[string]string{
			"GENAI_AUTH": "oidc", "GENAI_AUTH_OFF_REASON": "", "GENAI_AUTH_ISSUER": issuer, "GENAI_AUTH_AUDIENCE": "gateway", "GENAI_FEEDBACK_SECRET": "", vaultVariable: v.url,
		}}
	}
}

// once makes a program call Bedrock once for a request.
func once(mode string) func(*testing.T) options {
	return func(t *testing.T) options {
		o := authentication(mode)(t)
		o.environment[settings.EnvMaxCalls] = "1"
		return o
	}
}

func (r release) throttle(d *deployment) {
	if r.reason != "" {
		d.bedrock.Script(slices.Repeat([]bedrocktest.Fault{{Kind: bedrocktest.Throttle}}, r.calls)...)
	}
}

// judge holds what the hook said and what the version was asked against the release.
func (r release) judge(t *testing.T, d *deployment, printed string, good bool) {
	t.Helper()
	if good != (r.reason == "") || !strings.Contains(printed, r.reason) {
		t.Errorf("the hook takes the version for good: %t; want the reason %q in\n%s", good, r.reason, printed)
	}
	calls := d.bedrock.Calls()
	if len(calls) != r.calls {
		t.Errorf("Bedrock got %d calls, want %d", len(calls), r.calls)
	}
	if r.reason == "" && r.calls == 2 && len(calls) == 2 && (calls[0].Operation != "Converse" || calls[1].Operation != "InvokeModel") {
		t.Errorf("Bedrock got %+v, want one call of each surface", calls)
	}
	for _, secret := range []string{"Reply with", "Embedded Bedrock", auth.KeyPrefix, "eyJ"} {
		if strings.Contains(printed, secret) {
			t.Errorf("the hook logs %q", secret)
		}
	}
}

func TestHookOfAFunction(t *testing.T) {
	const version = "arn:aws:lambda:us-east-1:000000000000:function:gateway:7"
	for _, r := range []release{
		{"good with IAM", authentication(settings.AuthGateway), "", "haiku", "", 2},
		{"good with keys", own, settings.AuthKeys, "haiku", "", 2},
		{"good with keys, and none for the hook", keyed, settings.AuthKeys, "", "", 0},
		{"good with tokens", trusting(true), settings.AuthOIDC, "", "", 0},
		{"good with tokens, and one for the hook", entrusted(time.Hour), settings.AuthOIDC, "haiku", "", 2},
		{"the hook's token has ended", entrusted(-time.Hour), settings.AuthOIDC, "haiku", "the list of models: GET /v1/models answered 401, want 200", 0},
		{"cannot ask the issuer", trusting(false), settings.AuthOIDC, "", "a request with credentials of nobody: GET /v1/models answered 500, want 401", 0},
		{"does not know the hook's key", keyedFor(func(string) string { return "gk_another" }), settings.AuthKeys, "haiku", "the list of models: GET /v1/models answered 401, want 200", 0},
		{"the hook's secret is empty", keyedFor(func(string) string { return "" }), settings.AuthKeys, "haiku", "the key of the smoke test: operation error Secrets Manager", 0},
		{"the hook's secret has hashes", keyedFor(func(string) string { return `{"tenants":{}}` }), settings.AuthKeys, "haiku", "the secret holds no API key", 0},
		{"does not start", func(*testing.T) options {
			return options{environment: map[string]string{settings.EnvAliases: "no list"}}
		}, "", "haiku", "readiness: the function failed with Runtime.ExitError", 0},
		{"lets anyone in", authentication(settings.AuthOff), settings.AuthKeys, "", "a request without credentials: GET /v1/models answered 200, want 401", 0},
		{"lets anyone in for whom the hook has a key", authentication(settings.AuthOff), settings.AuthKeys, "haiku", "a request without credentials: GET /v1/models answered 200, want 401", 0},
		{"lacks the model", authentication(settings.AuthGateway), "", "parrot", `the list of models: GET /v1/models lists 3 models, and \"parrot\" is not among them`, 0},
		{"cannot call the model", once(settings.AuthGateway), "", "haiku", `an inference: model \"haiku\" answered 429, want 200`, 3},
	} {
		t.Run(r.name, func(t *testing.T) {
			told, o := r.hook(), r.options(t)
			d := named(t, settings.VariantServerless).start(t, o)
			r.throttle(d)
			mux, recorded := http.NewServeMux(), &deployer{}
			invoke.NewAPI(map[string]invoke.Invoker{"gateway": d.invoker}).Register(mux)
			functions, deployments := httptest.NewServer(mux), httptest.NewServer(recorded)
			t.Cleanup(functions.Close)
			t.Cleanup(deployments.Close)
			told.Version = version
			answer, printed := runHook(t, told, map[string]string{
				"AWS_ENDPOINT_URL_LAMBDA": functions.URL, "AWS_ENDPOINT_URL_CODEDEPLOY": deployments.URL, vaultVariable: o.environment[vaultVariable],
			}, `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"execution"}`)
			if answer != "null" {
				t.Errorf("the hook answered %s", answer)
			}
			if len(recorded.told) != 1 {
				t.Fatalf("CodeDeploy was told %v, want one status", recorded.told)
			}
			method, body, _ := strings.Cut(recorded.told[0], " ")
			var status struct{ DeploymentID, LifecycleEventHookExecutionID, Status string }
			if err := json.Unmarshal([]byte(body), &status); err != nil {
				t.Fatal(err)
			}
			if method != "PutLifecycleEventHookExecutionStatus" || status.DeploymentID != "d-1" || status.LifecycleEventHookExecutionID != "execution" {
				t.Errorf("CodeDeploy was told %s %s", method, body)
			}
			if status.Status != "Succeeded" && status.Status != "Failed" {
				t.Errorf("CodeDeploy takes no status %q from a hook", status.Status)
			}
			r.judge(t, d, printed, status.Status == "Succeeded")
		})
	}
}

// host is the name in the certificate of httptest.
const host = "example.com"

// newBalancer has the server for requests with the header, and the old version for others.
func newBalancer(t *testing.T, to string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := balancer.New(target)
	balancer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(settings.TestHeader) != settings.TestHeaderValue || r.Host != host {
			http.Error(w, "the old version", http.StatusTeapot)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(balancer.Close)
	return balancer
}

func roots(t *testing.T, balancer *httptest.Server) map[string]string {
	t.Helper()
	return map[string]string{"SSL_CERT_FILE": certificate(t, balancer), "SSL_CERT_DIR": t.TempDir()}
}

// certificate is a file with the certificate of a server.
func certificate(t *testing.T, server *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// event is such as Amazon ECS sends after the test traffic has moved.
const event = `{"serviceArn":"arn:aws:ecs:us-east-1:000000000000:service/c/s",` +
	`"targetServiceRevisionArn":"arn:aws:ecs:us-east-1:000000000000:service-revision/c/s/2",` +
	`"testTrafficWeights":{},"productionTrafficWeights":{}}`

func TestHookOfAServer(t *testing.T) {
	for _, r := range []release{
		{"good with keys", own, settings.AuthKeys, "haiku", "", 2},
		{"good with keys, and none for the hook", keyed, settings.AuthKeys, "", "", 0},
		{"good without", authentication(settings.AuthOff), "", "haiku", "", 2},
		{"good with tokens", trusting(true), settings.AuthOIDC, "", "", 0},
		{"good with tokens, and one for the hook", entrusted(time.Hour), settings.AuthOIDC, "haiku", "", 2},
		{"the hook's token has ended", entrusted(-time.Hour), settings.AuthOIDC, "haiku", "the list of models: GET /v1/models answered 401, want 200", 0},
		{"cannot ask the issuer", trusting(false), settings.AuthOIDC, "", "a request with credentials of nobody: GET /v1/models answered 500, want 401", 0},
		{"does not know the hook's key", keyedFor(func(string) string { return "gk_another" }), settings.AuthKeys, "haiku", "the list of models: GET /v1/models answered 401, want 200", 0},
		{"lets anyone in", authentication(settings.AuthOff), settings.AuthKeys, "haiku", "a request without credentials: GET /v1/models answered 200, want 401", 0},
		{"cannot call the model", once(settings.AuthOff), "", "haiku", "an inference: model \\\"haiku\\\" answered 429, want 200", 3},
	} {
		t.Run(r.name, func(t *testing.T) {
			told, o := r.hook(), r.options(t)
			d := named(t, settings.VariantContainers).start(t, o)
			r.throttle(d)
			balancer := newBalancer(t, d.url)
			told.Address, told.Host = balancer.Listener.Addr().String(), host
			standIns := roots(t, balancer)
			standIns[vaultVariable] = o.environment[vaultVariable]
			answer, printed := runHook(t, told, standIns, event)
			if answer != `{"hookStatus":"SUCCEEDED"}` && answer != `{"hookStatus":"FAILED"}` {
				t.Fatalf("the hook answered %s, which ECS does not understand", answer)
			}
			r.judge(t, d, printed, strings.Contains(answer, "SUCCEEDED"))
		})
	}
}

func TestHookBelievesNoBalancerOfAnotherName(t *testing.T) {
	d := named(t, settings.VariantContainers).start(t, keyed(t))
	balancer := newBalancer(t, d.url)
	told := settings.Hook{Address: balancer.Listener.Addr().String(), Host: "gateway.other.test", Auth: settings.AuthKeys}
	answer, printed := runHook(t, told, roots(t, balancer), event)
	if answer != `{"hookStatus":"FAILED"}` {
		t.Errorf("the hook answered %s", answer)
	}
	if !strings.Contains(printed, "certificate is valid for") {
		t.Errorf("no word of the certificate in\n%s", printed)
	}
}
