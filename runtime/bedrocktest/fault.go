package bedrocktest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is a way to fail.
type Kind string

// Every kind. The first group answers with an exception in place of the answer, on all operations; the second breaks a
// stream in progress, and on the operations that do not stream does what its comment says.
const (
	Throttle      Kind = "throttle"       // 429 ThrottlingException
	Capacity      Kind = "capacity"       // 503 ServiceUnavailableException
	NotReady      Kind = "not-ready"      // 429 ModelNotReadyException
	Timeout       Kind = "timeout"        // 408 ModelTimeoutException
	ModelError    Kind = "model-error"    // 424 ModelErrorException
	InternalError Kind = "internal-error" // 500 InternalServerException
	AccessDenied  Kind = "access-denied"  // 403 AccessDeniedException, with a role's ARN in the message as the real one has
	QuotaExceeded Kind = "quota-exceeded" // 400 ServiceQuotaExceededException
	Validation    Kind = "validation"     // 400 ValidationException
	NotFound      Kind = "not-found"      // 404 ResourceNotFoundException
	// Reset closes the TCP connection: with AfterEvents 0 before any answer, else in mid-stream.
	Reset Kind = "reset"

	StreamThrottle    Kind = "stream-throttle"    // throttlingException; not streaming: Throttle
	StreamError       Kind = "stream-error"       // modelStreamErrorException; not streaming: ModelError
	StreamUnavailable Kind = "stream-unavailable" // serviceUnavailableException; not streaming: Capacity
	StreamInternal    Kind = "stream-internal"    // internalServerException; not streaming: InternalError
	StreamTimeout     Kind = "stream-timeout"     // modelTimeoutException; not streaming: Timeout
	// Silence sends nothing more until the client leaves or, with a Delay, for that long, and then goes on.
	Silence Kind = "silence"
	// Truncate ends the stream in the middle of a frame. The SDK (v1.63.11) reports no error then: only the missing
	// last events tell. Not streaming, it ends in the middle of the body.
	Truncate Kind = "truncate"
	Corrupt  Kind = "corrupt" // sends a frame with a wrong checksum; not streaming: a body that is not JSON
)

// Fault is a failure to come.
type Fault struct {
	Kind Kind
	// AfterEvents says when a fault strikes a stream: after that many content events (contentBlockDelta,
	// content_block_delta), or before the last frame if there are fewer. 0 is after the first frame (messageStart,
	// message_start), -1 is before any frame. Kinds that answer in place of the stream ignore it.
	AfterEvents int
	// Delay passes before the fault strikes. Of Silence it is the length; 0 is until the client leaves.
	Delay time.Duration
	// Model, when set, limits the fault to calls that name the model so, or an application inference profile of it.
	Model string
}

// blow is what a kind looks like on the wire.
type blow struct {
	kind   Kind
	early  failure // in place of an answer; no status when the kind has no such form
	frame  string  // exception type of the frame in mid-stream; empty when there is none
	stream bool    // strikes a stream in progress
}

var (
	throttled   = failure{http.StatusTooManyRequests, "ThrottlingException", "Too many tokens, please wait before trying again."}
	unavailable = failure{http.StatusServiceUnavailable, "ServiceUnavailableException", "Bedrock is unable to process your request."}
	timedOut    = failure{http.StatusRequestTimeout, "ModelTimeoutException", "The model did not answer in time. Try your request again."}
	broken      = failure{http.StatusFailedDependency, "ModelErrorException", "The system encountered an unexpected error during processing. Try your request again."}
	internal    = failure{http.StatusInternalServerError, "InternalServerException", "The system encountered an unexpected error during processing. Try your request again."}
	blows       = []blow{
		{kind: Throttle, early: throttled},
		{kind: Capacity, early: unavailable},
		{kind: NotReady, early: failure{http.StatusTooManyRequests, "ModelNotReadyException", "The model is not ready for inference. Wait and try your request again."}},
		{kind: Timeout, early: timedOut},
		{kind: ModelError, early: broken},
		{kind: InternalError, early: internal},
		{kind: AccessDenied, early: failure{http.StatusForbidden, "AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/embedded-role/session is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/embedded because no identity-based policy allows the bedrock:InvokeModel action"}},
		{kind: QuotaExceeded, early: failure{http.StatusBadRequest, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."}},
		{kind: Validation, early: failure{http.StatusBadRequest, "ValidationException", "The request was refused by a scripted fault."}},
		{kind: NotFound, early: failure{http.StatusNotFound, "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."}},
		{kind: Reset, stream: true},
		{kind: StreamThrottle, early: throttled, frame: "throttlingException", stream: true},
		{kind: StreamError, early: broken, frame: "modelStreamErrorException", stream: true},
		{kind: StreamUnavailable, early: unavailable, frame: "serviceUnavailableException", stream: true},
		{kind: StreamInternal, early: internal, frame: "internalServerException", stream: true},
		{kind: StreamTimeout, early: timedOut, frame: "modelTimeoutException", stream: true},
		{kind: Silence, stream: true},
		{kind: Truncate, stream: true},
		{kind: Corrupt, stream: true},
	}
)

// Kinds returns every kind, for a command's help.
func Kinds() []Kind {
	kinds := make([]Kind, len(blows))
	for i, b := range blows {
		kinds[i] = b.kind
	}
	return kinds
}

// blow returns the fault's form on the wire. A kind nobody knows fails the call and says so.
func (f Fault) blow() blow {
	i := slices.IndexFunc(blows, func(b blow) bool { return b.kind == f.Kind })
	if i < 0 {
		return blow{kind: f.Kind, early: failure{http.StatusInternalServerError, "InternalServerException", fmt.Sprintf("no fault is called %q", f.Kind)}}
	}
	return blows[i]
}

// Script queues faults. Each signed call of a known operation takes the first that is meant for its model, before its
// body is looked at; calls that find none are answered.
func (s *Server) Script(faults ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.queue = append(s.faults.queue, faults...)
}

// Scripted returns the faults that no call has taken yet.
func (s *Server) Scripted() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.queue)
}

type faultQueue struct {
	mu    sync.Mutex
	queue []Fault
}

// take takes the first fault for a call, by what it names or by what an application inference profile was copied from.
func (q *faultQueue) take(named, copied string) Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, f := range q.queue {
		if f.Model == "" || f.Model == named || f.Model == copied {
			q.queue = slices.Delete(q.queue, i, i+1)
			return f
		}
	}
	return Fault{}
}

func (q *faultQueue) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = nil
}

// ParseFault reads a fault's text form, a kind and then options: "throttle", "silence:after=3,delay=2s",
// "capacity:model=us.amazon.nova-lite-v1:0".
func ParseFault(text string) (Fault, error) {
	kind, options, _ := strings.Cut(text, ":")
	fault := Fault{Kind: Kind(kind)}
	if !slices.Contains(Kinds(), fault.Kind) {
		return Fault{}, fmt.Errorf("fault %q: no kind is called %q; allowed are %s", text, kind, joinKinds())
	}
	if options == "" {
		return fault, nil
	}
	for _, option := range strings.Split(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		var err error
		switch name {
		case "after":
			if fault.AfterEvents, err = strconv.Atoi(value); err == nil && fault.AfterEvents < -1 {
				err = fmt.Errorf("after is a number of content events, 0 or -1")
			}
		case "delay":
			if fault.Delay, err = time.ParseDuration(value); err == nil && fault.Delay < 0 {
				err = fmt.Errorf("delay is not negative")
			}
		case "model":
			fault.Model = value
		default:
			err = fmt.Errorf("allowed are after=N, delay=2s, model=ID")
		}
		if err != nil {
			return Fault{}, fmt.Errorf("fault %q: option %q: %w", text, option, err)
		}
	}
	return fault, nil
}

func joinKinds() string {
	names := make([]string, len(blows))
	for i, b := range blows {
		names[i] = string(b.kind)
	}
	return strings.Join(names, ", ")
}
