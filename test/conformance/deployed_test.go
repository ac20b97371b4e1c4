package conformance_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/balancer"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// The variables that lead TestDeployed to an endpoint which is deployed. Without the first, it asks local ones.
const (
	deployedURL    = "GENAI_CONFORMANCE_URL"    // base URL, as the output Url of a stack says it
	deployedKey    = "GENAI_CONFORMANCE_KEY"    // an API key; default: none
	deployedToken  = "GENAI_CONFORMANCE_TOKEN"  // a token of the issuer, instead of a key; default: none
	deployedRegion = "GENAI_CONFORMANCE_REGION" // whose API Gateway the requests are signed for, with AWS credentials as every tool finds them; default: not signed
)

// caller is somebody who knows where a gateway is and how to be known to it, and nothing else.
type caller struct {
	url    string // without a slash at its end
	key    string
	token  bool // the key is a token: both SDKs send it as a bearer's
	client *http.Client
}

// TestDeployed is the part of the suite that needs no scripted faults and no word of the model that can be foretold, so
// that it holds for the real Bedrock. It asks few questions, of few tokens, for they are billed.
func TestDeployed(t *testing.T) {
	if url := os.Getenv(deployedURL); url != "" {
		c := caller{url: strings.TrimSuffix(url, "/"), key: os.Getenv(deployedKey), client: &http.Client{Timeout: 2 * time.Minute}}
		if token := os.Getenv(deployedToken); token != "" {
			if c.key != "" {
				t.Fatalf("%s and %s are both there; give the one that the gateway asks for", deployedKey, deployedToken)
			}
			c.key, c.token = token, true
		}
		if region := os.Getenv(deployedRegion); region != "" {
			c.client.Transport = newSigner(t, region)
		}
		c.ask(t)
		return
	}
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			key, hash := auth.NewKey()
			d := v.start(t, withKeys(newVault(t, `{"tenants":{"suite":{"keys":["`+hash+`"]}}}`)))
			caller{url: d.url, key: key, client: http.DefaultClient}.ask(t)
		})
	}
	t.Run("signed", signedLocally)
}

// TestAStrangerAsks runs the suite as a step of a delivery does, in a process that knows a URL, as a stack's output
// says it, and a credential: of the API, and of a balancer by HTTPS.
func TestAStrangerAsks(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			key, hash := auth.NewKey()
			keyed := v.start(t, withKeys(newVault(t, `{"tenants":{"suite":{"keys":["`+hash+`"]}}}`)))
			issuer, sign := newIssuer(t)
			trusting := v.start(t, options{environment: map[string]string{
				"GENAI_AUTH": "oidc", "GENAI_AUTH_OFF_REASON": "", "GENAI_AUTH_ISSUER": issuer, "GENAI_AUTH_AUDIENCE": "gateway", "GENAI_FEEDBACK_SECRET": "",
			}})
			token := sign(map[string]any{"iss": issuer, "aud": "gateway", "sub": "suite", "exp": time.Now().Add(time.Hour).Unix()})
			for _, tt := range []struct {
				name, variable, credential string
				to                         *deployment
				passes                     bool
			}{
				{"a key", deployedKey, key, keyed, true},
				{"a key of nobody", deployedKey, auth.KeyPrefix + "nobody", keyed, false},
				{"a token", deployedToken, token, trusting, true},
				{"a key for a token", deployedKey, key, trusting, false},
			} {
				front := newFrontByTLS(t, tt.to.url)
				said, err := stranger(t, deployedURL+"="+front.URL+"/", tt.variable+"="+tt.credential, "SSL_CERT_FILE="+certificate(t, front), "SSL_CERT_DIR="+t.TempDir())
				if (err == nil) != tt.passes || !strings.Contains(said, "TestDeployed") {
					t.Errorf("%s: %v, want it to pass: %t\n%s", tt.name, err, tt.passes, said)
				}
				if strings.Contains(said, tt.credential) {
					t.Errorf("%s: it is in what the suite prints", tt.name)
				}
			}
		})
	}
}

// stranger runs the suite in a process of its own.
func stranger(t *testing.T, environment ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v")
	cmd.Env = append(os.Environ(), environment...)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// newFrontByTLS is what a caller's connection ends at.
func newFrontByTLS(t *testing.T, to string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(balancer.New(target))
	t.Cleanup(front.Close)
	return front
}

// signedLocally asks an API that takes signed requests only, as a deployed one behind IAM.
func signedLocally(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	d := startSigned(t)
	refused, err := http.Get(d.url + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusForbidden {
		t.Fatalf("without a signature the API answers %d", refused.StatusCode)
	}
	caller{url: d.url, client: &http.Client{Transport: newSigner(t, "us-east-1")}}.ask(t)
}

// ask runs every question as a test.
func (c caller) ask(t *testing.T) {
	if c.key == "" {
		c.key = "unused"
	}
	model := c.model(t)
	t.Run("alive", c.alive)
	t.Run("openai", func(t *testing.T) { c.askOpenAI(t, model) })
	t.Run("openai stream", func(t *testing.T) { c.streamOpenAI(t, model) })
	t.Run("openai refusal", c.refusedOpenAI)
	t.Run("anthropic", func(t *testing.T) { c.askAnthropic(t, model) })
	t.Run("anthropic stream", func(t *testing.T) { c.streamAnthropic(t, model) })
}

func (c caller) openai() openai.Client {
	return openai.NewClient(openaioption.WithBaseURL(c.url+"/v1"), openaioption.WithAPIKey(c.key), openaioption.WithHTTPClient(c.client))
}

func (c caller) anthropic() anthropic.Client {
	credential := anthropicoption.WithAPIKey(c.key)
	if c.token {
		credential = anthropicoption.WithAuthToken(c.key)
	}
	return anthropic.NewClient(anthropicoption.WithBaseURL(c.url), credential, anthropicoption.WithHTTPClient(c.client))
}

// model is the alias to ask: haiku, the cheapest by default, or the first there is.
func (c caller) model(t *testing.T) string {
	t.Helper()
	client := c.openai()
	page, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Data) == 0 {
		t.Fatal("the gateway has no model")
	}
	if slices.ContainsFunc(page.Data, func(m openai.Model) bool { return m.ID == "haiku" }) {
		return "haiku"
	}
	return page.Data[0].ID
}

func (c caller) alive(t *testing.T) {
	for _, path := range []string{endpoint.Livez, endpoint.Readyz} {
		answer, err := c.client.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", path, answer.StatusCode)
		}
	}
}

// few is enough for a word.
const few = 32

func fewOpenAI(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, MaxCompletionTokens: openai.Int(few),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")}}
}

func (c caller) askOpenAI(t *testing.T, model string) {
	client := c.openai()
	answer, err := client.Chat.Completions.New(t.Context(), fewOpenAI(model))
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Choices) != 1 || answer.Choices[0].Message.Content == "" || !slices.Contains([]string{"stop", "length"}, answer.Choices[0].FinishReason) {
		t.Errorf("got %s", answer.RawJSON())
	}
	if u := answer.Usage; answer.Model != model || u.PromptTokens == 0 || u.CompletionTokens == 0 || u.CompletionTokens > few || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("model %q, usage %+v", answer.Model, answer.Usage)
	}
}

func (c caller) streamOpenAI(t *testing.T, model string) {
	client, params := c.openai(), fewOpenAI(model)
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		if !sum.AddChunk(stream.Current()) {
			t.Fatalf("a chunk does not fit: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if len(sum.Choices) != 1 || sum.Choices[0].Message.Content == "" || sum.Choices[0].FinishReason == "" || sum.Usage.CompletionTokens == 0 {
		t.Errorf("got %+v", sum.ChatCompletion)
	}
}

func (c caller) refusedOpenAI(t *testing.T) {
	client := c.openai()
	_, err := client.Chat.Completions.New(t.Context(), fewOpenAI("no-such-model"))
	var failure *openai.Error
	if !errors.As(err, &failure) || failure.StatusCode != http.StatusNotFound || failure.Code != "model_not_found" {
		t.Errorf("got %v", err)
	}
}

func fewAnthropic(model string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: model, MaxTokens: few,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Say hello."))}}
}

func (c caller) askAnthropic(t *testing.T, model string) {
	client := c.anthropic()
	answer, err := client.Messages.New(t.Context(), fewAnthropic(model))
	if err != nil {
		t.Fatal(err)
	}
	wholeMessage(t, answer)
}

func (c caller) streamAnthropic(t *testing.T, model string) {
	client := c.anthropic()
	stream := client.Messages.NewStreaming(t.Context(), fewAnthropic(model))
	var sum anthropic.Message
	for stream.Next() {
		if err := sum.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	wholeMessage(t, &sum)
}

func wholeMessage(t *testing.T, m *anthropic.Message) {
	t.Helper()
	if len(m.Content) == 0 || m.Content[0].Text == "" || m.StopReason == "" || m.Usage.InputTokens == 0 || m.Usage.OutputTokens == 0 || m.Usage.OutputTokens > few {
		t.Errorf("got content %+v, %s, usage %+v", m.Content, m.StopReason, m.Usage)
	}
}

// signer signs each request for API Gateway.
type signer struct {
	region      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
}

func newSigner(t *testing.T, region string) signer {
	t.Helper()
	found, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(region))
	if err != nil {
		t.Fatal(err)
	}
	return signer{region: region, credentials: found.Credentials, signer: v4.NewSigner()}
}

// RoundTrip sends the request as it is, but signed.
func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	signed := r.Clone(r.Context())
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		signed.Body = io.NopCloser(bytes.NewReader(body))
	}
	credentials, err := s.credentials.Retrieve(context.WithoutCancel(r.Context()))
	if err != nil {
		return nil, err
	}
	signed.Header.Del("Authorization") // the SDK's own
	hash := sha256.Sum256(body)
	if err := s.signer.SignHTTP(r.Context(), credentials, signed, hex.EncodeToString(hash[:]), "execute-api", s.region, time.Now()); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(signed)
}

// startSigned runs the function behind its template's API as it is with IAM: API Gateway asks for a signature, and the
// program takes who signed from there.
func startSigned(t *testing.T) *deployment {
	t.Helper()
	v := named(t, settings.VariantServerless)
	d := v.start(t, asIAM)
	server := httptest.NewServer(v.newFront(t, d.invoker, func(r *apigateway.Route) { r.Authorization = apigateway.AuthorizationIAM }))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}
