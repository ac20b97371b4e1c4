package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// vault is Secrets Manager as far as GetSecretValue goes, for the secret of keys and others.
type vault struct {
	url    string
	others map[string]string // values by name; set before the first request

	mu    sync.Mutex
	value string   // empty: the service fails
	asked []string // the targets and bodies of the requests
}

const secretName = "gateway-keys"

func newVault(t *testing.T, value string) *vault {
	t.Helper()
	v := &vault{value: value}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	v.url = server.URL
	return v
}

// ServeHTTP speaks AWS JSON 1.1.
func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, r.Header.Get("X-Amz-Target")+" "+string(body))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var input struct{ SecretId string }
	err := json.Unmarshal(body, &input)
	value := v.others[input.SecretId]
	if input.SecretId == secretName {
		value = v.value
	}
	if err != nil || value == "" ||
		!strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Name": input.SecretId, "SecretString": value, "VersionId": "1", "VersionStages": []string{"AWSCURRENT"}})
}

func (v *vault) requests() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.asked...)
}

// withKeys makes a program take keys out of the vault.
func withKeys(v *vault) options {
	return options{environment: map[string]string{
		"GENAI_AUTH": "keys", "GENAI_AUTH_SECRET": secretName, "GENAI_AUTH_OFF_REASON": "", "GENAI_LOG_LEVEL": "debug",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": v.url, "GENAI_FEEDBACK_SECRET": "",
	}}
}

// call asks with an SDK and a key and returns the status that the SDK's error carries, 200 for none, and the error's text.
type call func(t *testing.T, d *deployment, key string) (int, string)

var calls = map[string]call{
	"openai": func(t *testing.T, d *deployment, key string) (int, string) {
		client := openai.NewClient(openaioption.WithBaseURL(d.url+"/v1"), openaioption.WithAPIKey(key), openaioption.WithMaxRetries(0))
		_, err := client.Chat.Completions.New(t.Context(), question("Who am I?"))
		var failure *openai.Error
		if errors.As(err, &failure) {
			return failure.StatusCode, failure.Type + " " + failure.Code
		}
		return ended(t, err)
	},
	"openai models": func(t *testing.T, d *deployment, key string) (int, string) {
		client := openai.NewClient(openaioption.WithBaseURL(d.url+"/v1"), openaioption.WithAPIKey(key), openaioption.WithMaxRetries(0))
		_, err := client.Models.List(t.Context())
		var failure *openai.Error
		if errors.As(err, &failure) {
			return failure.StatusCode, failure.Type + " " + failure.Code
		}
		return ended(t, err)
	},
	"anthropic": func(t *testing.T, d *deployment, key string) (int, string) {
		client := anthropic.NewClient(anthropicoption.WithBaseURL(d.url), anthropicoption.WithAPIKey(key), anthropicoption.WithMaxRetries(0))
		_, err := client.Messages.New(t.Context(), ask(anthropic.NewTextBlock("Who am I?")))
		var failure *anthropic.Error
		if errors.As(err, &failure) {
			return failure.StatusCode, failure.RawJSON()
		}
		return ended(t, err)
	},
}

func ended(t *testing.T, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return http.StatusOK, ""
}

func TestAPIKeys(t *testing.T) {
	key, hash := auth.NewKey()
	wrong, _ := auth.NewKey()
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			store := newVault(t, `{"tenants": {"team-a": {"keys": ["`+auth.HashKey("gk_old")+`", "`+hash+`"]}}}`)
			d := v.start(t, withKeys(store))
			get(t, d, "/livez", nil, 200)
			get(t, d, "/readyz", nil, 200)
			get(t, d, "/healthz", nil, 200)
			if asked := store.requests(); len(asked) != 0 {
				t.Errorf("the secret is read before anyone shows a key: %v", asked)
			}
			for name, ask := range calls {
				if status, text := ask(t, d, key); status != 200 {
					t.Errorf("%s, a good key: %d %s", name, status, text)
				}
				if status, text := ask(t, d, wrong); status != 401 || !strings.Contains(text, "authentication_error") && !strings.Contains(text, "invalid_api_key") {
					t.Errorf("%s, a wrong key: %d %s", name, status, text)
				}
			}
			for _, path := range []string{"/v1/models", "/v1/models/haiku"} {
				get(t, d, path, nil, 401)
			}
			for _, s := range surfaces() {
				response, body, err := s.post(t, d, true)
				// API Gateway gives a function's WWW-Authenticate another name.
				asked := response.Header.Get("WWW-Authenticate") + response.Header.Get("X-Amzn-Remapped-Www-Authenticate")
				if err != nil || response.StatusCode != 401 || asked != "Bearer" {
					t.Errorf("%s, no key: %d %q %s, %v", s.name, response.StatusCode, asked, body, err)
				}
				if kind, err := s.kind(body); err != nil || kind != "authentication_error" {
					t.Errorf("%s, no key: %s", s.name, body)
				}
			}
			if asked := store.requests(); len(asked) != 1 || asked[0] != `secretsmanager.GetSecretValue {"SecretId":"`+secretName+`"}` {
				t.Errorf("Secrets Manager was asked %v", asked)
			}
			if n := len(d.bedrock.Calls()); n != 2 {
				t.Errorf("Bedrock got %d calls, want the 2 with a good key", n)
			}
			tenants := map[any]int{}
			for _, line := range d.records(t, 6) {
				tenants[fmt.Sprint(line["tenant"], line["auth"], line["status"])]++
			}
			if tenants["team-akeys200"] != 2 || tenants[fmt.Sprint(nil, nil, 401.0)] != 4 {
				t.Errorf("the records name %v", tenants)
			}
			if text := d.log.String(); strings.Contains(text, auth.KeyPrefix) || strings.Contains(text, hash) {
				t.Errorf("a key or its hash is in the log:\n%s", text)
			}
		})
	}
}

// A program that cannot read its secret lets nobody in, and says so to the operator only.
func TestNobodyIsLetInWithoutTheSecret(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, withKeys(newVault(t, "")))
			key, _ := auth.NewKey()
			for name, ask := range calls {
				if status, text := ask(t, d, key); status != 500 || strings.Contains(text, "ecret") {
					t.Errorf("%s: %d %s", name, status, text)
				}
			}
			if n := len(d.bedrock.Calls()); n != 0 {
				t.Errorf("Bedrock got %d calls", n)
			}
			d.records(t, 2)
			if text := d.log.String(); !strings.Contains(text, "ResourceNotFoundException") || strings.Contains(text, auth.KeyPrefix) {
				t.Errorf("the log says\n%s", text)
			}
		})
	}
}

// asIAM makes a program take whom the platform has authenticated.
var asIAM = options{environment: map[string]string{"GENAI_AUTH": "gateway", "GENAI_AUTH_OFF_REASON": ""}}

// Where the platform has authenticated nobody, nobody is let in, whatever a request claims.
func TestOnlyThePlatformSaysWhoACallerIs(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := v.start(t, asIAM)
			get(t, d, "/livez", nil, 200)
			for _, claim := range []http.Header{nil, signature("AKIDCALLER"), {"X-Api-Key": {"gk_any"}}, {"Authorization": {"Bearer any"}},
				{"X-Amzn-Requestcontext": {`{"identity":{"userArn":"arn:aws:iam::1:user/me"}}`}}} {
				get(t, d, "/v1/models", claim, 401)
			}
		})
	}
}

func TestCallersAsIAMKnowsThem(t *testing.T) {
	v := named(t, settings.VariantServerless)
	d := v.start(t, asIAM)
	server := httptest.NewServer(v.newFront(t, d.invoker, func(r *apigateway.Route) { r.Authorization = apigateway.AuthorizationIAM }))
	t.Cleanup(server.Close)
	d.url = server.URL
	get(t, d, "/v1/models", nil, 403) // API Gateway's own refusal
	get(t, d, "/v1/models", signature("AKIDCALLER"), 200)

	request, _ := http.NewRequest(http.MethodPost, d.url+surfaces()[0].path, strings.NewReader(fmt.Sprintf(surfaces()[0].body, false)))
	request.Header = signature("AKIDCALLER")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	direct, err := d.invoker.Invoke(t.Context(), []byte(`{"surface":"openai",`+fmt.Sprintf(surfaces()[0].body, false)[1:]))
	if err != nil {
		t.Fatal(err)
	}
	_, failure, err := invoke.ReadAll(direct)
	direct.Body.Close()
	if response.StatusCode != 200 || failure != nil || err != nil {
		t.Fatalf("signed %d, direct %v, %v", response.StatusCode, failure, err)
	}
	got := map[any]any{}
	for _, line := range d.records(t, 2) {
		got[line["auth"]] = line["tenant"]
	}
	if got["gateway"] != fmt.Sprintf("arn:aws:iam::%s:user/AKIDCALLER", v.stack.Account) || got["direct"] != "direct" {
		t.Errorf("the records name %v", got)
	}
}

// signature is the form of a Signature Version 4, which is all that a stand-in of API Gateway can check.
func signature(accessKey string) http.Header {
	return http.Header{"X-Amz-Date": {"20261122T000000Z"}, "Authorization": {"AWS4-HMAC-SHA256 Credential=" + accessKey +
		"/20261122/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64)}}
}

func get(t *testing.T, d *deployment, path string, header http.Header, want int) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, d.url+path, nil)
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != want {
		t.Errorf("%s answers %d %s, want %d", path, response.StatusCode, body, want)
	}
}

// A program that is not told how to know its callers does not start.
func TestNoStartWithoutAuthentication(t *testing.T) {
	tests := []struct {
		name string
		set  map[string]string
		want string
	}{
		{"not said", map[string]string{"GENAI_AUTH": "", "GENAI_AUTH_OFF_REASON": ""}, "GENAI_AUTH: is \"\"; allowed are"},
		{"unknown", map[string]string{"GENAI_AUTH": "none", "GENAI_AUTH_OFF_REASON": ""}, "GENAI_AUTH: is \"none\"; allowed are"},
		{"off without a reason", map[string]string{"GENAI_AUTH": "off", "GENAI_AUTH_OFF_REASON": ""}, "GENAI_AUTH_OFF_REASON: is \"\""},
		{"keys without a secret", map[string]string{"GENAI_AUTH": "keys", "GENAI_AUTH_OFF_REASON": ""}, "GENAI_AUTH_SECRET: is not set"},
	}
	for _, v := range variants() {
		for _, tt := range tests {
			t.Run(v.name+", "+tt.name, func(t *testing.T) {
				environment := v.settings(options{environment: tt.set})
				environment["GENAI_LISTEN"], environment["AWS_REGION"] = "127.0.0.1:0", v.stack.Region
				cmd := exec.CommandContext(t.Context(), v.program)
				for name, value := range environment {
					cmd.Env = append(cmd.Env, name+"="+value)
				}
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || !strings.Contains(string(out), tt.want) {
					t.Errorf("it ended with %v and said %s", err, out)
				}
			})
		}
	}
}
