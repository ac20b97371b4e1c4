// Package bedrock answers inference requests with Amazon Bedrock. It is the only place that knows AWS errors, and the
// only retry layer there is: the SDK's own retries are off.
//
// There are two ways to make a call, alike in all that can be seen from outside. The fast one (fast.go) takes
// credentials, Region and endpoint from the SDK's configuration and does the rest itself: it signs with a key that is
// kept (package sigv4), writes and reads JSON in one pass, and reads event streams in place (package frame). The other
// (sdk.go) is the SDK's own client; it is the reference, against which tests hold the fast one.
//
// It must not know HTTP surfaces, settings or the gateway; of Anthropic's wire format it knows what package anthropic
// tells it about a passed-through chunk.
package bedrock

import (
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Options configure a Provider. The zero value of every field but AWS is usable.
type Options struct {
	AWS      aws.Config     // credentials and, for tests, an HTTP client and endpoint
	SDK      bool           // calls go through the SDK's own client
	MaxCalls int            // calls for one request, the first included; default 3
	Jitter   func() float64 // in [0, 1); default the standard library's
	// FirstByte is how long a stream may say nothing at all, until it is asked for elsewhere; default 0: as long as the
	// request's context lasts. A whole answer has no such limit.
	FirstByte time.Duration
}

// Provider implements inference.Provider. It is safe for concurrent use.
type Provider struct {
	config    aws.Config
	sdk       bool
	transport func(*http.Request) (*http.Response, error) // of the fast clients
	maxCalls  int
	firstByte time.Duration
	jitter    func() float64
	budget    *budget
	cooler    *cooler

	mu      sync.Mutex
	clients map[string]client // by Region
}

// client makes calls in one Region. It is safe for concurrent use.
type client interface {
	// complete asks for a whole answer.
	complete(ctx context.Context, model string, request *inference.Request) (*inference.Reply, error)
	// open begins a stream.
	open(ctx context.Context, model string, request *inference.Request) (source, error)
}

// New returns a Provider. It makes no call to AWS, not even for credentials.
func New(options Options) *Provider {
	p := &Provider{
		config:    options.AWS,
		sdk:       options.SDK,
		maxCalls:  options.MaxCalls,
		firstByte: options.FirstByte,
		jitter:    options.Jitter,
		budget:    newBudget(),
		cooler:    newCooler(),
		clients:   map[string]client{},
	}
	if p.maxCalls == 0 {
		p.maxCalls = 3
	}
	if p.jitter == nil {
		p.jitter = rand.Float64
	}
	p.transport = roundTrip(p.config.HTTPClient)
	p.config.HTTPClient = transport(p.config.HTTPClient)
	p.config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return p
}

// transport tunes the client that the SDK brings, and leaves any other as it is.
func transport(given aws.HTTPClient) aws.HTTPClient {
	if client, ok := buildable(given); ok {
		given = client
	}
	return plainBodies{given}
}

// roundTrip is how the fast clients send a request: by the transport beneath the client that the SDK brings, which has
// its dialer, proxy and certificates, or by any other client as it is.
func roundTrip(given aws.HTTPClient) func(*http.Request) (*http.Response, error) {
	client, ok := buildable(given)
	if !ok {
		return func(r *http.Request) (*http.Response, error) { return bounded(given.Do(r)) }
	}
	transport := client.GetTransport()
	// Half of net/http's own, for every open stream has them. What is larger than a buffer goes around it.
	transport.ReadBufferSize, transport.WriteBufferSize = 2<<10, 2<<10
	return func(r *http.Request) (*http.Response, error) { return bounded(transport.RoundTrip(r)) }
}

// buildable returns the client that the SDK brings, tuned.
func buildable(given aws.HTTPClient) (*awshttp.BuildableClient, bool) {
	if given == nil {
		given = awshttp.NewBuildableClient()
	}
	client, ok := given.(*awshttp.BuildableClient)
	if ok {
		client = client.WithTransportOptions(tune)
	}
	return client, ok
}

// plainBodies hides from net/http that the SDK's request bodies know WriteTo. The SDK closes a body as soon as the answer
// begins; if net/http has not yet looked past the body's end by then, WriteTo reports the close as a failed write, and
// net/http cuts the connection in the middle of the answer (seen with smithy-go 1.28.8 and Go 1.26, a few in a thousand
// under load). A plain Read reports the end.
type plainBodies struct{ next aws.HTTPClient }

// Do implements aws.HTTPClient.
func (c plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return bounded(c.next.Do(r))
}

// tune keeps a connection for every running request: net/http's default of two idle ones a host costs twice the CPU
// over TLS (docs/performance.md). HTTP/1.1, so that closing a stream early closes its connection, which stops the model
// at once, and so that no stream waits for another one's flow control.
func tune(t *http.Transport) {
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 2048
	t.MaxConnsPerHost = 0
	t.IdleConnTimeout = 90 * time.Second
	t.ForceAttemptHTTP2 = false
	t.DisableCompression = true // a stream that is compressed comes late, and an answer may be larger than it looks
	t.MaxResponseHeaderBytes = headerBytes
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
}

// Ready reports whether credentials can be had. It is what readiness asks, never the request path.
func (p *Provider) Ready(ctx context.Context) error {
	if p.config.Credentials == nil {
		return inference.Errorf(inference.Internal, "no AWS credentials are configured")
	}
	_, err := p.config.Credentials.Retrieve(ctx)
	return err
}

// client returns the client of a Region. Making one is pure computation.
func (p *Provider) client(region string) client {
	p.mu.Lock()
	defer p.mu.Unlock()
	made, ok := p.clients[region]
	if !ok {
		made = p.newClient(region)
		p.clients[region] = made
	}
	return made
}

func (p *Provider) newClient(region string) client {
	reference := bedrockruntime.NewFromConfig(p.config, func(o *bedrockruntime.Options) { o.Region = region })
	told := reference.Options()
	if p.sdk || told.BearerAuthTokenProvider != nil { // the fast client only signs
		return sdkClient{reference}
	}
	return newFastClient(told, p.transport)
}

// Complete implements inference.Provider.
func (p *Provider) Complete(ctx context.Context, request *inference.Request) (*inference.Reply, error) {
	var reply *inference.Reply
	err := p.try(ctx, request, func(client client, target inference.Target) (err error) {
		reply, err = client.complete(ctx, target.Called(), request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// Stream implements inference.Provider. It returns when the model's answer has begun, not when Bedrock has merely
// accepted the call: a throttle that arrives inside the opened stream can still go to another target.
func (p *Provider) Stream(ctx context.Context, request *inference.Request) (inference.Stream, error) {
	var begun *stream
	err := p.try(ctx, request, func(client client, target inference.Target) (err error) {
		begun, err = p.begin(ctx, client, target.Called(), request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return begun, nil
}

// begin calls once, and returns a stream whose answer has begun.
func (p *Provider) begin(ctx context.Context, client client, model string, request *inference.Request) (*stream, error) {
	// Ending this context is what stops the model: when the stream is closed early, or when it says nothing.
	ctx, cancel := context.WithCancel(ctx)
	heard := func() bool { return true }
	if p.firstByte > 0 {
		heard = time.AfterFunc(p.firstByte, cancel).Stop
	}
	source, err := client.open(ctx, model, request)
	if err != nil {
		if !heard() {
			err = errSilent
		}
		cancel()
		return nil, err
	}
	s := &stream{ctx: ctx, source: source, cancel: cancel}
	if err := s.prime(heard); err != nil {
		_ = s.Close() // it is given up
		return nil, err
	}
	return s, nil
}
