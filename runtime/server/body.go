package server

import (
	"io"
	"net/http"
	"time"
)

// A body that does not arrive is given up: it has so long, and more for what has arrived, at the pace of a slow line.
const (
	bodyTimeout = 30 * time.Second
	bodyPace    = 32 << 10 // bytes a second
)

// guard gives each request's body its time. The server's ReadTimeout is one for the largest body and for none, and a
// Read does not see the request's context. It also refuses the one request of HTTP/2 that net/http hands to every
// handler, its preface.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			b := &body{ReadCloser: r.Body, control: http.NewResponseController(w), began: time.Now()}
			r.Body = b
			// Now, and not at the first Read: of what a handler leaves unread net/http takes the rest before it answers.
			// Every connection knows deadlines; one that does not has none to pass.
			_ = b.allow()
		}
		next.ServeHTTP(w, r)
	})
}

// body is a request's body that must arrive in time.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	began   time.Time
	read    int64
	ended   bool
}

// Read implements io.Reader. It fails with os.ErrDeadlineExceeded once the body is late.
func (b *body) Read(p []byte) (int, error) {
	if b.ended { // net/http has lifted the deadline, and now reads to see the client leave
		return b.ReadCloser.Read(p)
	}
	if err := b.allow(); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.ended = err == io.EOF
	return n, err
}

// allow sets the time that the body has by now.
func (b *body) allow() error {
	pace := time.Duration(b.read) * time.Second / bodyPace
	return b.control.SetReadDeadline(b.began.Add(bodyTimeout + pace))
}
