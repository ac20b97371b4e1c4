package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	inside  *way         // to functions; frozen while it is cut
	api     *http.Server // before them; nil behind a balancer
}

// readyPatience is real: how long a program may take to start.
const readyPatience = 30 * time.Second

// start starts the program and waits until it is ready.
func (r *region) start(ctx context.Context) error {
	var err error
	if len(r.functions) > 0 {
		err = r.startAPI(ctx)
	} else {
		r.variant, err = local.Server(ctx, r.stack, r.server, r.listen, r.options)
	}
	if err != nil {
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

// startAPI starts the API before the functions.
func (r *region) startAPI(ctx context.Context) error {
	var err error
	if r.variant, err = local.Serverless(ctx, r.stack, r.functions, r.options); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", r.listen)
	if err != nil {
		return err
	}
	r.inside = newWay(r.stack.Region, r.listen)
	r.api = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-r.inside.open():
			r.variant.Handler.ServeHTTP(w, q)
		case <-q.Context().Done():
		}
	})}
	go func() { _ = r.api.Serve(listener) }() // ends when closed
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
	for _, program := range r.variant.Programs {
		for _, pid := range program.Processes() {
			if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
	return nil
}

// freeze stops the program. Lambda would start another process for the next request, which must not reach any.
func (r *region) freeze() error {
	if r.inside != nil {
		r.inside.cut()
	}
	return r.signal(syscall.SIGSTOP)
}

func (r *region) thaw(context.Context) error {
	if r.inside != nil {
		r.inside.mend()
	}
	return r.signal(syscall.SIGCONT)
}

// kill ends the program as a machine that fails does. That it was killed is no error.
func (r *region) kill() error {
	if err := r.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if r.api != nil {
		_ = r.api.Close()
	}
	_ = r.variant.Close()
	return nil
}

// throttle lets the Region's Bedrock refuse every call.
func (r *region) throttle() error {
	r.bedrock.trouble.Store(&bedrocktest.Fault{Kind: bedrocktest.Throttle})
	return nil
}

// mute lets the Region's Bedrock take calls and say nothing.
func (r *region) mute() error {
	r.bedrock.trouble.Store(&bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: -1})
	return nil
}

// ease lets it answer again.
func (r *region) ease(context.Context) error {
	r.bedrock.trouble.Store(nil)
	return nil
}

// cutOff drops packets to and from the Region.
func (r *region) cutOff() error {
	r.way.cut()
	return nil
}

func (r *region) rejoin(context.Context) error {
	r.way.mend()
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
	if r.api != nil {
		_ = r.api.Close()
	}
	return r.variant.Close()
}

// bedrock is a Region's embedded Bedrock, which can fail at every call.
type bedrock struct {
	*bedrocktest.Server
	trouble atomic.Pointer[bedrocktest.Fault] // nil: it answers
}

// ServeHTTP answers a call.
func (b *bedrock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := b.trouble.Load(); fault != nil {
		b.Script(*fault) // each call takes one
	}
	b.Server.ServeHTTP(w, r)
}

// A stream of so many bytes has about so many pieces, which come in this time.
const (
	answerText  = 480
	answerPiece = 24
	streamTime  = 5 * time.Second
)

func newBedrock(c clock, profiles map[string]string) *bedrock {
	return &bedrock{Server: bedrocktest.New(bedrocktest.Options{
		Pace: c.real(streamTime) / (answerText / answerPiece), ChunkBytes: answerPiece, DropBodies: true, Profiles: profiles,
		Reply: func(string) string { return strings.Repeat("No real model. ", answerText/15) },
	})}
}

// signedRegion finds the Region that a call of Bedrock is signed for.
var signedRegion = regexp.MustCompile(`Credential=[^/ ]+/[0-9]{8}/([a-z0-9-]+)/bedrock/`)

// bedrocks leads each call to the Bedrock of the Region that it is meant for; those for Regions without faults go
// elsewhere.
func bedrocks(byRegion map[string]http.Handler, elsewhere http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if found := signedRegion.FindStringSubmatch(r.Header.Get("Authorization")); found != nil && byRegion[found[1]] != nil {
			byRegion[found[1]].ServeHTTP(w, r)
			return
		}
		elsewhere.ServeHTTP(w, r)
	})
}

// freeAddress is an address of this machine that nothing listens on, and that nobody else is given until the program does, such
// as a drill beside this one or a connection. Where the system has more loopback addresses than one, it is on one of its own
// and below the ports of connections, and it was not listened on to find it: a process that is being forked meanwhile would
// keep that open for a moment.
func freeAddress() (string, error) {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	if packets, err := net.ListenPacket("udp", host+":0"); err == nil {
		return fmt.Sprintf("%s:%d", host, 10_000+rand.IntN(20_000)), packets.Close()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// builtOnce builds each program the first time only: one that is killed comes back as it was.
func builtOnce(build func(ctx context.Context, root, program, output string) error) func(ctx context.Context, root, program, output string) error {
	if build == nil {
		build = local.GoBuild
	}
	done := map[string]bool{}
	return func(ctx context.Context, root, program, output string) error {
		if _, err := os.Stat(output); done[output] && err == nil {
			return nil
		}
		done[output] = true
		return build(ctx, root, program, output)
	}
}
