// Package oidc knows callers by the JSON Web Tokens of an OpenID Connect issuer. Signatures, times, issuer and audience
// are go-oidc's work; this package decides when the issuer is asked and whose tenant a token names.
//
// It must not know settings, and no token is in any message or log.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Method is Caller.Method of those whom a token names.
const Method = "oidc"

// DefaultTenantClaim is the claim whose value is the tenant.
const DefaultTenantClaim = "sub"

const (
	maxTokenBytes  = 16 << 10
	maxTenantBytes = 256 // it is in every record
	askTimeout     = 5 * time.Second
)

// algorithms are the asymmetric ones: with a symmetric one, whoever can check a token could make one.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// Options say whose tokens count.
type Options struct {
	Issuer      string            // required; the claim iss, and where the configuration is discovered
	Audience    string            // required; must be in the claim aud
	JWKSURL     string            // where the issuer's keys are; default: discovered
	TenantClaim string            // a claim that is a text; default DefaultTenantClaim
	Log         *slog.Logger      // required; told when the issuer cannot be asked
	Transport   http.RoundTripper // default http.DefaultTransport
}

// Tokens authenticates by bearer tokens. The issuer is asked at the first request and not before.
type Tokens struct {
	options Options
	client  *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the issuer's keys are found
}

// New returns Tokens. It asks nobody.
func New(options Options) *Tokens {
	if options.TenantClaim == "" {
		options.TenantClaim = DefaultTenantClaim
	}
	if options.Transport == nil {
		options.Transport = http.DefaultTransport
	}
	return &Tokens{options: options, client: &http.Client{Transport: newThrottle(options.Transport), Timeout: askTimeout}}
}

// Authenticate returns the tenant that the request's token names.
func (t *Tokens) Authenticate(r *http.Request) (auth.Caller, error) {
	raw := auth.Bearer(r)
	if raw == "" || len(raw) > maxTokenBytes {
		return auth.Caller{}, refused("A token is required: send it as \"Authorization: Bearer …\".", nil)
	}
	verifier, err := t.ready()
	if err != nil {
		return auth.Caller{}, t.unable(err)
	}
	var outage error
	token, err := verifier.Verify(withOutage(r.Context(), &outage), raw)
	switch {
	case err != nil && r.Context().Err() != nil:
		return auth.Caller{}, &inference.Error{Code: inference.Canceled, Message: "The caller left.", Cause: r.Context().Err()}
	case outage != nil:
		return auth.Caller{}, t.unable(outage)
	case err != nil:
		return auth.Caller{}, refused("The token is not valid.", reason(err))
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return auth.Caller{}, refused("The token is not valid.", errors.New("its claims cannot be read"))
	}
	tenant, _ := claims[t.options.TenantClaim].(string)
	if tenant == "" || len(tenant) > maxTenantBytes {
		return auth.Caller{}, refused("The token names no tenant.", fmt.Errorf("claim %q is no text of 1 to %d bytes", t.options.TenantClaim, maxTenantBytes))
	}
	return auth.Caller{Tenant: tenant, Method: Method}, nil
}

// ready finds the issuer's keys, once. While that fails nobody is let in, and the throttle keeps the tries apart.
func (t *Tokens) ready() (*oidc.IDTokenVerifier, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.verifier != nil {
		return t.verifier, nil
	}
	// Not the request's context: what is found is for all.
	ctx := oidc.ClientContext(context.Background(), t.client)
	url := t.options.JWKSURL
	if url == "" {
		provider, err := oidc.NewProvider(ctx, t.options.Issuer)
		if err != nil {
			return nil, err
		}
		var found struct {
			URL string `json:"jwks_uri"`
		}
		if err := provider.Claims(&found); err != nil || found.URL == "" {
			return nil, errors.New("the issuer's configuration has no jwks_uri")
		}
		url = found.URL
	}
	t.verifier = oidc.NewVerifier(t.options.Issuer, newKeySet(ctx, url), &oidc.Config{
		ClientID:             t.options.Audience,
		SupportedSigningAlgs: algorithms,
		Now:                  time.Now,
	})
	return t.verifier, nil
}

func (t *Tokens) unable(cause error) error {
	t.options.Log.Warn("the issuer of tokens cannot be asked", "issuer", t.options.Issuer, "cause", cause)
	return &inference.Error{Code: inference.Internal, Message: "The gateway cannot check tokens at the moment.", Cause: cause}
}

func refused(message string, cause error) error {
	return &inference.Error{Code: inference.Unauthenticated, Message: message, Cause: cause}
}

// reason is for the operator: why a token was refused, without the library's words, which may quote the token.
func reason(err error) error {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return fmt.Errorf("the token expired at %s", expired.Expiry.UTC().Format(time.RFC3339))
	}
	return errors.New("form, signature, issuer, audience or times are wrong")
}
