package apigateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
)

// buffered answers with a whole proxy response.
func (e *exchange) buffered(ctx context.Context, response *invoke.Response) {
	data, failure, err := invoke.ReadAll(response)
	switch {
	case e.r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case ctx.Err() != nil:
		e.refuse(http.StatusGatewayTimeout, messageTimeout)
		return
	case failure != nil || err != nil:
		e.refuse(http.StatusBadGateway, messageInternal)
		return
	}
	var reply events.APIGatewayProxyResponse
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&reply); err != nil || decoder.More() || !validStatus(reply.StatusCode) {
		e.refuse(http.StatusBadGateway, messageInternal)
		return
	}
	body, ok := e.decodeBody(reply)
	if !ok || len(body) > maxBody {
		e.refuse(http.StatusBadGateway, messageInternal)
		return
	}
	e.head(reply.StatusCode, reply.Headers, reply.MultiValueHeaders, nil)
	_, _ = e.w.Write(body)
}

// decodeBody undoes base64 for callers that accept what the API takes for binary; others get the text as it is.
func (e *exchange) decodeBody(reply events.APIGatewayProxyResponse) (body []byte, ok bool) {
	accepted, _, _ := strings.Cut(e.r.Header.Get("Accept"), ",")
	if !reply.IsBase64Encoded || !e.gateway.api.isBinary(accepted) {
		return []byte(reply.Body), true
	}
	body, err := base64.StdEncoding.DecodeString(reply.Body)
	return body, err == nil
}

// prelude is the head of a streamed answer: JSON, and then eight NUL bytes.
type prelude struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
}

var delimiter = make([]byte, 8)

var errPrelude = errors.New("the answer does not begin as the streaming format does")

// readPrelude reads the head, and returns with it what of the body came along.
func readPrelude(r io.Reader) (head prelude, rest []byte, err error) {
	var data []byte
	buffer := make([]byte, maxPrelude)
	for {
		n, err := r.Read(buffer)
		data = append(data, buffer[:n]...)
		text, after, found := bytes.Cut(data, delimiter)
		if found {
			head.StatusCode = http.StatusOK
			if err := json.Unmarshal(text, &head); err != nil || !validStatus(head.StatusCode) {
				return head, nil, errPrelude
			}
			return head, after, nil
		}
		if errors.Is(err, io.EOF) || len(data) > maxPrelude {
			return head, nil, errPrelude
		}
		if err != nil {
			return head, nil, err
		}
	}
}

// stream passes an answer on as it comes.
func (e *exchange) stream(ctx context.Context, response *invoke.Response) {
	idle := time.AfterFunc(streamIdleLimit, func() { _ = response.Body.Close() })
	defer idle.Stop()
	head, rest, err := readPrelude(response.Body)
	var failure *invoke.FunctionError
	switch {
	case err == nil:
	case e.r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case ctx.Err() != nil || errors.Is(err, io.ErrClosedPipe):
		e.refuse(http.StatusGatewayTimeout, messageTimeout)
		return
	case errors.As(err, &failure):
		e.refuse(http.StatusBadGateway, messageInternal)
		return
	default:
		e.refuse(http.StatusInternalServerError, messageInternal)
		return
	}
	idle.Reset(streamIdleLimit)
	e.head(head.StatusCode, head.Headers, head.MultiValueHeaders, head.Cookies)
	e.pass(rest)
	buffer := make([]byte, 32<<10)
	for {
		n, err := response.Body.Read(buffer)
		idle.Reset(streamIdleLimit)
		if n > 0 {
			e.pass(buffer[:n])
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // so that the client does not take it for a whole answer
		}
	}
}

// pass hands a piece to the client at once.
func (e *exchange) pass(piece []byte) {
	if _, err := e.w.Write(piece); err != nil {
		panic(http.ErrAbortHandler)
	}
	if err := http.NewResponseController(e.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		panic(http.ErrAbortHandler)
	}
}
