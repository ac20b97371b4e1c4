package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// InProcess runs a handler in this process, for tests that cannot use processes, such as those on a fake clock. It
// treats the handler as aws-lambda-go does: a result that is an io.Reader (and no other JSON) is the answer itself,
// anything else is answered as JSON, and a panic is a function error.
type InProcess struct {
	// Handler is what a program hands to lambda.Start.
	Handler func(ctx context.Context, payload json.RawMessage) (any, error)
	// Timeout is the function's; 0 means none.
	Timeout time.Duration
}

// Invoke runs the handler. The context of the handler ends at the function's timeout and not when the caller leaves,
// as in Lambda.
func (p InProcess) Invoke(ctx context.Context, payload []byte) (*Response, error) {
	handlerContext, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
	if p.Timeout > 0 {
		handlerContext, cancel = context.WithTimeout(handlerContext, p.Timeout)
	}
	answered := make(chan *Response, 1)
	go func() { answered <- p.call(handlerContext, cancel, payload) }()
	select {
	case response := <-answered:
		return response, nil
	case <-ctx.Done():
		go func() { _ = (<-answered).Body.Close() }()
		return nil, ctx.Err()
	case <-handlerContext.Done():
		go func() { _ = (<-answered).Body.Close() }()
		return failed(&FunctionError{Type: "Sandbox.Timedout", Message: fmt.Sprintf("Task timed out after %.2f seconds", p.Timeout.Seconds())}), nil
	}
}

func (p InProcess) call(ctx context.Context, done context.CancelFunc, payload []byte) (response *Response) {
	defer func() {
		if reason := recover(); reason != nil {
			response = failed(&FunctionError{Type: reflect.TypeOf(reason).String(), Message: fmt.Sprint(reason)})
		}
		if response.FunctionError != nil {
			done()
		}
	}()
	result, err := p.Handler(ctx, payload)
	if err != nil {
		return failed(asFunctionError(err))
	}
	data, err := json.Marshal(result)
	if reader, ok := result.(io.Reader); ok && (err != nil || string(data) == "{}") {
		response := &Response{Body: &inProcessBody{reader: reader, done: done}}
		if typed, ok := result.(interface{ ContentType() string }); ok {
			response.ContentType = typed.ContentType()
		}
		response.Stream = response.ContentType == StreamContentType
		return response
	}
	if err != nil {
		return failed(&FunctionError{Type: "Runtime.SerializationError", Message: err.Error()})
	}
	return &Response{ContentType: "application/json", Body: &inProcessBody{reader: bytes.NewReader(data), done: done}}
}

func failed(e *FunctionError) *Response {
	return &Response{FunctionError: e, Body: io.NopCloser(bytes.NewReader(nil))}
}

// asFunctionError names an error by its Go type, as aws-lambda-go does.
func asFunctionError(err error) *FunctionError {
	var reported *FunctionError
	if errors.As(err, &reported) {
		return reported
	}
	var told messages.InvokeResponse_Error
	if errors.As(err, &told) {
		return &FunctionError{Type: told.Type, Message: told.Message}
	}
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return &FunctionError{Type: kind.Name(), Message: err.Error()}
}

type inProcessBody struct {
	reader io.Reader
	once   sync.Once
	done   context.CancelFunc
}

func (b *inProcessBody) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		err = asFunctionError(err)
	}
	return n, err
}

func (b *inProcessBody) Close() error {
	var err error
	b.once.Do(func() {
		if closer, ok := b.reader.(io.Closer); ok {
			err = closer.Close()
		}
		b.done()
	})
	return err
}
