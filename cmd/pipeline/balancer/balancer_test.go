package balancer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/balancer"
)

// echo answers at once, and reads the request only after that.
type echo struct{ t *testing.T }

func (e echo) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Host != "gateway.example.com" || r.URL.String() != "http://program.example.com/v1/messages?beta=true" {
		e.t.Errorf("%s is asked for %s", r.Host, r.URL)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader("first, "), r.Body))}, nil
}

func TestARequestIsWholeBeforeItIsAnswered(t *testing.T) {
	proxy := balancer.New(&url.URL{Scheme: "http", Host: "program.example.com"})
	proxy.Transport = echo{t}
	front := httptest.NewServer(proxy)
	defer front.Close()
	request, err := http.NewRequest(http.MethodPost, front.URL+"/v1/messages?beta=true", strings.NewReader("and then"))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "gateway.example.com"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "first, and then" {
		t.Errorf("got %q, %v", got, err)
	}
}
