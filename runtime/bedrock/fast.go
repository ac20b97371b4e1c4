package bedrock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock/sigv4"
)

// operation is one of the four calls.
type operation struct{ name, path string }

var (
	opConverse       = operation{"Converse", "converse"}
	opConverseStream = operation{"ConverseStream", "converse-stream"}
	opInvoke         = operation{"InvokeModel", "invoke"}
	opInvokeStream   = operation{"InvokeModelWithResponseStream", "invoke-with-response-stream"}
)

// The name under which Bedrock's runtime is signed for.
const signingName = "bedrock"

const userAgent = "genai-pipeline"

// fastClient makes calls itself. Credentials, Region and endpoint are what the SDK has found.
type fastClient struct {
	sdk       bedrockruntime.Options
	transport func(*http.Request) (*http.Response, error)
	signer    *sigv4.Signer
	endpoint  func() (*url.URL, error)
	routes    sync.Map // *route by routeKey: as many as there are configured targets, times four
}

type routeKey struct {
	model string
	op    operation
}

// route is where a model's operation is called.
type route struct {
	url    *url.URL
	signed string // the path as it is signed
}

func newFastClient(told bedrockruntime.Options, transport func(*http.Request) (*http.Response, error)) *fastClient {
	c := &fastClient{sdk: told, transport: transport, signer: sigv4.New(signingName, told.Region)}
	c.endpoint = sync.OnceValues(c.resolve)
	return c
}

// resolve asks the SDK's rules for the endpoint: of a Region, FIPS, dual stack, or a configured one.
func (c *fastClient) resolve() (*url.URL, error) {
	resolved, err := c.sdk.EndpointResolverV2.ResolveEndpoint(context.Background(), bedrockruntime.EndpointParameters{
		Region:       aws.String(c.sdk.Region),
		UseDualStack: aws.Bool(c.sdk.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		UseFIPS:      aws.Bool(c.sdk.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		Endpoint:     c.sdk.BaseEndpoint,
	})
	if err != nil {
		return nil, fmt.Errorf("resolve the endpoint: %w", err)
	}
	return &resolved.URI, nil
}

func (c *fastClient) route(model string, op operation) (*route, error) {
	key := routeKey{model, op}
	if known, ok := c.routes.Load(key); ok {
		return known.(*route), nil
	}
	base, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	prefix := strings.TrimSuffix(base.EscapedPath(), "/")
	escaped := prefix + "/model/" + sigv4.Escape(model) + "/" + op.path
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, err
	}
	r := &route{
		url:    &url.URL{Scheme: base.Scheme, Host: base.Host, Path: path, RawPath: escaped},
		signed: sigv4.Path(escaped),
	}
	c.routes.Store(key, r)
	return r, nil
}

// call sends a signed request and returns the response once it is known to be no exception. The body must not change any
// more: net/http may still read it while the answer already comes.
func (c *fastClient) call(ctx context.Context, op operation, model string, body []byte) (*http.Response, error) {
	r, err := c.route(model, op)
	if err != nil {
		return nil, err
	}
	if c.sdk.Credentials == nil {
		return nil, errors.New("no AWS credentials are configured")
	}
	credentials, err := c.sdk.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("get credentials: %w", err)
	}
	request := (&http.Request{
		Method: http.MethodPost, URL: r.url, Host: r.url.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {jsonType}, "User-Agent": {userAgent}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		// For a connection that the other side has closed while it was idle.
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	c.signer.Sign(request.Header, credentials, time.Now(), r.url.Host, r.signed, body)
	response, err := c.transport(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.name, err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, exception(op, response)
	}
	return response, nil
}

// ask calls an operation that answers in one piece.
func (c *fastClient) ask(ctx context.Context, op operation, model string, body []byte) ([]byte, error) {
	response, err := c.call(ctx, op, model, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := readAll(response)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.name, err)
	}
	return answer, nil
}

// trusted is how much memory a Content-Length alone can take.
const trusted = 1 << 20

// readAll reads a body into memory of its size, where that is told.
func readAll(response *http.Response) ([]byte, error) {
	if response.ContentLength <= 0 || response.ContentLength > trusted {
		return io.ReadAll(response.Body)
	}
	body := make([]byte, response.ContentLength+1) // one more, so that the end is seen and the connection kept
	n, err := io.ReadFull(response.Body, body)
	if err == io.ErrUnexpectedEOF && int64(n) == response.ContentLength {
		err = nil
	}
	return body[:n], err
}

// callError is an exception, of a call or in its stream.
type callError struct {
	operation string
	status    int    // 0 in a stream
	requestID string // empty in a stream
	code      string
	message   string
}

var _ smithy.APIError = (*callError)(nil)

// Error is for the log.
func (e *callError) Error() string {
	if e.status == 0 {
		return fmt.Sprintf("%s: %s: %s", e.operation, e.code, e.message)
	}
	return fmt.Sprintf("%s: status %d, request id %s: %s: %s", e.operation, e.status, e.requestID, e.code, e.message)
}

// ErrorCode returns the exception's name.
func (e *callError) ErrorCode() string { return e.code }

// ErrorMessage returns Bedrock's own words.
func (e *callError) ErrorMessage() string { return e.message }

// ErrorFault does not say whose fault it is: we go by the code.
func (e *callError) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }

// exceptionBytes bounds what is read of an exception.
const exceptionBytes = 64 << 10

// exception reads what came in place of an answer. Its code is in a header or in the body; a body that is not JSON is not
// Bedrock's, whatever the header says.
func exception(op operation, response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, exceptionBytes))
	if err != nil {
		return fmt.Errorf("%s: status %d: %w", op.name, response.StatusCode, err)
	}
	var told struct {
		Type    string `json:"__type"`
		Code    any
		Message string
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &told); err != nil {
			return fmt.Errorf("%s: status %d with a body that is not an exception's", op.name, response.StatusCode)
		}
	}
	code := response.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = told.Type
	}
	if text, ok := told.Code.(string); ok && code == "" {
		code = text
	}
	code, _, _ = strings.Cut(code, ":") // what follows is a URL
	if _, name, found := strings.Cut(code, "#"); found {
		code = name
	}
	return &callError{op.name, response.StatusCode, response.Header.Get("X-Amzn-Requestid"), code, told.Message}
}
