package bedrocktest_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

const (
	haiku   = "us.anthropic.claude-haiku-5-5"
	haiku45 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	nova    = "amazon.nova-lite-v1:0"
	region  = "us-east-1"
)

// today is a day on which the catalog has active, legacy and ended models.
func today() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }

func newServer(options bedrocktest.Options) *bedrocktest.Server {
	if options.Now == nil {
		options.Now = today
	}
	return bedrocktest.New(options)
}

// newClient makes the SDK's client, as it is but for its address and without retries.
func newClient(endpoint string, transport http.RoundTripper) *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		BaseEndpoint: &endpoint,
		Region:       region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
		Retryer:    aws.NopRetryer{},
		HTTPClient: &http.Client{Transport: transport},
	})
}

func start(t *testing.T, options bedrocktest.Options) (*bedrocktest.Server, *bedrockruntime.Client) {
	t.Helper()
	server := newServer(options)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return server, newClient(web.URL, web.Client().Transport)
}

func user(blocks ...types.ContentBlock) types.Message {
	return types.Message{Role: types.ConversationRoleUser, Content: blocks}
}

func text(s string) types.ContentBlock { return &types.ContentBlockMemberText{Value: s} }

func ask(question string) *bedrockruntime.ConverseInput {
	return &bedrockruntime.ConverseInput{ModelId: aws.String(haiku), Messages: []types.Message{user(text(question))}}
}

// streaming is the same question to the streaming operation.
func streaming(in *bedrockruntime.ConverseInput) *bedrockruntime.ConverseStreamInput {
	return &bedrockruntime.ConverseStreamInput{
		ModelId: in.ModelId, Messages: in.Messages, System: in.System, ToolConfig: in.ToolConfig, InferenceConfig: in.InferenceConfig,
	}
}

// pipes is a listener in memory, for a synctest bubble must not wait for a real network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startInMemory is start for a bubble. The caller ends both before the bubble does.
func startInMemory(options bedrocktest.Options) (*bedrocktest.Server, *bedrockruntime.Client, func()) {
	server := newServer(options)
	listener := newPipes()
	web := &http.Server{Handler: server}
	go func() { _ = web.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial}
	return server, newClient("http://bedrock.invalid", transport), func() {
		transport.CloseIdleConnections()
		_ = web.Close()
	}
}

// inBubble is what a test on the fake clock works with.
type inBubble struct {
	server *bedrocktest.Server
	client *bedrockruntime.Client
}
