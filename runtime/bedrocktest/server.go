package bedrocktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
)

// The most of a request body that is read; more is refused. Far above Bedrock's own limit of the request size.
const maxBody = 64 << 20

// Options sets an embedded Bedrock up. The zero value answers with text that quotes the question.
type Options struct {
	// Now tells which models have ended. Default time.Now, which within a synctest bubble begins in the year 2000,
	// before any model ended.
	Now func() time.Time
	// Latency passes between the request's last byte and the answer's first. Default 2 ms, negative is none. A service
	// that answers sooner than any network could trips the SDK up: smithy-go closes the request's body once the answer
	// begins, and net/http, if it has not yet looked past the body's end, takes that for an error and cuts the
	// connection in the middle of the answer (seen with smithy-go 1.28.8 and Go 1.26).
	Latency time.Duration
	// Pace is the time between two content chunks of a stream. Default 0.
	Pace time.Duration
	// ChunkBytes is the size of a stream's text or tool input delta, in bytes; a character is never split. Default 24.
	ChunkBytes int
	// Reply, when set, makes the text of an answer from the last user turn's text, or from its tool result. It must be
	// safe for concurrent use. Max tokens and stop sequences still cut what it returns.
	Reply func(prompt string) string
	// Profiles are the application inference profiles that exist: by each one's ARN, the id of the model or profile that it
	// was copied from. Default: none, and a call of one is refused.
	Profiles map[string]string
	// KeepCalls is how many calls are remembered; the oldest go first. Default 10,000.
	KeepCalls int
	// DropBodies keeps no request bodies, as a server that runs for long must not.
	DropBodies bool
}

// Server is an embedded Bedrock. It is safe for concurrent use.
type Server struct {
	options  Options
	catalog  *catalog.Catalog
	unsound  error // why there is no catalog; every call then fails and says so
	requests atomic.Uint64
	faults   faultQueue
	calls    callLog
	cache    promptCache
}

// New makes an embedded Bedrock that serves every model of the catalog. It starts nothing and needs no closing.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Latency == 0 {
		options.Latency = 2 * time.Millisecond
	}
	if options.ChunkBytes < 1 {
		options.ChunkBytes = 24
	}
	if options.KeepCalls < 1 {
		options.KeepCalls = 10_000
	}
	s := &Server{options: options}
	s.catalog, s.unsound = catalog.Load()
	s.calls.keep = options.KeepCalls
	return s
}

// Reset forgets all calls, queued faults and cached prompts.
func (s *Server) Reset() {
	s.calls.reset()
	s.faults.reset()
	s.cache.reset()
}

// exchange is one call on its way through the server.
type exchange struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	op      operation
	model   string // as the caller named it
	signer  signer
	record  *record
	fault   Fault // of kind "" when there is none
	started time.Time
}

// ServeHTTP answers one call of the Bedrock runtime. Like any handler it may panic with http.ErrAbortHandler, which is
// how a scripted reset ends a connection that cannot be hijacked.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.requests.Add(1)
	w.Header().Set("X-Amzn-Requestid", fmt.Sprintf("%08x-0000-4000-8000-%012x", n>>48, n&(1<<48-1)))
	x := &exchange{Server: s, w: w, r: r, started: time.Now()}
	var known bool
	x.op, x.model, known = route(r)
	signer, unsigned := parseSigner(r.Header.Get("Authorization"))
	x.signer = signer
	x.record = s.calls.begin(Call{
		Operation: x.op.name, Model: x.model, Stream: x.op.stream,
		Region: signer.region, AccessKey: signer.accessKey, Service: signer.service,
	})
	var err error
	switch {
	case unsigned != nil:
		err = unsigned
	case !known:
		err = &failure{http.StatusNotFound, "UnknownOperationException", fmt.Sprintf("%s %s is no operation of the Bedrock runtime that is embedded here", r.Method, r.URL.EscapedPath())}
	case s.unsound != nil:
		err = &failure{http.StatusInternalServerError, "InternalServerException", s.unsound.Error()}
	default:
		err = x.serve()
	}
	x.conclude(err)
}

// conclude writes a failure; of a client that left there is only a note to take.
func (x *exchange) conclude(err error) {
	var refused *failure
	switch {
	case err == nil:
	case errors.As(err, &refused):
		x.record.finish(refused.code)
		refused.write(x.w)
	default:
		x.record.cancel()
	}
}

// serve answers a call that is signed and names an operation. Like a real one, a throttle comes before the body is
// looked at. An error that is not a failure means that the client left.
func (x *exchange) serve() error {
	x.fault = x.faults.take(x.model, x.options.Profiles[x.model])
	body, err := x.readBody()
	if err != nil {
		return err
	}
	if !pause(x.r.Context(), x.options.Latency) {
		return errLeft
	}
	if done, err := x.strikeEarly(); done || err != nil {
		return err
	}
	call, refused := x.resolve()
	if refused != nil {
		return refused
	}
	ask, refused := x.op.wire.parse(body, call)
	if refused != nil {
		return refused
	}
	answer := x.answer(ask)
	if x.op.stream {
		return x.stream(x.op.wire.frames(x, answer))
	}
	return x.reply(answer)
}

func (x *exchange) readBody() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(x.r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, refuse("The request body is larger than %d bytes", maxBody)
	}
	if !x.options.DropBodies {
		x.record.body(body)
	}
	return body, nil
}

// resolve finds the model, as the caller may name it on this day from this Region.
func (x *exchange) resolve() (catalog.Call, *failure) {
	id, refused := x.identifier()
	if refused != nil {
		return catalog.Call{}, refused
	}
	call, err := x.catalog.Resolve(id)
	switch {
	case errors.Is(err, catalog.ErrNoOnDemand):
		return call, refuse("Invocation of model ID %s with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.", id)
	case err != nil || !x.inGeography(call):
		return call, refuse("The provided model identifier is invalid.")
	case call.Model.Status(x.options.Now()) == catalog.Ended:
		return call, &failure{http.StatusNotFound, "ResourceNotFoundException", "This model version has reached the end of its life. Please refer to the AWS documentation for more details."}
	}
	return call, nil
}

// identifier is the catalog's id of what the caller named: itself, the end of an ARN, or what an application inference
// profile was copied from, which is called in its own Region alone.
func (x *exchange) identifier() (string, *failure) {
	if !strings.HasPrefix(x.model, "arn:") {
		return x.model, nil
	}
	parts := strings.SplitN(x.model, ":", 6)
	if len(parts) < 6 || parts[3] != "" && parts[3] != x.signer.region {
		return "", refuse("The provided ARN is invalid for the service region.")
	}
	kind, id, _ := strings.Cut(parts[5], "/")
	if kind != "application-inference-profile" {
		return id, nil
	}
	copied, exists := x.options.Profiles[x.model]
	if !exists {
		return "", refuse("The provided model identifier is invalid.")
	}
	return copied, nil
}

// inGeography refuses another continent's profile. It is certain only of callers in the US and in Europe.
func (x *exchange) inGeography(call catalog.Call) bool {
	home, _, _ := strings.Cut(x.signer.region, "-")
	if call.Profile == nil || call.Profile.Prefix == "global" || home != "us" && home != "eu" {
		return true
	}
	return call.Profile.Prefix == home
}

// reply writes a whole answer.
func (x *exchange) reply(a answer) error {
	body, err := json.Marshal(x.op.wire.reply(x, a))
	if err != nil {
		return &failure{http.StatusInternalServerError, "InternalServerException", err.Error()}
	}
	if err := x.r.Context().Err(); err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "application/json")
	switch x.fault.Kind {
	case Truncate:
		x.record.finish(string(Truncate))
		x.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, err = x.w.Write(body[:len(body)/2])
		return err
	case Corrupt:
		x.record.finish(string(Corrupt))
		body[0] = '}'
	}
	x.record.finish(outcomeOK)
	_, err = x.w.Write(body)
	return err
}

// sinceMillis is the latency that Bedrock reports.
func (x *exchange) sinceMillis() int64 { return time.Since(x.started).Milliseconds() }
