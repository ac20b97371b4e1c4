package bedrock_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// wire is an HTTP client for the SDK: it answers every call with the same bytes, or asks an embedded Bedrock and keeps
// what that answered.
type wire struct {
	answer []byte
	server *bedrocktest.Server
	kept   []byte
}

// Do implements the SDK's HTTP client.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	body := w.answer
	if w.server != nil {
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, r)
		w.kept = recorder.Body.Bytes()
		body = w.kept
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/vnd.amazon.eventstream"}},
		Body:       io.NopCloser(bytes.NewReader(body)),
		Request:    r,
	}, nil
}

func (w *wire) provider() *bedrock.Provider {
	return bedrock.New(bedrock.Options{MaxCalls: 1, AWS: aws.Config{
		HTTPClient:   w,
		BaseEndpoint: aws.String("http://bedrock"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
		}),
	}})
}

// streamed is a request whose answer is read as a stream: translated, or passed through.
func streamed(raw bool) *inference.Request {
	request := question(east)
	request.Stream = true
	if raw {
		request.Turns = nil
		request.Body = []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"messages":[{"role":"user","content":"Hello?"}]}`)
	}
	return request
}

// read reads a stream to its end. It fails the test unless the end is io.EOF or an *inference.Error.
func read(t testing.TB, provider *bedrock.Provider, raw bool) (events []inference.Event, end error) {
	// The bytes are all there: whoever still waits after this long waits for ever.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	stream, err := provider.Stream(ctx, streamed(raw))
	if err == nil {
		defer stream.Close()
		for err == nil {
			var event inference.Event
			if event, err = stream.Next(); err == nil {
				events = append(events, event)
			}
		}
	}
	var failure *inference.Error
	if err != io.EOF && (!errors.As(err, &failure) || failure.Code == "" || failure.Message == "") {
		t.Fatalf("the stream ended with %T %v", err, err)
	}
	if ctx.Err() != nil {
		t.Fatal("the stream did not end")
	}
	return events, err
}

// FuzzStream feeds arbitrary bytes to the event-stream path. Whatever comes, it ends, in a typed way, and an answer
// counts as whole only if the model said that it was.
func FuzzStream(f *testing.F) {
	for _, raw := range []bool{false, true} {
		w := &wire{server: bedrocktest.New(bedrocktest.Options{Latency: -1})}
		if _, end := read(f, w.provider(), raw); end != io.EOF {
			f.Fatalf("the embedded Bedrock's own stream ended with %v", end)
		}
		f.Add(w.kept, raw)
		f.Add(w.kept[:len(w.kept)/2], raw)
		f.Add(w.kept, !raw)
	}
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, answer []byte, raw bool) {
		events, end := read(t, (&wire{answer: answer}).provider(), raw)
		if end != io.EOF {
			return
		}
		for _, event := range events {
			if event.Kind == inference.EventStop || event.Type == "message_stop" {
				return
			}
		}
		t.Errorf("%d events without an end count as a whole answer", len(events))
	})
}
