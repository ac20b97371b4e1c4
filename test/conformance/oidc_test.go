package conformance_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
)

// issuer is an OpenID Connect issuer: its URL, and a function that signs claims.
func newIssuer(t *testing.T) (string, func(claims map[string]any) string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(path string, body any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	answer("/.well-known/openid-configuration", map[string]any{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	answer("/keys", map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig",
		"n": encode(private.N.Bytes()), "e": encode(big.NewInt(int64(private.E)).Bytes())}}})
	return server.URL, func(claims map[string]any) string {
		body, _ := json.Marshal(claims)
		signed := encode([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + encode(body)
		sum := sha256.Sum256([]byte(signed))
		signature, _ := rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
		return signed + "." + encode(signature)
	}
}

func TestTokens(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			url, sign := newIssuer(t)
			d := v.start(t, options{environment: map[string]string{
				"GENAI_AUTH": "oidc", "GENAI_AUTH_OFF_REASON": "", "GENAI_AUTH_ISSUER": url, "GENAI_AUTH_AUDIENCE": "gateway", "GENAI_AUTH_TENANT_CLAIM": "org",
			}})
			token := func(audience string, until time.Time) string {
				return sign(map[string]any{"iss": url, "aud": audience, "sub": "ann", "org": "acme", "exp": until.Unix()})
			}
			good := token("gateway", time.Now().Add(time.Hour))
			if status, text := calls["openai"](t, d, good); status != 200 {
				t.Errorf("a good token: %d %s", status, text)
			}
			client := anthropic.NewClient(anthropicoption.WithBaseURL(d.url), anthropicoption.WithAuthToken(good), anthropicoption.WithMaxRetries(0))
			if _, err := client.Messages.New(t.Context(), ask(anthropic.NewTextBlock("Who am I?"))); err != nil {
				t.Error(err)
			}
			for name, bad := range map[string]string{
				"of another audience": token("another", time.Now().Add(time.Hour)),
				"expired":             token("gateway", time.Now().Add(-time.Minute)),
				"changed":             good[:len(good)-6] + "AAAAAA",
				"a key":               "gk_any",
			} {
				if status, _ := calls["openai"](t, d, bad); status != 401 {
					t.Errorf("a token %s: %d", name, status)
				}
			}
			n := 0
			for _, line := range d.records(t, 6) {
				if line["tenant"] == "acme" && line["auth"] == "oidc" {
					n++
				}
			}
			if n != 2 {
				t.Errorf("%d records name the tenant, want 2", n)
			}
			if text := d.log.String(); strings.Contains(text, good[:60]) {
				t.Error("the token is in the log")
			}
		})
	}
}
