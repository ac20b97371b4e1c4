package bedrocktest

import (
	"slices"
	"sync"
)

// The outcomes that are neither an exception's code nor a fault's kind.
const (
	outcomeOK       = "ok"
	outcomeCanceled = "canceled"
)

// The most of a request body that a Call keeps.
const keepBody = 64 << 10

// Call is one request the server got, refused ones included.
type Call struct {
	Operation string // "Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"; empty when unknown
	Model     string // as the caller named it, unescaped
	Region    string // of the signature's credential scope
	AccessKey string // of the signature's credential scope
	Service   string // of the signature's credential scope: "bedrock"
	Stream    bool   // a streaming operation
	Body      []byte // the first 64 KiB; nil with Options.DropBodies, or when the call ended before its body was read
	// Outcome is "ok", an exception's code such as "ThrottlingException", the kind of a fault that has no code such as
	// "reset", or "canceled". It is set just before the last byte is sent, and empty until then.
	Outcome string
	// Canceled tells that the client left before the end.
	Canceled bool
}

// Calls returns the calls so far, the oldest first, running ones included. Once the client has the whole answer its
// call's Outcome is set; a client that leaves is noticed only some moments later.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	out := make([]Call, len(s.calls.records))
	for i, r := range s.calls.records {
		out[i] = r.call
		out[i].Body = slices.Clone(r.call.Body)
	}
	return out
}

// callLog keeps the last calls.
type callLog struct {
	mu      sync.Mutex
	keep    int
	records []*record
}

// record is a call in the log. The log's lock guards it.
type record struct {
	log  *callLog
	call Call
}

func (l *callLog) begin(call Call) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &record{log: l, call: call}
	if len(l.records) >= l.keep {
		l.records = slices.Delete(l.records, 0, len(l.records)-l.keep+1)
	}
	l.records = append(l.records, r)
	return r
}

func (l *callLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = nil
}

func (r *record) body(body []byte) {
	kept := slices.Clone(body[:min(len(body), keepBody)])
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.call.Body = kept
}

// finish sets the outcome. It comes before the last byte, so that who has read that byte finds the outcome; the first
// one stands.
func (r *record) finish(outcome string) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.call.Outcome == "" {
		r.call.Outcome = outcome
	}
}

// cancel notes that the client left, unless the call had already ended.
func (r *record) cancel() {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.call.Outcome == "" {
		r.call.Outcome, r.call.Canceled = outcomeCanceled, true
	}
}
