package apigateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
)

// The limits of API Gateway.
const (
	maxBody          = 10 << 20
	maxPrelude       = 16 << 10
	streamIdleLimit  = 5 * time.Minute
	messageForbidden = "Missing Authentication Token"
	messageInternal  = "Internal server error"
	messageTimeout   = "Endpoint request timed out"
	messageTooLong   = "Request Too Long"
)

// Gateway serves an API.
type Gateway struct {
	api       API
	tree      *node
	functions map[string]invoke.Invoker
}

// New returns the gateway of an API. Functions are by logical id; each that a route names must be there.
func New(api API, functions map[string]invoke.Invoker) (*Gateway, error) {
	var problems []error
	for _, route := range api.Routes {
		if functions[route.Function] == nil {
			problems = append(problems, fmt.Errorf("API %s: %s %s calls function %s, which does not run here", api.LogicalID, route.Method, route.Path, route.Function))
		}
	}
	return &Gateway{api, newTree(api.Routes), functions}, errors.Join(problems...)
}

// exchange is one request on its way.
type exchange struct {
	gateway    *Gateway
	route      *Route
	parameters map[string]string
	id         string
	began      time.Time
	signer     credential
	w          http.ResponseWriter
	r          *http.Request
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{gateway: g, id: requestID(), began: time.Now(), w: w, r: r}
	w.Header().Set("X-Amzn-Requestid", e.id)
	e.route, e.parameters = g.tree.find(r.Method, r.URL.Path)
	if e.route == nil {
		e.refuseToken()
		return
	}
	if e.route.Authorization == AuthorizationIAM {
		var ok bool
		if e.signer, ok = parseSignature(r.Header); !ok {
			e.refuseToken()
			return
		}
	}
	event, ok := e.readEvent()
	if !ok {
		e.refuse(http.StatusRequestEntityTooLarge, messageTooLong)
		return
	}
	e.invoke(event)
}

func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// readEvent makes the event of the request; it reports false when that is larger than the gateway or Lambda takes.
func (e *exchange) readEvent() (payload []byte, ok bool) {
	body, err := io.ReadAll(io.LimitReader(e.r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	if len(body) > maxBody {
		return nil, false
	}
	payload, err = json.Marshal(e.event(body))
	if err != nil {
		panic(err) // the event is texts and numbers
	}
	return payload, len(payload) <= invoke.MaxPayload
}

// invoke calls the function within the integration's time.
func (e *exchange) invoke(event []byte) {
	ctx, cancel := context.WithTimeout(e.r.Context(), e.route.Timeout)
	defer cancel()
	response, err := e.gateway.functions[e.route.Function].Invoke(ctx, event)
	switch {
	case e.r.Context().Err() != nil:
		if err == nil {
			_ = response.Body.Close()
		}
		panic(http.ErrAbortHandler)
	case errors.Is(err, context.DeadlineExceeded):
		e.refuse(http.StatusGatewayTimeout, messageTimeout)
		return
	case err != nil:
		e.refuse(http.StatusInternalServerError, messageInternal)
		return
	}
	defer func() { _ = response.Body.Close() }()
	// Reading has no context of its own: closing is what ends it.
	stop := context.AfterFunc(ctx, func() { _ = response.Body.Close() })
	defer stop()
	if response.FunctionError != nil {
		e.refuse(http.StatusBadGateway, messageInternal)
		return
	}
	if e.route.Streams {
		e.stream(ctx, response)
	} else {
		e.buffered(ctx, response)
	}
}

func (e *exchange) refuseToken() {
	e.w.Header().Set("X-Amzn-Errortype", "MissingAuthenticationTokenException")
	e.refuse(http.StatusForbidden, messageForbidden)
}

// refuse answers in the gateway's own name.
func (e *exchange) refuse(status int, message string) {
	e.w.Header().Set("Content-Type", "application/json")
	e.w.WriteHeader(status)
	_, _ = fmt.Fprintf(e.w, "{\"message\":%q}", message)
}

// remapped are the headers of a function that API Gateway passes on under another name; dropped those it sets itself.
var (
	remapped = []string{"Authorization", "Date", "Host", "Server", "User-Agent", "Www-Authenticate"}
	dropped  = []string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}
)

// head writes the status and the headers of a function's answer.
func (e *exchange) head(status int, single map[string]string, multi map[string][]string, cookies []string) {
	h := http.Header{}
	for name, values := range multi {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	for name, value := range single {
		if len(multi[name]) == 0 {
			h.Set(name, value)
		}
	}
	for _, cookie := range cookies {
		h.Add("Set-Cookie", cookie)
	}
	for _, name := range remapped {
		if values, ok := h[name]; ok {
			h["X-Amzn-Remapped-"+name] = values
			delete(h, name)
		}
	}
	for _, name := range dropped {
		delete(h, name)
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	for name, values := range h {
		e.w.Header()[name] = values
	}
	e.w.WriteHeader(status)
}

// validStatus reports whether a function may answer with the status.
func validStatus(status int) bool { return status >= 200 && status <= 599 }

// isBinary reports whether a media type is one that the API takes for binary.
func (a *API) isBinary(mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.TrimSpace(mediaType)
	for _, t := range a.BinaryTypes {
		family, wildcard := strings.CutSuffix(t, "/*")
		if t == "*/*" || strings.EqualFold(t, mediaType) || wildcard && strings.HasPrefix(mediaType, family+"/") {
			return true
		}
	}
	return false
}
