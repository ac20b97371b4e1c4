package bedrock

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// The most that is taken of an answer in one piece, many times what the longest answer of a model has, and of the headers
// of any. A stream has no such bound: its frames have, and its time.
const (
	answerBytes = 32 << 20
	headerBytes = 64 << 10
)

// eventStreamType begins the Content-Type of a stream.
const eventStreamType = "application/vnd.amazon.eventstream"

// errTooLong is an answer that is longer than any model's.
var errTooLong = errors.New("the answer is too long to be one")

// bounded limits what is read of an answer in one piece.
func bounded(response *http.Response, err error) (*http.Response, error) {
	if err == nil && !strings.HasPrefix(response.Header.Get("Content-Type"), eventStreamType) {
		response.Body = &boundedBody{ReadCloser: response.Body, left: answerBytes}
	}
	return response, err
}

// boundedBody fails where a body is too long.
type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}
