package oidc_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth/oidc"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

const (
	issuer   = "https://issuer.example.com"
	audience = "gateway"
)

// key is a signing key of the issuer.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func newKey(t *testing.T, id string) key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key{id, private}
}

func encode(part any) string {
	text, _ := json.Marshal(part)
	return base64.RawURLEncoding.EncodeToString(text)
}

// sign makes a token by hand, so that it can be wrong in any way.
func (k key) sign(header, claims map[string]any) string {
	full := map[string]any{"alg": "RS256", "kid": k.id}
	maps.Copy(full, header)
	signed := encode(full) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, _ := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func claims(change map[string]any) map[string]any {
	all := map[string]any{"iss": issuer, "aud": audience, "sub": "team-a", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
	maps.Copy(all, change)
	return all
}

// wire is the issuer as a transport: it serves the configuration and the public keys.
type wire struct {
	mu    sync.Mutex
	keys  []key
	down  bool
	asked map[string]int
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked == nil {
		w.asked = map[string]int{}
	}
	w.asked[r.URL.Path]++
	if w.down {
		return nil, errors.New("no route to host")
	}
	var body any
	switch r.URL.String() {
	case issuer + "/.well-known/openid-configuration":
		body = map[string]any{"issuer": issuer, "jwks_uri": issuer + "/keys"}
	case issuer + "/keys":
		var list []map[string]any
		for _, k := range w.keys {
			list = append(list, map[string]any{"kty": "RSA", "kid": k.id, "use": "sig", "alg": "RS256",
				"n": base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
				"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes())})
		}
		body = map[string]any{"keys": list}
	default:
		return nil, fmt.Errorf("unexpected request for %s", r.URL)
	}
	text, _ := json.Marshal(body)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

func (w *wire) set(down bool, keys ...key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.keys = down, keys
}

func (w *wire) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[path]
}

func newTokens(w *wire, change func(*oidc.Options)) (*oidc.Tokens, *bytes.Buffer) {
	var out bytes.Buffer
	o := oidc.Options{Issuer: issuer, Audience: audience, Transport: w, Log: slog.New(slog.NewTextHandler(&out, nil))}
	if change != nil {
		change(&o)
	}
	return oidc.New(o), &out
}

// tenant asks with a token and returns the tenant, or the code of the refusal.
func tenant(tokens *oidc.Tokens, token string) string {
	r := httptest.NewRequest(http.MethodPost, "/v1/messages", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	caller, err := tokens.Authenticate(r)
	var failure *inference.Error
	if errors.As(err, &failure) {
		return string(failure.Code)
	}
	if caller.Method != oidc.Method {
		return "method " + caller.Method
	}
	return caller.Tenant
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTokens(t *testing.T) {
	k, other := newKey(t, "1"), newKey(t, "1")
	unsigned := encode(map[string]any{"alg": "none"}) + "." + encode(claims(nil)) + "."
	whole := k.sign(nil, claims(nil))
	tests := []struct {
		name, token, want string
	}{
		{"good", whole, "team-a"},
		{"one audience of several", k.sign(nil, claims(map[string]any{"aud": []string{"x", audience}})), "team-a"},
		{"another audience", k.sign(nil, claims(map[string]any{"aud": "x"})), "unauthenticated"},
		{"no audience", k.sign(nil, claims(map[string]any{"aud": nil})), "unauthenticated"},
		{"another issuer", k.sign(nil, claims(map[string]any{"iss": issuer + "/"})), "unauthenticated"},
		{"expired", k.sign(nil, claims(map[string]any{"exp": time.Now().Add(-time.Second).Unix()})), "unauthenticated"},
		{"without an end", k.sign(nil, claims(map[string]any{"exp": nil})), "unauthenticated"},
		{"not yet", k.sign(nil, claims(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})), "unauthenticated"},
		{"no tenant", k.sign(nil, claims(map[string]any{"sub": ""})), "unauthenticated"},
		{"tenant is a number", k.sign(nil, claims(map[string]any{"sub": 7})), "unauthenticated"},
		{"tenant without end", k.sign(nil, claims(map[string]any{"sub": strings.Repeat("a", 300)})), "unauthenticated"},
		{"signed by somebody else", other.sign(nil, claims(nil)), "unauthenticated"},
		{"algorithm none", unsigned, "unauthenticated"},
		{"algorithm of shared secrets", k.sign(map[string]any{"alg": "HS256"}, claims(nil)), "unauthenticated"},
		{"algorithm that does not fit", k.sign(map[string]any{"alg": "ES256"}, claims(nil)), "unauthenticated"},
		{"claims changed", strings.Split(whole, ".")[0] + "." + encode(claims(map[string]any{"sub": "team-b"})) + "." + strings.Split(whole, ".")[2], "unauthenticated"},
		{"not a token", "abc", "unauthenticated"},
		{"nothing", "", "unauthenticated"},
		{"endless", strings.Repeat("a", 20<<10), "unauthenticated"},
	}
	w := &wire{keys: []key{k}}
	tokens, _ := newTokens(w, nil)
	if w.asked != nil {
		t.Error("the issuer is asked at the start")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { want(t, tenant(tokens, tt.token), tt.want) })
	}
	if w.count("/keys") != 1 || w.count("/.well-known/openid-configuration") != 1 {
		t.Errorf("the issuer is asked %v", w.asked)
	}
	t.Run("another claim, keys from a given URL", func(t *testing.T) {
		w := &wire{keys: []key{k}}
		tokens, _ := newTokens(w, func(o *oidc.Options) { o.TenantClaim, o.JWKSURL = "org", issuer+"/keys" })
		want(t, tenant(tokens, k.sign(nil, claims(map[string]any{"org": "acme"}))), "acme")
		want(t, tenant(tokens, whole), "unauthenticated")
		if w.count("/.well-known/openid-configuration") != 0 {
			t.Error("the configuration is discovered")
		}
	})
}

func TestKeysOfTheIssuerChange(t *testing.T) {
	before, after := newKey(t, "1"), newKey(t, "2")
	synctest.Test(t, func(t *testing.T) {
		w := &wire{keys: []key{before}}
		tokens, _ := newTokens(w, nil)
		long := map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}
		want(t, tenant(tokens, before.sign(nil, claims(long))), "team-a")
		w.set(false, after)
		want(t, tenant(tokens, after.sign(nil, claims(long))), "unauthenticated") // asked a moment ago
		time.Sleep(30 * time.Second)
		want(t, tenant(tokens, after.sign(nil, claims(long))), "team-a")
		for range 100 { // tokens that no key fits
			want(t, tenant(tokens, before.sign(nil, claims(long))), "unauthenticated")
		}
		if n := w.count("/keys"); n > 3 {
			t.Errorf("the keys are asked for %d times", n)
		}
	})
}

// A key that is withdrawn counts for an hour at most, even when no token asks for a new one.
func TestWithdrawnKeyStopsCounting(t *testing.T) {
	old, next := newKey(t, "1"), newKey(t, "2")
	synctest.Test(t, func(t *testing.T) {
		w := &wire{keys: []key{old}}
		tokens, _ := newTokens(w, nil)
		long := map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}
		token := old.sign(nil, claims(long))
		want(t, tenant(tokens, token), "team-a")
		w.set(false, next)
		time.Sleep(time.Hour + time.Second)
		want(t, tenant(tokens, token), "unauthenticated")
	})
}

func TestOutageOfTheIssuer(t *testing.T) {
	k, unknown := newKey(t, "1"), newKey(t, "2")
	synctest.Test(t, func(t *testing.T) {
		w := &wire{keys: []key{k}, down: true}
		tokens, log := newTokens(w, nil)
		long := map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}
		token := k.sign(nil, claims(long))
		want(t, tenant(tokens, token), "internal") // nobody is let in without keys
		w.set(false, k)
		time.Sleep(time.Second)
		want(t, tenant(tokens, token), "team-a")
		w.set(true)
		for range 10 {
			time.Sleep(time.Hour)
			want(t, tenant(tokens, token), "team-a") // the keys that are there go on counting
		}
		want(t, tenant(tokens, unknown.sign(nil, claims(long))), "internal")
		synctest.Wait()
		if !strings.Contains(log.String(), "no route to host") || strings.Contains(log.String(), token[:40]) {
			t.Errorf("the log says %s", log)
		}
	})
}

var _ interface {
	Authenticate(*http.Request) (auth.Caller, error)
} = (*oidc.Tokens)(nil)
