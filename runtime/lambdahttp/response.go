package lambdahttp

import (
	"errors"
	"io"
	"net/http"
)

// response is what a handler is writing while the Lambda runtime is reading.
type response struct {
	status int
	header http.Header
	body   *body
}

// all reads the rest of the body.
func (r *response) all() ([]byte, error) { return io.ReadAll(r.body) }

// body is the reading end. It is an io.Reader that the Lambda runtime streams.
type body struct{ *io.PipeReader }

// serve starts the handler and returns once it has decided on a status. The handler goes on until its end or until
// the body is closed; the end of the body follows the handler's return, so nothing of it is frozen with the process.
func (h *Handler) serve(request *http.Request) *response {
	reader, pipe := io.Pipe()
	w := &writer{header: http.Header{}, pipe: pipe, decided: make(chan struct{})}
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				w.WriteHeader(http.StatusInternalServerError)
				pipe.CloseWithError(errAborted)
				return
			}
			w.WriteHeader(http.StatusOK)
			pipe.Close()
		}()
		h.http.ServeHTTP(w, request)
	}()
	<-w.decided
	return &response{status: w.status, header: w.sent, body: &body{reader}}
}

// errAborted is the end of an answer that broke off: the client must not take it for a complete one.
var errAborted = errors.New("the handler aborted the answer")

// writer is the writing end: each write waits until the runtime has taken it, so a slow client slows the model's
// stream instead of filling memory.
type writer struct {
	header  http.Header
	sent    http.Header // the header as it was when the status was decided
	status  int
	pipe    *io.PipeWriter
	decided chan struct{}
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader decides the status. Only the first call counts.
func (w *writer) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	w.sent = w.header.Clone()
	close(w.decided)
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(p)
}

// Flush does nothing: every write is handed on at once.
func (w *writer) Flush() {}
