package reliability_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
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

// TestResetAtEveryByte ends the connection after each byte of an answer.
func TestResetAtEveryByte(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		// A stream is complete with the frame that says so: in Converse's counts follow, in Messages only the transfer's end.
		complete := len(good) - 10
		if stop := bytes.Index(good, []byte("end_turn")); stop > 0 {
			complete = stop
		}
		for cut := range good {
			u.follow(func(conn net.Conn) { _, _ = conn.Write(good[:cut]) })
			a := ask()
			if stream && a.whole && a.text == asked && a.failed == "" && cut > complete {
				continue
			}
			judge(t, fmt.Sprintf("cut after %d of %d bytes", cut, len(good)), u, a)
		}
	})
}

// TestTrickle sends an answer one byte every 10 ms: slow, and all right.
func TestTrickle(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, _ bool) {
		u.follow(func(conn net.Conn) {
			for i := range good {
				time.Sleep(10 * time.Millisecond)
				if _, err := conn.Write(good[i : i+1]); err != nil {
					return
				}
			}
		})
		if a := ask(); !a.whole || a.text != asked || u.calls.Load() != 1 {
			t.Errorf("after %d calls got %+v", u.calls.Load(), a)
		}
	})
}

// TestSilence stops after a part of an answer and says nothing more, without an end.
func TestSilence(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, _ bool) {
		for _, part := range []int{0, 1, 17, len(good) / 3, len(good) / 2} {
			began := time.Now()
			u.follow(func(conn net.Conn) {
				_, _ = conn.Write(good[:part])
				_, _ = conn.Read(make([]byte, 1)) // until the gateway hangs up
			})
			judge(t, fmt.Sprintf("silence after %d bytes", part), u, ask())
			if took := time.Since(began); took != time.Minute {
				t.Errorf("silence after %d bytes took %s, allowed is a minute", part, took)
			}
		}
	})
}

// parts of a recorded answer.
func parts(t *testing.T, good []byte) (head, rest []byte) {
	t.Helper()
	head, rest, ok := bytes.Cut(good, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("no head in %q", good)
	}
	return head, rest
}

// whole sends a body with a head that fits it, and hangs up.
func whole(contentType, more string, body []byte) script {
	return func(conn net.Conn) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n%s\r\n", contentType, more)
		_, _ = conn.Write(body)
	}
}

const eventStream = "application/vnd.amazon.eventstream"

// frames returns the event stream of a recorded answer without its transfer encoding.
func frames(t *testing.T, good []byte) []byte {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(good)), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryBitOfAFrameCounts spoils each byte of the stream: its checksums must tell.
func TestEveryBitOfAFrameCounts(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		if !stream {
			t.Skip("only frames have a checksum")
		}
		text := frames(t, good)
		u.follow(whole(eventStream, "", text))
		if a := ask(); !a.whole || a.text != asked {
			t.Fatalf("unspoilt: %+v", a)
		}
		last := len(text) - int(lastFrame(text))
		for i := range last {
			spoilt := bytes.Clone(text)
			spoilt[i] ^= 1 << (i % 8)
			u.follow(whole(eventStream, "", spoilt))
			a := ask()
			if a.whole && a.text == asked {
				continue // what came before was complete, and the spoilt frame only counts tokens
			}
			judge(t, fmt.Sprintf("byte %d of %d", i, len(text)), u, a)
		}
	})
}

// lastFrame is the length of the last frame.
func lastFrame(text []byte) (length uint32) {
	for len(text) > 0 {
		length = binary.BigEndian.Uint32(text)
		text = text[length:]
	}
	return length
}

// prelude begins a frame, with the right checksum.
func prelude(length, headers uint32) []byte {
	text := binary.BigEndian.AppendUint32(nil, length)
	text = binary.BigEndian.AppendUint32(text, headers)
	return binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(text))
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bomb is a gigabyte of zeros in a megabyte.
var bomb = sync.OnceValue(func() []byte {
	var text bytes.Buffer
	z, _ := gzip.NewWriterLevel(&text, gzip.BestSpeed)
	_, _ = io.CopyN(z, zeros{}, 1<<30)
	_ = z.Close()
	return text.Bytes()
})

// TestAnswersThatAreNone sends what no model would: each gives an error of a type, at once, and takes little memory.
func TestAnswersThatAreNone(t *testing.T) {
	bomb() // not counted below
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		head, rest := parts(t, good)
		cases := map[string]script{
			"not HTTP": func(conn net.Conn) { _, _ = io.WriteString(conn, "220 smtp.example.com ready\r\n") },
			"endless headers": func(conn net.Conn) {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
				_, _ = io.CopyN(conn, zeros{}, 64<<20)
			},
			"gzip bomb":                     whole("application/json", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", len(bomb())), bomb()),
			"gzip stream bomb":              whole(eventStream, fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", len(bomb())), bomb()),
			"huge frame":                    whole(eventStream, "", append(prelude(0x7fffffff, 16), make([]byte, 1<<20)...)),
			"tiny frame":                    whole(eventStream, "", prelude(3, 0)),
			"headers larger than the frame": whole(eventStream, "", append(prelude(100, 0xffffff00), make([]byte, 200)...)),
			"an empty body":                 whole("application/json", "Content-Length: 0\r\n", nil),
			"a login page":                  whole("text/html", "", []byte("<html>Sign in to the Wi-Fi")),
			"a redirect": func(conn net.Conn) {
				_, _ = io.WriteString(conn, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere/steal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			},
			"a longer length": func(conn net.Conn) {
				_, _ = fmt.Fprintf(conn, "%s\r\nContent-Length: %d\r\n\r\n%s", plain(head), len(rest)+100, frames(t, good)[:len(frames(t, good))/2])
			},
			"two lengths": func(conn net.Conn) {
				_, _ = fmt.Fprintf(conn, "%s\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", plain(head))
			},
			"a bad chunk": func(conn net.Conn) {
				_, _ = fmt.Fprintf(conn, "%s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", plain(head))
			},
		}
		for name, play := range cases {
			u.follow(play)
			before := allocated()
			began := time.Now()
			a := ask()
			if took := allocated() - before; took > 96<<20 {
				t.Errorf("%s: took %d MB of memory", name, took>>20)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: took %s", name, took)
			}
			judge(t, name, u, a)
		}
	})
}

// plain is a head without what says how long the body is.
func plain(head []byte) string {
	var kept []string
	for _, line := range strings.Split(string(head), "\r\n") {
		if lower := strings.ToLower(line); !strings.HasPrefix(lower, "content-length") && !strings.HasPrefix(lower, "transfer-encoding") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n")
}

// allocated is how much was allocated so far, freed or not.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestEndlessAnswer sends an answer without an end: what is kept of it is bounded.
func TestEndlessAnswer(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		if stream {
			t.Skip("a stream may go on until its time is over; its frames are bounded")
		}
		head, _ := parts(t, good)
		const most = 1 << 30
		var sent atomic.Int64
		u.follow(func(conn net.Conn) {
			_, _ = fmt.Fprintf(conn, "%s\r\nConnection: close\r\n\r\n{\"output\":\"", plain(head))
			piece := bytes.Repeat([]byte{'x'}, 1<<20)
			for range most >> 20 {
				n, err := conn.Write(piece)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		judge(t, "an endless answer", u, ask())
		if got := sent.Load(); got > 3*40<<20 {
			t.Errorf("%d MB were taken of it", got>>20)
		}
	})
}

// TestNoTLSToStrangers calls an endpoint whose certificate nobody vouches for, and one that speaks no TLS at all.
func TestNoTLSToStrangers(t *testing.T) {
	reached := false
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	stranger.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	stranger.StartTLS()
	defer stranger.Close()
	open := httptest.NewServer(stranger.Config.Handler)
	defer open.Close()
	for _, client := range clients {
		for _, url := range []string{stranger.URL, strings.Replace(open.URL, "http:", "https:", 1)} {
			handler := inProcess(t, client, aws.Config{BaseEndpoint: aws.String(url)})
			for _, s := range surfaces {
				for _, stream := range []bool{false, true} {
					if a := put(t, handler, s, stream); a.status != http.StatusBadGateway || a.failed == "" || strings.Contains(a.raw, "x509") {
						t.Errorf("%s: got %d %s", client, a.status, a.raw)
					}
				}
			}
		}
	}
	if reached {
		t.Error("a request was sent to a stranger")
	}
}
