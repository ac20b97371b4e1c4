package apigateway

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// event makes the proxy event of a request.
func (e *exchange) event(body []byte) events.APIGatewayProxyRequest {
	headers := e.headers()
	query := map[string][]string(e.r.URL.Query())
	event := events.APIGatewayProxyRequest{
		Resource:                        e.route.Path,
		Path:                            e.r.URL.Path,
		HTTPMethod:                      e.r.Method,
		Headers:                         last(headers),
		MultiValueHeaders:               headers,
		QueryStringParameters:           last(query),
		MultiValueQueryStringParameters: query,
		PathParameters:                  e.parameters,
		RequestContext:                  e.context(),
		Body:                            string(body),
	}
	if len(body) > 0 && e.gateway.api.isBinary(e.r.Header.Get("Content-Type")) {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return event
}

// headers are the request's, with what API Gateway adds and without what it keeps.
func (e *exchange) headers() map[string][]string {
	h := e.r.Header.Clone()
	for _, name := range []string{"Connection", "Expect", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		h.Del(name)
	}
	if e.route.Authorization == AuthorizationIAM {
		h.Del("Authorization")
	}
	host, port := e.r.Host, "80"
	if _, p, err := net.SplitHostPort(host); err == nil {
		port = p
	}
	h.Set("Host", host)
	forwarded := sourceIP(e.r)
	if before := h.Get("X-Forwarded-For"); before != "" {
		forwarded = before + ", " + forwarded
	}
	h.Set("X-Forwarded-For", forwarded)
	h.Set("X-Forwarded-Port", port)
	h.Set("X-Forwarded-Proto", "http")
	h.Set("X-Amzn-Trace-Id", fmt.Sprintf("Root=1-%08x-%s", e.began.Unix(), strings.ReplaceAll(e.id, "-", "")[:24]))
	return h
}

func (e *exchange) context() events.APIGatewayProxyRequestContext {
	api := e.gateway.api
	identity := events.APIGatewayRequestIdentity{SourceIP: sourceIP(e.r), UserAgent: e.r.UserAgent()}
	if e.signer.accessKey != "" {
		identity.AccessKey = e.signer.accessKey
		identity.AccountID = api.Account
		identity.Caller = e.signer.accessKey
		identity.User = e.signer.accessKey
		identity.UserArn = fmt.Sprintf("arn:aws:iam::%s:user/%s", api.Account, e.signer.accessKey)
	}
	return events.APIGatewayProxyRequestContext{
		AccountID:        api.Account,
		APIID:            "local",
		DomainName:       e.r.Host,
		DomainPrefix:     "local",
		HTTPMethod:       e.r.Method,
		Identity:         identity,
		Path:             "/" + api.Stage + e.r.URL.Path,
		Protocol:         e.r.Proto,
		RequestID:        e.id,
		RequestTime:      e.began.UTC().Format("02/Jan/2006:15:04:05 +0000"),
		RequestTimeEpoch: e.began.UnixMilli(),
		ResourceID:       e.route.ResourceID,
		ResourcePath:     e.route.Path,
		Stage:            api.Stage,
	}
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// last keeps the last of several values, as API Gateway does where there is room for one.
func last(values map[string][]string) map[string]string {
	single := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 0 {
			single[name] = all[len(all)-1]
		}
	}
	return single
}
