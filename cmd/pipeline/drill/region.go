package drill

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// region is one Region that runs.
type region struct {
	site
	address string // in DNS
	listen  string // of the program, on this machine
	options local.Options
	bedrock *bedrock
	store   *store // nil where no records are kept
	way     *way
	front   *front
	watch   *watch
	variant *local.Variant
}

// readyPatience is real: how long a program may take to start.
const readyPatience = 30 * time.Second

// start starts the program and waits until it is ready.
func (r *region) start(ctx context.Context) error {
	var err error
	if r.variant, err = local.Server(ctx, r.stack, r.server, r.listen, r.options); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	real := newClock(1)
	if !real.await(ctx, readyPatience, func() bool { return r.ready(ctx) }) {
		return fmt.Errorf("stack %s: the program is not ready after %s; its log is %s", r.stack.ID, readyPatience, r.variant.Programs[0].Log)
	}
	return nil
}

func (r *region) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.listen+endpoint.Readyz, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// signal sends a signal to the program. One that has ended gets none.
func (r *region) signal(s syscall.Signal) error {
	for _, pid := range r.variant.Programs[0].Processes() {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// kill ends the program as a machine that fails does. That it was killed is no error.
func (r *region) kill() error {
	if err := r.signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = r.variant.Close()
	return nil
}

// close ends the program, which stores the records that it holds.
func (r *region) close() error {
	if r.front != nil {
		_ = r.front.server.Close()
	}
	if r.variant == nil {
		return nil
	}
	// One that is stopped could not end.
	if err := r.signal(syscall.SIGCONT); err != nil {
		return err
	}
	return r.variant.Close()
}

// bedrock is a Region's embedded Bedrock, which can refuse every call.
type bedrock struct {
	*bedrocktest.Server
	throttled atomic.Bool
}

// ServeHTTP answers a call.
func (b *bedrock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.throttled.Load() {
		b.Script(bedrocktest.Fault{Kind: bedrocktest.Throttle}) // each call takes one
	}
	b.Server.ServeHTTP(w, r)
}

// A stream of so many bytes has about so many pieces, which come in this time.
const (
	answerText  = 480
	answerPiece = 24
	streamTime  = 5 * time.Second
)

func newBedrock(c clock) *bedrock {
	return &bedrock{Server: bedrocktest.New(bedrocktest.Options{
		Pace: c.real(streamTime) / (answerText / answerPiece), ChunkBytes: answerPiece, DropBodies: true,
		Reply: func(string) string { return strings.Repeat("No real model. ", answerText/15) },
	})}
}

// signedRegion finds the Region that a call of Bedrock is signed for.
var signedRegion = regexp.MustCompile(`Credential=[^/ ]+/[0-9]{8}/([a-z0-9-]+)/bedrock/`)

// bedrocks leads each call to the Bedrock of the Region that it is meant for; those for Regions without faults go elsewhere.
func bedrocks(byRegion map[string]http.Handler, elsewhere http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if found := signedRegion.FindStringSubmatch(r.Header.Get("Authorization")); found != nil && byRegion[found[1]] != nil {
			byRegion[found[1]].ServeHTTP(w, r)
			return
		}
		elsewhere.ServeHTTP(w, r)
	})
}

// freeAddress is an address of this machine that nothing listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// builtOnce builds each program the first time only: one that is killed comes back as it was.
func builtOnce() func(ctx context.Context, root, program, output string) error {
	done := map[string]bool{}
	return func(ctx context.Context, root, program, output string) error {
		if _, err := os.Stat(output); done[output] && err == nil {
			return nil
		}
		done[output] = true
		return local.GoBuild(ctx, root, program, output)
	}
}
