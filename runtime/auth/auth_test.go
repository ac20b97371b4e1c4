package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth/identity"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// code is the code of an error, "" for none, and "?" for one that is not the domain's.
func code(err error) inference.Code {
	var failure *inference.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failure):
		return failure.Code
	}
	return "?"
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/messages", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestGateway(t *testing.T) {
	tests := []struct {
		name string
		who  identity.Identity
		want auth.Caller
	}{
		{"user", identity.Identity{ARN: "arn:aws:iam::123456789012:user/ann"},
			auth.Caller{Tenant: "arn:aws:iam::123456789012:user/ann", Method: auth.MethodGateway}},
		{"role, whatever its session", identity.Identity{ARN: "arn:aws:sts::123456789012:assumed-role/App/i-0abc"},
			auth.Caller{Tenant: "arn:aws:sts::123456789012:assumed-role/App", Method: auth.MethodGateway}},
		{"role without a session", identity.Identity{ARN: "arn:aws:sts::123456789012:assumed-role/App"},
			auth.Caller{Tenant: "arn:aws:sts::123456789012:assumed-role/App", Method: auth.MethodGateway}},
		{"direct", identity.Identity{Direct: true}, auth.Caller{Tenant: auth.TenantDirect, Method: auth.MethodDirect}},
		{"nobody", identity.Identity{}, auth.Caller{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request("Authorization", "AWS4-HMAC-SHA256 Credential=mine", "X-Amzn-Caller", "arn:aws:iam::1:user/me")
			got, err := auth.Gateway{}.Authenticate(r.WithContext(identity.With(r.Context(), tt.who)))
			if got != tt.want || (tt.want == auth.Caller{}) != (code(err) == inference.Unauthenticated) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	t.Run("a plain server", func(t *testing.T) {
		if got, err := (auth.Gateway{}).Authenticate(request()); code(err) != inference.Unauthenticated {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestBearer(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"token", "Bearer abc", "abc"},
		{"scheme in any case", "bearer abc", "abc"},
		{"spaces around", "Bearer  abc ", "abc"},
		{"no token", "Bearer", ""},
		{"another scheme", "Basic abc", ""},
		{"scheme that begins alike", "Bearerabc", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := auth.Bearer(request("Authorization", tt.header)); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
	if got := auth.Bearer(request("Authorization", "Bearer a", "Authorization", "Bearer b")); got != "" {
		t.Errorf("of two headers %q is chosen", got)
	}
}
