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

// Do implements Version.
func (s server) Do(ctx context.Context, r Request) (answer Answer, err error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, "https://"+s.host+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set(settings.TestHeader, settings.TestHeaderValue)
	request.Header.Set("Content-Type", "application/json")
	if r.Credential != "" {
		request.Header.Set("Authorization", "Bearer "+r.Credential)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return Answer{response.StatusCode, text}, err
}
