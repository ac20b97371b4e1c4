package invoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// The paths of Lambda's Invoke API, as http.ServeMux patterns.
const (
	InvokePath = "POST /2015-03-31/functions/{name}/invocations"
	StreamPath = "POST /2021-11-15/functions/{name}/response-streaming-invocations"
)

// API serves Lambda's Invoke and InvokeWithResponseStream, so that `aws lambda invoke --endpoint-url` and the SDKs call
// a local function. Requests need no signature: the server is meant for loopback alone.
type API struct {
	functions map[string]Invoker
}

// NewAPI returns the API of the functions, by name.
func NewAPI(functions map[string]Invoker) *API { return &API{functions} }

// Register adds the API's two paths to the mux.
func (a *API) Register(mux *http.ServeMux) {
	mux.HandleFunc(InvokePath, a.invoke)
	mux.HandleFunc(StreamPath, a.stream)
}

func (a *API) invoke(w http.ResponseWriter, r *http.Request) {
	invoker, payload := a.prepare(w, r)
	if invoker == nil {
		return
	}
	response, err := invoker.Invoke(r.Context(), payload)
	if err != nil {
		serviceError(w, http.StatusInternalServerError, "ServiceException", err.Error())
		return
	}
	defer func() { _ = response.Body.Close() }()
	data, failure, err := ReadAll(response)
	if err != nil {
		serviceError(w, http.StatusInternalServerError, "ServiceException", err.Error())
		return
	}
	if failure != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		data = failure.JSON()
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

// prepare finds the function and reads the payload; the invoker is nil when the request has been answered.
func (a *API) prepare(w http.ResponseWriter, r *http.Request) (Invoker, []byte) {
	name := functionName(r.PathValue("name"))
	invoker, ok := a.functions[name]
	if !ok {
		serviceError(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return nil, nil
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil, nil
	default:
		serviceError(w, http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("the local function takes RequestResponse and DryRun, not %q", kind))
		return nil, nil
	}
	payload, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		serviceError(w, http.StatusBadRequest, "InvalidRequestContentException", err.Error())
		return nil, nil
	}
	if len(payload) > MaxPayload {
		serviceError(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", MaxPayload))
		return nil, nil
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) {
		serviceError(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return nil, nil
	}
	return invoker, payload
}

// functionName takes the name out of a name, a name with a qualifier, or an ARN.
func functionName(text string) string {
	if _, rest, ok := strings.Cut(text, ":function:"); ok {
		text = rest
	}
	name, _, _ := strings.Cut(text, ":")
	return name
}

func serviceError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message})
}

func (a *API) stream(w http.ResponseWriter, r *http.Request) {
	invoker, payload := a.prepare(w, r)
	if invoker == nil {
		return
	}
	response, err := invoker.Invoke(r.Context(), payload)
	if err != nil {
		serviceError(w, http.StatusInternalServerError, "ServiceException", err.Error())
		return
	}
	defer func() { _ = response.Body.Close() }()
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	out := &eventWriter{w: w, flush: http.NewResponseController(w).Flush, encoder: eventstream.NewEncoder()}
	failure := response.FunctionError
	if failure == nil {
		_, err = io.Copy(out, response.Body)
		if err != nil && !errors.As(err, &failure) {
			return // the caller is gone
		}
	}
	out.complete(failure)
}

// eventWriter writes an answer as the events of InvokeWithResponseStream, each at once.
type eventWriter struct {
	w       io.Writer
	flush   func() error
	encoder *eventstream.Encoder
}

func (e *eventWriter) Write(p []byte) (int, error) {
	if err := e.event("PayloadChunk", "application/octet-stream", p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (e *eventWriter) complete(failure *FunctionError) {
	result := map[string]string{}
	if failure != nil {
		result["ErrorCode"] = failure.Type
		result["ErrorDetails"] = string(failure.JSON())
	}
	data, _ := json.Marshal(result) // texts only
	_ = e.event("InvokeComplete", "application/json", data)
}

func (e *eventWriter) event(kind, contentType string, payload []byte) error {
	var message eventstream.Message
	message.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(eventstreamapi.EventMessageType))
	message.Headers.Set(eventstreamapi.EventTypeHeader, eventstream.StringValue(kind))
	message.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue(contentType))
	message.Payload = payload
	var frame bytes.Buffer
	if err := e.encoder.Encode(&frame, message); err != nil {
		return err
	}
	if _, err := e.w.Write(frame.Bytes()); err != nil {
		return err
	}
	if err := e.flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
