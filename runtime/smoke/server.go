package smoke

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// maxAnswer is the most of an answer that is read, in bytes; those of the test are far shorter.
const maxAnswer = 1 << 20

// server is the new version behind a balancer.
type server struct {
	client *http.Client
	host   string
}

// NewServer returns the version that a balancer at an address has for requests with settings.TestHeader. The balancer
// must prove that it is host, by a certificate of roots; nil takes those of the system.
func NewServer(address, host string, roots *x509.CertPool) Version {
	var dialer net.Dialer
	return server{host: host, client: &http.Client{
		// A redirect would lead away from what is tested.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots},
			// The name may lead to another Region today; the address is the balancer's own.
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, address)
			},
		},
	}}
}

// Get implements Version.
func (s server) Get(ctx context.Context, path string) (Answer, error) {
	return s.do(ctx, http.MethodGet, path, nil)
}

// Ask implements Version.
func (s server) Ask(ctx context.Context, body []byte) (Answer, error) {
	return s.do(ctx, http.MethodPost, endpoint.ChatCompletions, body)
}

func (s server) do(ctx context.Context, method, path string, body []byte) (answer Answer, err error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+s.host+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set(settings.TestHeader, settings.TestHeaderValue)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return Answer{response.StatusCode, text}, err
}
