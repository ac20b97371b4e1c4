// Package endpoint names the gateway's HTTP endpoints once, for the handler that serves them and for the templates
// that expose them. It must not know either side.
package endpoint

import (
	"net/http"
	"time"
)

// The paths.
const (
	ChatCompletions = "/v1/chat/completions" // OpenAI Chat Completions
	Messages        = "/v1/messages"         // Anthropic Messages
	Feedback        = "/v1/feedback"         // a rating of an answer
	Models          = "/v1/models"           // both surfaces; an anthropic-version header picks Anthropic's form
	Model           = "/v1/models/{id}"
	Livez           = "/livez"   // the process answers; for balancers
	Readyz          = "/readyz"  // settings and credentials are there
	Healthz         = "/healthz" // judged from the last real calls; for Route 53; never calls Bedrock
)

// HealthWindow is how far back Healthz looks: it says unhealthy when most of the calls of that time failed. Until a sick
// Region is seen, this long can pass.
const HealthWindow = time.Minute

// HealthHold is how long Healthz goes on saying unhealthy after that, unless some calls in a row are answered: when callers
// have left a sick Region, nothing is heard of it. Each time it is over, the callers try the Region again, and lose some
// minutes if it is still sick; meanwhile they are served elsewhere, so it is long.
const HealthHold = 30 * time.Minute

// Endpoint is a method and a path.
type Endpoint struct {
	Method string
	Path   string // with {name} for a path parameter, the form http.ServeMux and API Gateway share
	// Streams says that an API Gateway integration uses response streaming here. Such an integration needs the
	// streaming reply format for every answer, so both sides must agree on it.
	Streams bool
}

// All returns every endpoint, in the order a person would list them.
func All() []Endpoint {
	return []Endpoint{
		{http.MethodPost, ChatCompletions, true},
		{http.MethodPost, Messages, true},
		{http.MethodPost, Feedback, false},
		{http.MethodGet, Models, false},
		{http.MethodGet, Model, false},
		{http.MethodGet, Livez, false},
		{http.MethodGet, Readyz, false},
		{http.MethodGet, Healthz, false},
	}
}

// Streams reports whether the endpoint that matches the method and path uses response streaming.
func Streams(method, path string) bool {
	for _, e := range All() {
		if e.Streams && e.Method == method && e.Path == path {
			return true
		}
	}
	return false
}
