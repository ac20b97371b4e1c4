package invoke_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
)

func serve(path, body string, header ...string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	invoke.NewAPI(map[string]invoke.Invoker{"echo": invoke.InProcess{Handler: answer}}).Register(mux)
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func answer(_ context.Context, payload json.RawMessage) (any, error) {
	switch string(payload) {
	case `"fail"`:
		return nil, errors.New("no luck")
	case `"panic"`:
		panic("at the disco")
	case `"break"`:
		return io.MultiReader(strings.NewReader("one"), broken{}), nil
	case `"stream"`:
		return strings.NewReader("one"), nil
	case `"huge"`:
		return strings.Repeat("x", invoke.MaxPayload), nil
	}
	return payload, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("lost it") }

func TestInvoke(t *testing.T) {
	const path = "/2015-03-31/functions/echo/invocations"
	tests := []struct {
		name, path, body string
		wantStatus       int
		wantFailed       bool
		wantBody         string
	}{
		{"answer", path, `{"a":1}`, 200, false, `{"a":1}`},
		{"no payload", path, "", 200, false, `{}`},
		{"by ARN", "/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:echo:live/invocations", `1`, 200, false, `1`},
		{"stream as a whole", path, `"stream"`, 200, false, "one"},
		{"error", path, `"fail"`, 200, true, `{"errorType":"errorString","errorMessage":"no luck"}`},
		{"panic", path, `"panic"`, 200, true, `{"errorType":"string","errorMessage":"at the disco"}`},
		{"error in the middle", path, `"break"`, 200, true, `{"errorType":"errorString","errorMessage":"lost it"}`},
		{"answer too long", path, `"huge"`, 200, true, `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291456 bytes)."}`},
		{"unknown function", "/2015-03-31/functions/other/invocations", `1`, 404, false, "{\"Message\":\"Function not found: other\",\"Type\":\"User\"}\n"},
		{"not JSON", path, `{`, 400, false, "{\"Message\":\"Could not parse request body into json\",\"Type\":\"User\"}\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(test.path, test.body)
			if failed := w.Header().Get("X-Amz-Function-Error") == "Unhandled"; w.Code != test.wantStatus || failed != test.wantFailed || w.Body.String() != test.wantBody {
				t.Errorf("got %d, failed %t, %.200s; want %d, %t, %s", w.Code, failed, w.Body, test.wantStatus, test.wantFailed, test.wantBody)
			}
		})
	}
}

func TestInvocationTypes(t *testing.T) {
	const path = "/2015-03-31/functions/echo/invocations"
	for kind, want := range map[string]int{"RequestResponse": 200, "DryRun": 204, "Event": 400} {
		if w := serve(path, "1", "X-Amz-Invocation-Type", kind); w.Code != want {
			t.Errorf("%s: %d; want %d", kind, w.Code, want)
		}
	}
}

func TestInvokeWithResponseStream(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string
	}{
		{"stream", `"stream"`, []string{"PayloadChunk one", "InvokeComplete {}"}},
		{"error", `"fail"`, []string{`InvokeComplete {"ErrorCode":"errorString","ErrorDetails":"{\"errorType\":\"errorString\",\"errorMessage\":\"no luck\"}"}`}},
		{"error in the middle", `"break"`, []string{"PayloadChunk one", `InvokeComplete {"ErrorCode":"errorString","ErrorDetails":"{\"errorType\":\"errorString\",\"errorMessage\":\"lost it\"}"}`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve("/2021-11-15/functions/echo/response-streaming-invocations", test.body)
			if diff := cmp.Diff(test.want, eventsOf(t, w.Body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func eventsOf(t *testing.T, body *bytes.Buffer) []string {
	t.Helper()
	var all []string
	decoder := eventstream.NewDecoder()
	for body.Len() > 0 {
		message, err := decoder.Decode(body, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message.Headers.Get(":event-type").String()+" "+string(message.Payload))
	}
	return all
}
