package gateway_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// nobody refuses every caller with one error.
type nobody struct{ err error }

// Authenticate implements gateway.Authenticator.
func (n nobody) Authenticate(*http.Request) (auth.Caller, error) { return auth.Caller{}, n.err }

// unread is a body that must not be read.
type unread struct{ t *testing.T }

// Read fails the test.
func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, errors.New("unread")
}

// Every endpoint asks who the caller is, but for the three that balancers call.
func TestEveryEndpointKnowsItsCallers(t *testing.T) {
	open := map[string]bool{endpoint.Livez: true, endpoint.Readyz: true, endpoint.Healthz: true}
	tests := []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"unknown", inference.Errorf(inference.Unauthenticated, "Who are you?"), 401, "Who are you?"},
		{"cannot tell", inference.Errorf(inference.Internal, "Not now."), 500, "Not now."},
		{"of no type", errors.New("dial tcp 10.0.0.7"), 500, "failed to handle"},
	}
	for _, tt := range tests {
		for _, e := range endpoint.All() {
			t.Run(tt.name+" "+e.Path, func(t *testing.T) {
				handler := newGatewayFor(nobody{tt.err}, model{}, nil, nil)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(e.Method, strings.ReplaceAll(e.Path, "{id}", "haiku"), unread{t}))
				if open[e.Path] {
					if w.Code != http.StatusOK {
						t.Errorf("got %d %s", w.Code, w.Body)
					}
					return
				}
				if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "10.0.0.7") {
					t.Errorf("got %d %s", w.Code, w.Body)
				}
				if asked := w.Header().Get("WWW-Authenticate"); (asked == "Bearer") != (tt.status == 401) {
					t.Errorf("WWW-Authenticate is %q with %d", asked, w.Code)
				}
			})
		}
	}
}

func TestRefusalsAreInTheSurfacesOwnWords(t *testing.T) {
	handler := newGatewayFor(nobody{inference.Errorf(inference.Unauthenticated, "Who are you?")}, model{}, nil, nil)
	for path, want := range map[string]string{
		endpoint.ChatCompletions: `"code":"invalid_api_key"`,
		endpoint.Messages:        `{"type":"error","error":{"type":"authentication_error"`,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %s", path, w.Body)
		}
	}
}

func TestRecordNamesTheTenant(t *testing.T) {
	var got record.Request
	keep := func(r *record.Request) { got = *r }
	post(newGateway(model{}, nil, keep), "{")
	if got.Tenant != auth.TenantAnonymous || got.Auth != auth.MethodOff {
		t.Errorf("of a known caller: %q by %q", got.Tenant, got.Auth)
	}
	post(newGatewayFor(nobody{inference.Errorf(inference.Unauthenticated, "No.")}, model{}, nil, keep), "{")
	if got.Tenant != "" || got.Auth != "" || got.Code != inference.Unauthenticated || got.Status != 401 {
		t.Errorf("of an unknown caller: %+v", got)
	}
}
