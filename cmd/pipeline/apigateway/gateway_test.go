package apigateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
)

type handler func(context.Context, events.APIGatewayProxyRequest) (any, error)

// gateway serves the fixture's API with the handler as its function.
func gateway(t *testing.T, h handler) *apigateway.Gateway {
	t.Helper()
	a, err := assembly.Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	apis, err := apigateway.Read(a.Stacks[0])
	if err != nil {
		t.Fatal(err)
	}
	g, err := apigateway.New(apis[0], map[string]invoke.Invoker{"Function": inProcess(h)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func inProcess(h handler) invoke.InProcess {
	return invoke.InProcess{Handler: func(ctx context.Context, payload json.RawMessage) (any, error) {
		var event events.APIGatewayProxyRequest
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, err
		}
		return h(ctx, event)
	}}
}

// tell answers with the event, so that the caller sees what reached the function.
func tell(_ context.Context, event events.APIGatewayProxyRequest) (any, error) {
	data, err := json.Marshal(event)
	return events.APIGatewayProxyResponse{StatusCode: 200, Body: string(data)}, err
}

func serve(g http.Handler, method, target, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func eventOf(t *testing.T, w *httptest.ResponseRecorder) events.APIGatewayProxyRequest {
	t.Helper()
	var event events.APIGatewayProxyRequest
	if err := json.Unmarshal(w.Body.Bytes(), &event); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return event
}

func TestRoutes(t *testing.T) {
	tests := []struct {
		name, method, path string
		wantResource       string // empty: refused
		wantParameters     map[string]string
	}{
		{"literal", "GET", "/v1/items", "/v1/items", nil},
		{"slash at the end", "GET", "/v1/items/", "/v1/items", nil},
		{"parameter, any method", "DELETE", "/v1/items/a:b", "/v1/items/{id}", map[string]string{"id": "a:b"}},
		{"escaped parameter", "GET", "/v1/items/a%3Ab", "/v1/items/{id}", map[string]string{"id": "a:b"}},
		{"proxy", "PUT", "/v1/other/thing", "/{proxy+}", map[string]string{"proxy": "v1/other/thing"}},
		{"deeper than the tree", "PUT", "/v1/items/a/b", "/{proxy+}", map[string]string{"proxy": "v1/items/a/b"}},
		{"method of a less specific resource only", "PUT", "/v1/items", "", nil},
		{"no method on the root", "GET", "/", "", nil},
		{"resource without methods of its own", "GET", "/v1", "", nil},
	}
	g := gateway(t, tell)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(g, test.method, test.path, "", nil)
			if test.wantResource == "" {
				if w.Code != http.StatusForbidden || w.Body.String() != `{"message":"Missing Authentication Token"}` {
					t.Fatalf("got %d %s", w.Code, w.Body)
				}
				return
			}
			event := eventOf(t, w)
			if event.Resource != test.wantResource {
				t.Errorf("resource %q; want %q", event.Resource, test.wantResource)
			}
			if !maps.Equal(event.PathParameters, test.wantParameters) {
				t.Errorf("parameters %v; want %v", event.PathParameters, test.wantParameters)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	r := httptest.NewRequest("GET", "/v1/items?a=1&a=2&b=%20", strings.NewReader("text"))
	r.Header["X-Many"] = []string{"one", "two"}
	r.Header.Set("Connection", "close")
	w := httptest.NewRecorder()
	gateway(t, tell).ServeHTTP(w, r)
	event := eventOf(t, w)
	want := []any{"/v1/items", map[string]string{"a": "2", "b": " "}, map[string][]string{"a": {"1", "2"}, "b": {" "}}, "two", []string{"one", "two"}, "text", false, "/live/v1/items", "live", "192.0.2.1", ""}
	got := []any{event.Path, event.QueryStringParameters, event.MultiValueQueryStringParameters, event.Headers["X-Many"], event.MultiValueHeaders["X-Many"], event.Body, event.IsBase64Encoded,
		event.RequestContext.Path, event.RequestContext.Stage, event.RequestContext.Identity.SourceIP, event.Headers["Connection"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if event.Headers["Host"] != "example.com" || event.RequestContext.RequestID != w.Header().Get("X-Amzn-Requestid") {
		t.Errorf("host %q, request id %q; want example.com and the reply's", event.Headers["Host"], event.RequestContext.RequestID)
	}
}

func TestBinaryBodies(t *testing.T) {
	w := serve(gateway(t, tell), "PUT", "/upload", "\xff\x00", map[string]string{"Content-Type": "image/png"})
	if event := eventOf(t, w); event.Body != "/wA=" || !event.IsBase64Encoded {
		t.Errorf("body %q, base64 %t; want /wA=, true", event.Body, event.IsBase64Encoded)
	}
	binary := gateway(t, func(context.Context, events.APIGatewayProxyRequest) (any, error) {
		return events.APIGatewayProxyResponse{StatusCode: 200, Body: "/wA=", IsBase64Encoded: true}, nil
	})
	for accept, want := range map[string]string{"image/png": "\xff\x00", "text/plain": "/wA="} {
		if w := serve(binary, "GET", "/v1/items", "", map[string]string{"Accept": accept}); w.Body.String() != want {
			t.Errorf("Accept %s: body %q; want %q", accept, w.Body, want)
		}
	}
}

func TestIAM(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20261122/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature="
	hex := strings.Repeat("0f", 32)
	tests := []struct {
		name, authorization, date string
		want                      int
	}{
		{"signed", good + hex, "20261122T000000Z", 200},
		{"nothing", "", "", 403},
		{"bearer", "Bearer token", "20261122T000000Z", 403},
		{"no date", good + hex, "", 403},
		{"short signature", good + "0f", "20261122T000000Z", 403},
		{"another service", strings.Replace(good, "execute-api", "s3", 1) + hex, "20261122T000000Z", 403},
	}
	g := gateway(t, tell)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(g, "GET", "/v1/signed", "", map[string]string{"Authorization": test.authorization, "X-Amz-Date": test.date})
			if w.Code != test.want {
				t.Fatalf("got %d %s; want %d", w.Code, w.Body, test.want)
			}
			if test.want != 200 {
				return
			}
			event := eventOf(t, w)
			if got := event.RequestContext.Identity.UserArn; got != "arn:aws:iam::000000000000:user/AKIDLOCAL" {
				t.Errorf("user %q", got)
			}
			if event.Headers["Authorization"] != "" {
				t.Error("the function sees the signature")
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", 7<<20)
	tests := []struct {
		name, path string
		reply      any
		err        error
		wantStatus int
		wantBody   string
	}{
		{"buffered", "/v1/items", events.APIGatewayProxyResponse{StatusCode: 404, Body: "gone"}, nil, 404, "gone"},
		{"buffered, not in the format", "/v1/items", "text", nil, 502, `{"message":"Internal server error"}`},
		{"buffered, no status", "/v1/items", events.APIGatewayProxyResponse{Body: "x"}, nil, 502, `{"message":"Internal server error"}`},
		{"buffered, error", "/v1/items", nil, errors.New("no luck"), 502, `{"message":"Internal server error"}`},
		{"buffered, too long", "/v1/items", events.APIGatewayProxyResponse{StatusCode: 200, Body: long}, nil, 502, `{"message":"Internal server error"}`},
		{"stream", "/v1/stream", &events.APIGatewayProxyStreamingResponse{StatusCode: 201, Body: strings.NewReader("piece")}, nil, 201, "piece"},
		{"stream, longer than a buffered answer may be", "/v1/stream", &events.APIGatewayProxyStreamingResponse{StatusCode: 200, Body: strings.NewReader(long)}, nil, 200, long},
		{"stream, buffered reply", "/v1/stream", events.APIGatewayProxyResponse{StatusCode: 200, Body: "x"}, nil, 500, `{"message":"Internal server error"}`},
		{"stream, no JSON", "/v1/stream", strings.NewReader("oops\x00\x00\x00\x00\x00\x00\x00\x00"), nil, 500, `{"message":"Internal server error"}`},
		{"stream, error", "/v1/stream", nil, errors.New("no luck"), 502, `{"message":"Internal server error"}`},
		{"stream, no end of the head", "/v1/stream", strings.NewReader(`{"a":"` + strings.Repeat("x", 17<<10)), nil, 500, `{"message":"Internal server error"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := gateway(t, func(context.Context, events.APIGatewayProxyRequest) (any, error) { return test.reply, test.err })
			method := "GET"
			if test.path == "/v1/stream" {
				method = "POST"
			}
			w := serve(g, method, test.path, "{}", nil)
			if w.Code != test.wantStatus || w.Body.String() != test.wantBody {
				t.Errorf("got %d %.100s; want %d %.100s", w.Code, w.Body, test.wantStatus, test.wantBody)
			}
		})
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	g := gateway(t, func(context.Context, events.APIGatewayProxyRequest) (any, error) {
		return &events.APIGatewayProxyStreamingResponse{
			StatusCode:        200,
			Headers:           map[string]string{"content-type": "text/event-stream", "www-authenticate": "Basic"},
			MultiValueHeaders: map[string][]string{"X-Many": {"one", "two"}, "Connection": {"close"}},
			Cookies:           []string{"a=1", "b=2"},
		}, nil
	})
	got := serve(g, "POST", "/v1/stream", "", nil).Header()
	got.Del("X-Amzn-Requestid")
	want := http.Header{
		"Content-Type":                     {"text/event-stream"},
		"X-Amzn-Remapped-Www-Authenticate": {"Basic"},
		"X-Many":                           {"one", "two"},
		"Set-Cookie":                       {"a=1", "b=2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequestTooLong(t *testing.T) {
	g := gateway(t, tell)
	for _, size := range []int{7 << 20, 11 << 20} {
		if w := serve(g, "PUT", "/upload", strings.Repeat("x", size), nil); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: %d %.100s; want 413", size, w.Code, w.Body)
		}
	}
}

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name, method, path string
		silence            time.Duration // before each of three pieces
		wantStatus         int
		want               time.Duration
	}{
		{"buffered in time", "GET", "/v1/items", 28 * time.Second, 200, 28 * time.Second},
		{"buffered too late", "GET", "/v1/items", 31 * time.Second, 504, 29 * time.Second},
		{"stream with pieces in time", "POST", "/v1/stream", 4 * time.Minute, 200, 12 * time.Minute},
		{"stream idle", "POST", "/v1/stream", 6 * time.Minute, 504, 5 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gateway(t, slow(test.silence))
				begin := time.Now()
				w := serve(g, test.method, test.path, "", nil)
				if w.Code != test.wantStatus || time.Since(begin) != test.want {
					t.Errorf("%d after %s; want %d after %s", w.Code, time.Since(begin), test.wantStatus, test.want)
				}
				<-time.After(time.Hour) // on the fake clock: the function goes on for a while
			})
		})
	}
}

// slow answers after a silence, a stream with a silence before each piece.
func slow(silence time.Duration) handler {
	return func(_ context.Context, event events.APIGatewayProxyRequest) (any, error) {
		if event.Resource != "/v1/stream" {
			<-time.After(silence)
			return events.APIGatewayProxyResponse{StatusCode: 200}, nil
		}
		reader, writer := io.Pipe()
		go func() {
			for _, piece := range []string{"{}\x00\x00\x00\x00\x00\x00\x00\x00", "one", "two"} {
				<-time.After(silence)
				if _, err := io.WriteString(writer, piece); err != nil {
					return
				}
			}
			_ = writer.Close()
		}()
		return reader, nil
	}
}

func TestClientThatLeavesEndsTheFunctionsBody(t *testing.T) {
	failed := make(chan error, 1)
	g := gateway(t, func(context.Context, events.APIGatewayProxyRequest) (any, error) {
		reader, writer := io.Pipe()
		go func() {
			for {
				if _, err := io.WriteString(writer, "."); err != nil {
					failed <- err
					return
				}
			}
		}()
		return &events.APIGatewayProxyStreamingResponse{StatusCode: 200, Body: reader}, nil
	})
	server := httptest.NewServer(g)
	defer server.Close()
	response, err := http.Post(server.URL+"/v1/stream", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if err := <-failed; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the function's write failed with %v", err)
	}
}

func TestStreamThatBreaksIsNotTakenForWhole(t *testing.T) {
	g := gateway(t, func(context.Context, events.APIGatewayProxyRequest) (any, error) {
		return &events.APIGatewayProxyStreamingResponse{StatusCode: 200, Body: io.MultiReader(strings.NewReader("one"), broken{})}, nil
	})
	server := httptest.NewServer(g)
	defer server.Close()
	response, err := http.Post(server.URL+"/v1/stream", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if string(data) != "one" || err == nil {
		t.Errorf("read %q, %v; want \"one\" and an error", data, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("lost it") }
