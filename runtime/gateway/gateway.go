// Package gateway is the one http.Handler: it reads requests, asks the provider, writes answers and streams, and
// accounts for every request. All variants serve this handler.
//
// It must not know AWS, Lambda, or how a surface reads and writes its bytes: that is each surface's own package.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// Router finds routes, lists what there is, and estimates what was spent.
type Router interface {
	inference.Router
	// Models are the names that a caller may use, in the order of the configuration.
	Models() []string
	// Cost is what the usage costs at list prices in US dollars; known is false where there is no price.
	Cost(target inference.Target, usage inference.Usage) (usd float64, known bool)
}

// Authenticator says who sent a request, before its body is read. Its error is an *inference.Error.
type Authenticator interface {
	// Authenticate looks at headers and context, and never at the body. Without an error the caller has a tenant.
	Authenticate(*http.Request) (auth.Caller, error)
}

// Options configure the handler. Every field is required but the last three.
type Options struct {
	Auth           Authenticator // asked for every request under /v1/
	Provider       inference.Provider
	Router         Router
	Ready          func(context.Context) error // asked by /readyz
	Records        func(*record.Request)       // called once per inference request
	Limits         Limits
	Log            *slog.Logger
	MaxBodyBytes   int
	RequestTimeout time.Duration // for the whole answer, streams included
	PingInterval   time.Duration // silence on a stream before a ping
	HealthWindow   time.Duration // how far back endpoint.Healthz looks; default endpoint.HealthWindow

	Tracer   Tracer                 // nil: no request is traced
	Feedback Feedback               // nil: answers have no feedback ids, and nothing takes ratings
	Ratings  func(*record.Feedback) // called once per rating that is taken; required with Feedback
}

// gateway serves the endpoints. Its only state is the health of the last calls.
type gateway struct {
	Options
	health *health
}

// New returns the handler.
func New(options Options) http.Handler {
	g := &gateway{Options: options, health: newHealth(options.HealthWindow)}
	handlers := map[string]http.HandlerFunc{
		endpoint.ChatCompletions: g.inference("openai", openaiSurface{}),
		endpoint.Messages:        g.inference("anthropic", anthropicSurface{}),
		endpoint.Feedback:        g.rate,
		endpoint.Models:          g.known(g.models),
		endpoint.Model:           g.known(g.model),
		endpoint.Livez:           func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") },
		endpoint.Readyz:          g.readyz,
		endpoint.Healthz:         g.healthz,
	}
	mux := http.NewServeMux()
	for _, e := range endpoint.All() {
		mux.Handle(e.Path, g.only(e.Method, handlers[e.Path]))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.refuse(w, r, inference.Errorf(inference.NotFound, "There is no %s here.", r.URL.Path))
	})
	return g.guard(mux)
}

// only refuses other methods in the surface's own words; the mux would do it in plain text.
func (g *gateway) only(method string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			g.refuse(w, r, inference.Errorf(inference.MethodNotAllowed, "%s does not take %s; use %s.", r.URL.Path, r.Method, method))
			return
		}
		next(w, r)
	}
}

// known lets in callers that are known. The inference endpoints ask for themselves, for their record names the caller.
func (g *gateway) known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := g.Auth.Authenticate(r); err != nil {
			failure := inference.AsError(err)
			if failure.Code == inference.Internal {
				g.Log.Error("authentication failed", "path", r.URL.Path, "cause", failure)
			}
			g.refuse(w, r, failure)
			return
		}
		next(w, r)
	}
}

// guard answers a panic with a 500 where nothing was sent yet, and says where it happened in the log.
func (g *gateway) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &tracker{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			g.Log.Error("panic", "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
			if tracked.wrote {
				panic(http.ErrAbortHandler) // the client must see a broken answer, not a short one
			}
			g.refuse(w, r, inference.Errorf(inference.Internal, "The gateway failed to handle the request."))
		}()
		next.ServeHTTP(tracked, r)
	})
}

// tracker knows whether anything was sent.
type tracker struct {
	http.ResponseWriter
	wrote bool
}

// WriteHeader passes on and remembers.
func (t *tracker) WriteHeader(status int) {
	t.wrote = true
	t.ResponseWriter.WriteHeader(status)
}

// Write passes on and remembers.
func (t *tracker) Write(p []byte) (int, error) {
	t.wrote = true
	return t.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// surfaceOf picks the form of an answer that belongs to no surface's own path. Anthropic's clients always name their
// API version.
func surfaceOf(r *http.Request) Surface {
	if r.URL.Path == endpoint.Messages || r.Header.Get("Anthropic-Version") != "" {
		return anthropicSurface{}
	}
	return openaiSurface{}
}

func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, failure *inference.Error) {
	s := surfaceOf(r)
	writeError(w, s, failure, newID(w, s))
}

func (g *gateway) models(w http.ResponseWriter, r *http.Request) {
	s := surfaceOf(r)
	newID(w, s)
	writeJSON(w, http.StatusOK, s.AppendModels(nil, g.Router.Models()))
}

func (g *gateway) model(w http.ResponseWriter, r *http.Request) {
	s := surfaceOf(r)
	id := newID(w, s)
	name := r.PathValue("id")
	if !slices.Contains(g.Router.Models(), name) {
		_, err := g.Router.Route(name)
		if err != nil {
			writeError(w, s, inference.AsError(err), id)
			return
		}
	}
	writeJSON(w, http.StatusOK, s.AppendModel(nil, name))
}

// readyTimeout bounds the credentials' source: a balancer's own check gives up after a few seconds.
const readyTimeout = 2 * time.Second

func (g *gateway) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := g.Ready(ctx); err != nil {
		g.Log.Warn("not ready", "cause", err)
		say(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	say(w, http.StatusOK, "ready")
}

func (g *gateway) healthz(w http.ResponseWriter, _ *http.Request) {
	status, word := http.StatusOK, "healthy"
	if !g.health.healthy() {
		status, word = http.StatusServiceUnavailable, "unhealthy"
	}
	say(w, status, word)
}

func say(w http.ResponseWriter, status int, word string) {
	newID(w, openaiSurface{}) // every reply carries one
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, []byte(`{"status":"`+word+`"}`))
}

// newID makes a request id and puts it into the surface's header.
func newID(w http.ResponseWriter, s Surface) string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails; it ends the program instead
	id := hex.EncodeToString(random[:])
	w.Header().Set(s.RequestIDHeader(), "req_"+id)
	return id
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone; there is nobody left to tell
}

func writeError(w http.ResponseWriter, s Surface, failure *inference.Error, id string) int {
	status := s.Status(failure.Code)
	if failure.Code == inference.Unauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer") // HTTP wants one with every 401
	}
	if failure.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(failure.RetryAfter))
	}
	writeJSON(w, status, s.AppendError(nil, failure, "req_"+id))
	return status
}

// mediaType returns a header's value without parameters, in lower case.
func mediaType(header string) string {
	value, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(value))
}
