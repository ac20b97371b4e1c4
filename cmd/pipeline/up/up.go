// Package up is the command that runs an environment on this machine: it synthesizes the environment for AWS and then
// starts the programs of the result from its templates.
//
// It must not know what is in the stacks: what is run, and how, is read from the templates.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/progress"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// The services that can answer for Bedrock.
const (
	BedrockEmbedded = "embedded"
	BedrockAWS      = "aws"
)

// Options says what to run and how.
type Options struct {
	Root         string              // of the checkout
	Environment  string              // name of the environment
	Environments string              // folder of the environment files; default that of the checkout
	Assembly     string              // an assembly to use instead of synthesizing one
	Listen       string              // address of the first variant; the next ones and the dashboards take the ports after it
	Bedrock      string              // BedrockEmbedded or BedrockAWS
	Pace         time.Duration       // of the embedded Bedrock's streams
	Faults       []bedrocktest.Fault // that the embedded Bedrock begins with
	Once         bool                // ask the two examples, compare environments, look at the dashboards, and end
	Environ      []string            // this process's own
}

// Run does it. It returns when the context ends, or, with Once, when the answers are there.
func Run(ctx context.Context, o Options, stdout io.Writer) (err error) {
	if o.Bedrock != BedrockEmbedded && o.Bedrock != BedrockAWS {
		return fmt.Errorf("-bedrock is %q; allowed are %s and %s", o.Bedrock, BedrockEmbedded, BedrockAWS)
	}
	if err := checkLoopback(o.Listen); err != nil {
		return err
	}
	// First of all, because everything after it takes long.
	listener, err := listen(o.Listen)
	if err != nil {
		return err
	}
	s := &session{options: o, out: stdout, progress: progress.New(stdout), listeners: []net.Listener{listener}}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		return err
	}
	if o.Once {
		return s.once(ctx)
	}
	s.printf("\nCtrl-C stops it.\n")
	return s.wait(ctx)
}

// wait returns when the context ends, or with an error when a server has ended by itself.
func (s *session) wait(ctx context.Context) error {
	gone := make(chan *variant, len(s.variants))
	for _, v := range s.variants {
		if v.Ended != nil {
			go func() { // ends at the latest when the session is closed
				<-v.Ended
				gone <- v
			}()
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case v := <-gone:
		return v.gone()
	}
}

// short is a path as seen from the checkout, which is where a person stands.
func (s *session) short(path string) string {
	if short, err := filepath.Rel(s.options.Root, path); err == nil {
		return short
	}
	return path
}

// session is what one run holds.
type session struct {
	options   Options
	out       io.Writer
	progress  *progress.Reporter
	listeners []net.Listener
	servers   []*http.Server
	variants  []*variant
	bedrock   string       // URL of the embedded one
	vault     *local.Vault // nil where no program reads a secret
	shown     dashboards.Handler
	showing   string // URL of the dashboards; empty where the templates have none
}

// variant is a stack that runs, and where.
type variant struct {
	*local.Variant
	url string
	key string // that callers send; empty where they need none
}

func (s *session) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

func (s *session) start(ctx context.Context) error {
	dir := s.options.Assembly
	if dir == "" {
		dir = filepath.Join(s.options.Root, ".build", "cdk.out."+s.options.Environment)
		name := "synthesize " + s.options.Environment
		if err := s.progress.Step(name, func() error { return Synthesize(ctx, s.options, dir) }); err != nil {
			return err
		}
	}
	a, err := assembly.Read(dir)
	if err != nil {
		return err
	}
	asked, err := plan(a)
	if err != nil {
		return err
	}
	profiles, err := a.Profiles()
	if err != nil {
		return err
	}
	if s.options.Bedrock == BedrockAWS && len(profiles) > 0 {
		return fmt.Errorf("%s calls application inference profiles, which are there once it is deployed and have other ARNs then; "+
			"-bedrock %s needs an environment without applicationProfiles", s.options.Environment, BedrockAWS)
	}
	standIns, err := s.standIns(asked, profiles)
	if err != nil {
		return err
	}
	for _, p := range asked {
		if err := s.startPlanned(ctx, p, standIns); err != nil {
			return err
		}
	}
	for _, v := range s.variants {
		if err := s.progress.Step("wait until "+v.Stack.ID+" is ready", func() error { return v.ready(ctx) }); err != nil {
			return err
		}
	}
	if err := s.show(a); err != nil {
		return err
	}
	s.table(a)
	return nil
}

// standIns starts what stands in for AWS, with the application inference profiles that the templates make, and returns the
// variables that lead there.
func (s *session) standIns(asked []planned, profiles map[string]string) (map[string]string, error) {
	variables := local.PersonStandIns(s.options.Environ)
	if s.options.Bedrock == BedrockEmbedded {
		bedrock := bedrocktest.New(bedrocktest.Options{Pace: s.options.Pace, DropBodies: true, Profiles: profiles})
		bedrock.Script(s.options.Faults...)
		url, err := s.serveAnywhere(bedrock)
		if err != nil {
			return nil, err
		}
		s.bedrock, variables = url, local.EmbeddedStandIns(url)
	}
	var environments []map[string]string
	for _, p := range asked {
		environments = append(environments, p.environments()...)
	}
	var err error
	if s.vault = local.NewVault(environments...); s.vault != nil {
		variables[local.EndpointSecretsManager], err = s.serveAnywhere(s.vault)
	}
	if buckets := local.NewBuckets(environments...); buckets != nil && err == nil {
		variables[local.EndpointS3], err = s.serveAnywhere(buckets)
	}
	return variables, err
}

// startPlanned builds and starts a part of the plan, on the port after those before it.
func (s *session) startPlanned(ctx context.Context, p planned, standIns map[string]string) error {
	options := local.Options{Root: s.options.Root, Work: filepath.Join(s.options.Root, ".build", "local"), StandIns: standIns}
	v := &variant{}
	if s.vault != nil {
		v.key = s.vault.Key
	}
	listener, err := s.listener(len(s.variants))
	if err != nil {
		return err
	}
	v.url = "http://" + listener.Addr().String()
	err = s.progress.Step("build and start "+p.stack.ID, func() (err error) {
		if p.server == nil {
			v.Variant, err = local.Serverless(ctx, p.stack, p.functions, options)
			return err
		}
		// The program takes the address over; it was free until now.
		_ = listener.Close()
		v.Variant, err = local.Server(ctx, p.stack, *p.server, listener.Addr().String(), options)
		return err
	})
	if err != nil {
		return err
	}
	s.variants = append(s.variants, v)
	if v.Handler != nil {
		s.serve(listener, v.Handler)
	}
	return nil
}

// listener is where the i-th variant is served; behind the last one, the dashboards.
func (s *session) listener(i int) (net.Listener, error) {
	if i < len(s.listeners) {
		return s.listeners[i], nil
	}
	first := s.listeners[0].Addr().(*net.TCPAddr)
	next := *first
	next.Port += i
	listener, err := listen(next.String())
	if _, port, _ := net.SplitHostPort(s.options.Listen); err != nil && port == "0" {
		next.Port = 0 // any port will do, then
		listener, err = listen(next.String())
	}
	if err == nil {
		s.listeners = append(s.listeners, listener)
	}
	return listener, err
}

// checkLoopback refuses addresses that others reach: what runs here asks nobody who they are, and with BedrockAWS every
// request is on the person's bill.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("-listen is %q; it takes an address and a port, such as 127.0.0.1:8081", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("-listen is %q; the local run listens on loopback addresses only, such as 127.0.0.1:8081", address)
	}
	return nil
}

// listen says, when a port is taken, which one and how to choose another.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		taken, _ := strconv.Atoi(port)
		other := taken + 1000
		if other > 65000 {
			other = taken - 1000
		}
		return nil, fmt.Errorf("port %s is taken by another program; choose another one: make up PORT=%d", port, other)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s, whose port is a number from 0 to 65535: %w", address, err)
	}
	return listener, nil
}

// serveAnywhere serves a stand-in on a free port of this machine, and returns its URL.
func (s *session) serveAnywhere(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no address for a stand-in: %w", err)
	}
	s.serve(listener, handler)
	return "http://" + listener.Addr().String(), nil
}

func (s *session) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(listener) }() // ends when closed
}

// noticeAfter is how long stopping may take until a person is told why.
const noticeAfter = time.Second

// close stops everything, and says so once anything had been started. The stand-ins go last: a server ends the requests
// that it has begun.
func (s *session) close() error {
	begin := time.Now()
	notice := time.AfterFunc(noticeAfter, func() { s.printf("\nRequests that have begun may end; Ctrl-C again cuts them.\n") })
	problems := make([]error, len(s.variants))
	var closing sync.WaitGroup
	for i, v := range s.variants {
		closing.Go(func() { problems[i] = v.Close() })
	}
	closing.Wait()
	notice.Stop()
	for _, server := range s.servers {
		_ = server.Close()
	}
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
	left := 0
	for _, v := range s.variants {
		for _, p := range v.Programs {
			left += len(p.Processes())
		}
	}
	if left > 0 {
		problems = append(problems, fmt.Errorf("%d processes are left running", left))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if len(s.variants) > 0 {
		s.printf("\nStopped in %.1f s; nothing is left running.\n", time.Since(begin).Seconds())
	}
	return nil
}

// Root finds the checkout that the folder is in: the nearest one above with a cdk.json.
func Root(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "cdk.json")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not in a checkout of this repository: no cdk.json there or above", folder)
		}
	}
}
