// Package bedrock answers inference requests with Amazon Bedrock. It is the only place that knows AWS errors, and the
// only retry layer there is: the SDK's own retries are off.
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
	MaxCalls int            // calls for one request, the first included; default 3
	Jitter   func() float64 // in [0, 1); default the standard library's
}

// Provider implements inference.Provider. It is safe for concurrent use.
type Provider struct {
	config   aws.Config
	maxCalls int
	jitter   func() float64
	budget   *budget
	cooler   *cooler

	mu      sync.Mutex
	clients map[string]*bedrockruntime.Client // by Region
}

// New returns a Provider. It makes no call to AWS, not even for credentials.
func New(options Options) *Provider {
	p := &Provider{
		config:   options.AWS,
		maxCalls: options.MaxCalls,
		jitter:   options.Jitter,
		budget:   newBudget(),
		cooler:   newCooler(),
		clients:  map[string]*bedrockruntime.Client{},
	}
	if p.maxCalls == 0 {
		p.maxCalls = 3
	}
	if p.jitter == nil {
		p.jitter = rand.Float64
	}
	p.config.HTTPClient = transport(p.config.HTTPClient)
	p.config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return p
}

// transport tunes the client that the SDK brings, and leaves any other as it is.
func transport(given aws.HTTPClient) aws.HTTPClient {
	switch client := given.(type) {
	case nil:
		given = awshttp.NewBuildableClient().WithTransportOptions(tune)
	case *awshttp.BuildableClient:
		given = client.WithTransportOptions(tune)
	}
	return plainBodies{given}
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
	return c.next.Do(r)
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
func (p *Provider) client(region string) *bedrockruntime.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, ok := p.clients[region]
	if !ok {
		client = bedrockruntime.NewFromConfig(p.config, func(o *bedrockruntime.Options) { o.Region = region })
		p.clients[region] = client
	}
	return client
}

// Complete implements inference.Provider.
func (p *Provider) Complete(ctx context.Context, request *inference.Request) (*inference.Reply, error) {
	once := completeConverse
	if request.Body != nil {
		once = completeInvoke
	}
	var reply *inference.Reply
	err := p.try(ctx, request, func(client *bedrockruntime.Client, target inference.Target) (err error) {
		reply, err = once(ctx, client, target.Model, request)
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
	open := openConverse
	if request.Body != nil {
		open = openInvoke
	}
	// Ending this context is what stops the model when the stream is closed early.
	ctx, cancel := context.WithCancel(ctx)
	var begun *stream
	err := p.try(ctx, request, func(client *bedrockruntime.Client, target inference.Target) error {
		source, err := open(ctx, client, target.Model, request)
		if err != nil {
			return err
		}
		begun = &stream{ctx: ctx, source: source, cancel: cancel}
		if err := begun.prime(); err != nil {
			source.Close()
			return err
		}
		return nil
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return begun, nil
}
