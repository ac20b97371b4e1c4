package reliability_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

// script is what a Bedrock sends for one call, byte by byte, on a connection of its own. It has read the request.
type script func(conn net.Conn)

// upstream is a Bedrock on a network in memory that follows a script. It works in a bubble.
type upstream struct {
	listener *memnet.Listener
	calls    atomic.Int64
	all      sync.WaitGroup
	mu       sync.Mutex
	play     script
}

func newUpstream() *upstream {
	u := &upstream{listener: memnet.Listen()}
	u.all.Go(func() {
		for {
			conn, err := u.listener.Accept()
			if err != nil {
				return
			}
			u.all.Go(func() { u.serve(conn) })
		}
	})
	return u
}

func (u *upstream) serve(conn net.Conn) {
	defer conn.Close()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return
	}
	u.calls.Add(1)
	u.mu.Lock()
	play := u.play
	u.mu.Unlock()
	play(conn)
}

// follow sets the script from here on, and forgets the calls.
func (u *upstream) follow(play script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.play = play
	u.calls.Store(0)
}

func (u *upstream) stop() {
	_ = u.listener.Close()
	u.all.Wait()
}

// clients are the two ways to call Bedrock, which must be alike.
var clients = []string{settings.BedrockFast, settings.BedrockSDK}

// inBubble puts a whole gateway over an upstream.
func inBubble(t *testing.T, client string, u *upstream) http.Handler {
	t.Helper()
	// The client that the SDK brings, so that the gateway tunes it as it does its own.
	through := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext, t.DisableKeepAlives = u.listener.Dial, true
	})
	return inProcess(t, client, aws.Config{HTTPClient: through, BaseEndpoint: aws.String("http://bedrock")})
}

func inProcess(t *testing.T, client string, config aws.Config) http.Handler {
	t.Helper()
	s := told()
	s.Variant = settings.VariantServerless // prints at once
	s.BedrockClient, s.RequestTimeout, s.LogLevel = client, time.Minute, slog.LevelError
	config.Region = "us-east-1"
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
	})
	c, err := core.New(s, config, io.Discard, core.Links{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Handler
}

// put asks a handler one question.
func put(t *testing.T, handler http.Handler, s surface, stream bool) answer {
	t.Helper()
	w := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, s.path, strings.NewReader(body(asked, stream)))
	handler.ServeHTTP(w, request.WithContext(t.Context()))
	a := answer{status: w.Code, raw: w.Body.String(), header: w.Header()}
	if !stream || !strings.Contains(a.header.Get("Content-Type"), "event-stream") {
		a.take(s, a.raw)
		a.whole = a.failed == "" && a.status == http.StatusOK
		return a
	}
	for line := range strings.Lines(a.raw) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			a.take(s, data)
		}
	}
	a.whole = strings.Contains(a.raw, s.end)
	return a
}

// asked is the question of these tests, and so the answer.
const asked = "What you ask is what you get, in two pieces."

// recorded returns the bytes of a good answer, headers and all, as the embedded Bedrock sends them.
func recorded(t *testing.T, client string, s surface, stream bool) []byte {
	t.Helper()
	var sent []byte
	synctest.Test(t, func(t *testing.T) {
		bedrock, stopBedrock := memnet.Serve(echo())
		defer stopBedrock()
		taped := &tape{next: bedrock.Transport.(*http.Transport).DialContext}
		transport := &http.Transport{DialContext: taped.dial, DisableKeepAlives: true}
		handler := inProcess(t, client, aws.Config{HTTPClient: &http.Client{Transport: transport}, BaseEndpoint: aws.String("http://bedrock")})
		if a := put(t, handler, s, stream); a.text != asked || !a.whole {
			t.Fatalf("without a fault: %+v", a)
		}
		transport.CloseIdleConnections()
		sent = taped.sent.Bytes()
	})
	if len(sent) < 200 {
		t.Fatalf("recorded are %d bytes", len(sent))
	}
	return sent
}

// tape records what a server sends.
type tape struct {
	next func(context.Context, string, string) (net.Conn, error)
	sent bytes.Buffer
}

func (r *tape) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := r.next(ctx, network, address)
	return &taped{conn, r}, err
}

type taped struct {
	net.Conn
	tape *tape
}

func (c *taped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tape.sent.Write(p[:n])
	return n, err
}

// each runs a test over both clients, both surfaces, streamed and not, in a bubble.
func each(t *testing.T, run func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool)) {
	for _, client := range clients {
		for _, s := range surfaces {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s%s/stream=%t", client, s.path, stream), func(t *testing.T) {
					good := recorded(t, client, s, stream)
					synctest.Test(t, func(t *testing.T) {
						u := newUpstream()
						defer u.stop()
						handler := inBubble(t, client, u)
						run(t, u, func() answer { return put(t, handler, s, stream) }, good, stream)
					})
				})
			}
		}
	}
}

// judge holds an answer that could not come whole against what a caller must see: an error of a type, in place of an
// answer or as the last event of one; text that is a part of the answer and nothing else; and no other call to the
// model once a word of it was sent.
func judge(t *testing.T, what string, u *upstream, a answer) {
	t.Helper()
	switch {
	case a.failed == "":
		t.Fatalf("%s: no error in %d %s", what, a.status, a.raw)
	case a.whole:
		t.Fatalf("%s: it looks complete: %s", what, a.raw)
	case a.status != http.StatusOK && (a.status < 500 || a.status > 504):
		t.Fatalf("%s: got %d %s", what, a.status, a.raw)
	case a.status != http.StatusOK && a.text != "", !strings.HasPrefix(asked, a.text):
		t.Fatalf("%s: got the text %q", what, a.text)
	case a.text != "" && u.calls.Load() != 1:
		t.Fatalf("%s: the model was called %d times, and a part of the answer was sent", what, u.calls.Load())
	}
}
