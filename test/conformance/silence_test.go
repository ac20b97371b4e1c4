package conformance_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/lambdahttp"
	"github.com/genai-pipeline/genai-pipeline/runtime/server"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

// silence is how long the model says nothing: longer than any balancer or gateway lets a quiet connection live.
const silence = 10 * time.Minute

// longest is the stream budget of the test, the most that API Gateway streams for.
const longest = 15 * time.Minute

// TestTenSilentMinutes runs in a bubble where time passes when everything waits: the whole variant is in this process,
// on a network in memory.
func TestTenSilentMinutes(t *testing.T) {
	fronts := []struct {
		name  string
		serve func(*testing.T, *core.Core) (*http.Client, func())
	}{{"lambda", lambdaInProcess}, {"server", serverInProcess}}
	clients := []struct {
		name string
		ping string
		run  func(*testing.T, *http.Client) string
	}{{"openai", ": ping\n", silentOpenAI}, {"anthropic", "event: ping\n", silentAnthropic}}
	for _, front := range fronts {
		for _, client := range clients {
			t.Run(front.name+"/"+client.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, stopBedrock := newCore(t)
					defer stopBedrock()
					http, stop := front.serve(t, c)
					defer stop()
					seen := &tee{next: http.Transport}
					http.Transport = seen
					began := time.Now()
					if got := client.run(t, http); got != "At last." {
						t.Errorf("the answer is %q", got)
					}
					if took := time.Since(began); took < silence {
						t.Errorf("took %s; the model was silent for %s", took, silence)
					}
					// The embedded model opens its own stream with one ping on Anthropic's surface.
					want := int(silence / (15 * time.Second))
					if got := bytes.Count(seen.body.Bytes(), []byte(client.ping)); got < want-1 || got > want+1 {
						t.Errorf("%d pings came, want about %d", got, want)
					}
				})
			})
		}
	}
}

// newCore is the core with an embedded Bedrock that is silent before it answers.
func newCore(t *testing.T) (*core.Core, func()) {
	bedrock := bedrocktest.New(bedrocktest.Options{
		Now:   func() time.Time { return now },
		Reply: func(string) string { return "At last." },
	})
	bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, Delay: silence})
	client, stop := memnet.Serve(bedrock)
	environment := named(t, settings.VariantServerless).settings(options{environment: map[string]string{"GENAI_REQUEST_TIMEOUT": longest.String()}})
	s, err := settings.Load(func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	c, err := core.New(s, aws.Config{
		Region:       "us-east-1",
		HTTPClient:   client,
		BaseEndpoint: aws.String("http://bedrock"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
		}),
	}, io.Discard, core.Links{})
	if err != nil {
		t.Fatal(err)
	}
	return c, stop
}

// lambdaInProcess is the template's API over the function's own handler.
func lambdaInProcess(t *testing.T, c *core.Core) (*http.Client, func()) {
	function := invoke.InProcess{Handler: lambdahttp.New(c.Handler).Handle}
	return memnet.Serve(named(t, settings.VariantServerless).newFront(t, function, func(r *apigateway.Route) { r.Timeout = longest }))
}

// serverInProcess is the plain server.
func serverInProcess(t *testing.T, c *core.Core) (*http.Client, func()) {
	listener := memnet.Listen()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return listener.Dial(ctx, network, address)
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, listener, server.Options{Handler: c.Handler, Log: c.Log, DrainTimeout: time.Second, IdleTimeout: time.Minute, MaxConnections: 100})
	}()
	return &http.Client{Transport: transport}, func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// tee remembers what came over the wire.
type tee struct {
	next http.RoundTripper
	body bytes.Buffer
}

// RoundTrip implements http.RoundTripper.
func (t *tee) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(response.Body, &t.body), response.Body}
	}
	return response, err
}

func silentOpenAI(t *testing.T, http *http.Client) string {
	client := openai.NewClient(openaioption.WithBaseURL("http://gateway/v1"), openaioption.WithAPIKey("unused"),
		openaioption.WithMaxRetries(0), openaioption.WithHTTPClient(http))
	stream := client.Chat.Completions.NewStreaming(t.Context(), question("Are you there?"))
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		sum.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return sum.Choices[0].Message.Content
}

func silentAnthropic(t *testing.T, http *http.Client) string {
	client := anthropic.NewClient(anthropicoption.WithBaseURL("http://gateway"), anthropicoption.WithAPIKey("unused"),
		anthropicoption.WithMaxRetries(0), anthropicoption.WithHTTPClient(http))
	stream := client.Messages.NewStreaming(t.Context(), ask(anthropic.NewTextBlock("Are you there?")))
	var sum anthropic.Message
	for stream.Next() {
		if err := sum.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return sum.Content[0].Text
}
