// Package invoke is the contract between what calls a Lambda function and what runs it: a payload goes in, an answer
// comes back as it is written, and a failure of the function is told apart from a failure to run it. The package also
// serves Lambda's own Invoke API over that contract.
//
// It must not know how a function is run (processes, or in this process) nor what the payloads mean.
package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxPayload is the most Lambda takes as an event, and the most it returns unless the answer is streamed.
const MaxPayload = 6 << 20

// StreamContentType marks an answer in the streaming format of API Gateway and function URLs.
const StreamContentType = "application/vnd.awslambda.http-integration-response"

// Invoker runs a function.
type Invoker interface {
	// Invoke runs the function once. It returns when the function begins to answer or fails. The error says that the
	// function could not be run at all; what the function itself reports is in the Response. When the context ends
	// before that, Invoke returns its error; what the function still does is then its own affair, as in AWS.
	Invoke(ctx context.Context, payload []byte) (*Response, error)
}

// Response is what a function answers.
type Response struct {
	// Stream says that the function meant its answer to be passed on as it is written.
	Stream      bool
	ContentType string
	// Body must be closed; closing it early makes the function's writes fail, and reads return io.ErrClosedPipe. A
	// function that fails after it began to answer makes Read return a *FunctionError.
	Body io.ReadCloser
	// FunctionError is set when the function failed before it began to answer. Body is then empty.
	FunctionError *FunctionError
}

// FunctionError is a failure that the function reported, or that Lambda reports in its name.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
	// Payload is the report as the function wrote it; nil when it wrote none.
	Payload json.RawMessage `json:"-"`
}

// Error says what the function reported.
func (e *FunctionError) Error() string { return fmt.Sprintf("%s: %s", e.Type, e.Message) }

// JSON returns the report as Lambda hands it to the caller.
func (e *FunctionError) JSON() []byte {
	if len(e.Payload) > 0 {
		return e.Payload
	}
	data, _ := json.Marshal(e) // two texts
	return data
}

// ParseFunctionError reads a report such as a function posts it. One that is no such JSON is kept as it is.
func ParseFunctionError(fallbackType string, payload []byte) *FunctionError {
	e := &FunctionError{Type: fallbackType}
	if err := json.Unmarshal(payload, e); err != nil {
		e.Message = string(payload)
		return e
	}
	e.Payload = payload
	return e
}

// ReadAll reads a response that is not streamed to its caller. It returns the function's error, if it failed at any
// point, and otherwise at most MaxPayload bytes.
func ReadAll(r *Response) ([]byte, *FunctionError, error) {
	if r.FunctionError != nil {
		return nil, r.FunctionError, nil
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	var failure *FunctionError
	if errors.As(err, &failure) {
		return nil, failure, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if len(data) > MaxPayload {
		return nil, &FunctionError{
			Type:    "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload),
		}, nil
	}
	return data, nil, nil
}
