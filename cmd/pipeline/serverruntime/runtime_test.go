package serverruntime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/serverruntime"
)

// actAsServer makes the test binary a server that does what the variable says.
const actAsServer = "ACT_AS_SERVER"

func TestMain(m *testing.M) {
	if act := os.Getenv(actAsServer); act != "" {
		serve(act)
		return
	}
	os.Exit(m.Run())
}

func serve(act string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if act == "refuse" {
		fmt.Println("GENAI_THING: is not set")
		os.Exit(3)
	}
	listener, err := net.Listen("tcp", os.Getenv("GENAI_LISTEN"))
	if err != nil {
		panic(err)
	}
	// In two pieces, as a pipe may deliver a line.
	fmt.Print("not JSON\n{\"msg\":\"other\",\"address\":\"wrong\"}\n{\"msg\":\"listen")
	fmt.Printf("ing\",\"address\":%q}\n", listener.Addr())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join(os.Environ(), "\n")+"\n")
		if r.URL.Path == "/until-the-end" {
			_ = http.NewResponseController(w).Flush()
			<-ctx.Done()
			_, _ = io.WriteString(w, "ended well")
		}
	})}
	go func() { _ = server.Serve(listener) }()
	<-ctx.Done()
	if act == "stay" {
		select {}
	}
	_ = server.Shutdown(context.Background())
}

// text is a log. It is safe for concurrent use.
type text struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

func options(act string, log io.Writer) serverruntime.Options {
	return serverruntime.Options{
		Name:        "tested",
		Command:     []string{os.Args[0]},
		Environment: map[string]string{actAsServer: act, "GENAI_LISTEN": ":8080", "COLOR": "red"},
		Platform:    serverruntime.ECS("eu-west-1"),
		StandIns:    map[string]string{"AWS_ENDPOINT_URL": "http://here"},
		Listen:      "127.0.0.1:0",
		StopTimeout: time.Minute,
		Log:         log,
	}
}

func start(t *testing.T, o serverruntime.Options) (*serverruntime.Runtime, string) {
	t.Helper()
	r, err := serverruntime.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	address, err := r.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, "http://" + address
}

func TestEnvironment(t *testing.T) {
	t.Setenv("LEAKED", "yes")
	r, url := start(t, options("serve", nil))
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	want := "ACT_AS_SERVER=serve\nAWS_DEFAULT_REGION=eu-west-1\nAWS_ENDPOINT_URL=http://here\nAWS_EXECUTION_ENV=AWS_ECS_FARGATE\n" +
		"AWS_REGION=eu-west-1\nCOLOR=red\nGENAI_LISTEN=127.0.0.1:0\n"
	if string(body) != want {
		t.Errorf("the environment is\n%swant\n%s", body, want)
	}
	actual, err := process.Environ(r.Processes()[0])
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CheckEnvironment(actual); err != nil {
		t.Errorf("a healthy process: %v", err)
	}
	actual["LEAKED"], actual["COLOR"], actual["GENAI_LISTEN"] = "yes", "blue", ":8080"
	differences := "COLOR is \"blue\"; the template says \"red\"\nGENAI_LISTEN is \":8080\"; the template says \"127.0.0.1:0\"\n" +
		"LEAKED is neither in the template nor set by AWS or the local run"
	if err := r.CheckEnvironment(actual); err == nil || err.Error() != differences {
		t.Errorf("got %v; want %s", err, differences)
	}
}

func TestCloseLetsRequestsEnd(t *testing.T) {
	r, url := start(t, options("serve", nil))
	response, err := http.Get(url + "/until-the-end")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	closed := make(chan error)
	go func() { closed <- r.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.HasSuffix(string(body), "ended well") {
		t.Errorf("got %q, %v", body, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if pids := r.Processes(); len(pids) != 0 {
		t.Errorf("%v are left", pids)
	}
	<-r.Ended()
}

func TestCloseKillsWhatStays(t *testing.T) {
	o := options("stay", nil)
	o.StopTimeout = 50 * time.Millisecond
	r, _ := start(t, o)
	pid := r.Processes()[0]
	const want = "server tested: was killed, for it had not ended 50ms after SIGTERM"
	if err := r.Close(); err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func TestServerThatEndsByItself(t *testing.T) {
	var log text
	r, err := serverruntime.Start(options("refuse", &log))
	if err != nil {
		t.Fatal(err)
	}
	<-r.Ended()
	if _, err := r.Address(t.Context()); err == nil || !strings.Contains(err.Error(), "has ended before it listened") {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err == nil || err.Error() != "server tested: exit status 3" {
		t.Errorf("got %v", err)
	}
	if log.String() != "GENAI_THING: is not set\n" {
		t.Errorf("the log is %q", log.String())
	}
}

func TestAddressIsWaitedForNoLongerThanAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := options("serve", nil)
	o.Command = []string{"sleep", "60"}
	r, err := serverruntime.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Address(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err == nil || err.Error() != "server tested: signal: terminated" {
		t.Errorf("got %v", err)
	}
}

func TestRefusedOptions(t *testing.T) {
	_, err := serverruntime.Start(serverruntime.Options{
		Name:        "tested",
		Environment: map[string]string{"AWS_ENDPOINT_URL": "http://there"},
		StandIns:    map[string]string{"AWS_ENDPOINT_URL": "http://here"},
	})
	for _, want := range []string{"server tested: a server needs a command", "AWS_ENDPOINT_URL is set by the template and by the local run"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want it to mention %q", err, want)
		}
	}
	o := options("serve", nil)
	o.Command = []string{"./missing"}
	if _, err := serverruntime.Start(o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
