package lambdaruntime

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
)

// The Runtime API's headers and trailers.
const (
	headerRequestID    = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline     = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN  = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID      = "Lambda-Runtime-Trace-Id"
	headerResponseMode = "Lambda-Runtime-Function-Response-Mode"
	headerErrorType    = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody    = "Lambda-Runtime-Function-Error-Body"
)

// routes is the Runtime API of one process.
func (s *sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.initError)
	return mux
}

func (s *sandbox) next(w http.ResponseWriter, r *http.Request) {
	s.idle()
	select {
	case inv := <-s.work:
		deadline := s.deliver(inv)
		o := s.runtime.options
		h := w.Header()
		h.Set(headerRequestID, inv.id)
		h.Set(headerDeadline, strconv.FormatInt(deadline.UnixMilli(), 10))
		h.Set(headerFunctionARN, fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", assembly.Partition(o.Region), o.Region, o.Account, o.Name))
		h.Set(headerTraceID, "Root=1-"+inv.id[:8]+"-"+inv.id[24:]+inv.id[:12]+";Sampled=0")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(inv.payload)
	case <-r.Context().Done():
	}
}

// response passes the answer on while the process writes it.
func (s *sandbox) response(w http.ResponseWriter, r *http.Request) {
	connection := http.NewResponseController(w)
	// Without this, a reply before the end of the request would first wait for the rest of it.
	_ = connection.EnableFullDuplex()
	inv := s.find(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	reader, writer := io.Pipe()
	left := make(chan struct{})
	contentType := r.Header.Get("Content-Type")
	response := &invoke.Response{
		Stream:      r.Header.Get(headerResponseMode) == "streaming" || contentType == invoke.StreamContentType,
		ContentType: contentType,
		Body:        &body{PipeReader: reader, finished: inv.finished, leave: sync.OnceFunc(func() { close(left) })},
	}
	if !inv.answer(response) {
		refuse(w, http.StatusForbidden, "InvalidStateTransition")
		return
	}
	uploaded := make(chan struct{})
	go func() {
		defer close(uploaded)
		_, err := io.Copy(writer, r.Body)
		_ = writer.CloseWithError(s.ending(r, err))
		_, _ = io.Copy(io.Discard, r.Body)
	}()
	select {
	case <-uploaded:
		w.WriteHeader(http.StatusAccepted)
	case <-left:
		// The caller is gone. An early reply makes the program's writes fail and lets it go on living; what it has
		// under way must still be read, or the connection would break before it sees the reply.
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Length", "0") // so that the reply ends before the handler does
		w.WriteHeader(http.StatusAccepted)
		_ = connection.Flush()
		_ = connection.SetReadDeadline(time.Now().Add(process.Grace))
		<-uploaded
	}
}

// ending is how an answer ends: nil, or a *invoke.FunctionError.
func (s *sandbox) ending(r *http.Request, err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil // nobody reads it
	}
	if err != nil {
		return s.broken(err)
	}
	if kind := r.Trailer.Get(headerErrorType); kind != "" {
		return trailerError(kind, r.Trailer.Get(headerErrorBody))
	}
	return nil
}

// body is what a caller reads. Its end is held back until the process is ready for more, so that whoever has read the
// whole answer finds the process idle.
type body struct {
	*io.PipeReader
	finished <-chan struct{}
	leave    func() // tells the process that nobody reads any more
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		<-b.finished
	}
	return n, err
}

func (b *body) Close() error {
	b.leave()
	return b.PipeReader.Close()
}

// trailerError reads the report that a program sends after an answer it could not finish.
func trailerError(kind, encoded string) *invoke.FunctionError {
	payload, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		payload = []byte(encoded)
	}
	return invoke.ParseFunctionError(kind, payload)
}

// failure takes the report of an invocation that failed before it answered.
func (s *sandbox) failure(w http.ResponseWriter, r *http.Request) {
	payload, _ := io.ReadAll(io.LimitReader(r.Body, invoke.MaxPayload))
	inv := s.find(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	if !inv.answer(failed(invoke.ParseFunctionError(r.Header.Get(headerErrorType), payload))) {
		refuse(w, http.StatusForbidden, "InvalidStateTransition")
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// initError takes the report of a program that cannot start; it is expected to exit.
func (s *sandbox) initError(w http.ResponseWriter, r *http.Request) {
	payload, _ := io.ReadAll(io.LimitReader(r.Body, invoke.MaxPayload))
	s.mu.Lock()
	s.reason = invoke.ParseFunctionError(r.Header.Get(headerErrorType), payload)
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func refuse(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "{\"errorType\":%q,\"errorMessage\":%q}\n", kind, kind)
}

// broken is the error of an answer that stopped in its middle. Usually the process is on its way out, and why is known
// a moment later.
func (s *sandbox) broken(cause error) error {
	if s.exited(process.Grace) {
		return s.reason
	}
	return &invoke.FunctionError{Type: "Runtime.TruncatedResponse", Message: cause.Error()}
}
