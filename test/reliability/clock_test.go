package reliability_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// jump is how far the clock of adjustable goes forward with SIGUSR1 and back with SIGUSR2: past the life of a rating's id.
const jump = 49 * time.Hour

// adjustable builds the server with a wall clock of its own, which two signals set as an operator would. The monotonic
// clock goes on, as it does then. All of Go's library is built anew for it.
func adjustable(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const reads = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {"
	library, err := exec.Command("go", "list", "-f", "{{.Dir}}", "time").Output()
	if err != nil {
		t.Fatal(err)
	}
	clock := filepath.Join(strings.TrimSpace(string(library)), "time.go")
	text, err := os.ReadFile(clock)
	if err != nil || strings.Count(string(text), reads) != 1 {
		t.Fatalf("package time of %s reads the clock in another way: %v", runtime.Version(), err)
	}
	dir := t.TempDir()
	replaced := map[string]string{}
	for path, text := range map[string]string{
		clock: strings.Replace(string(text), reads, "\tsec, nsec, mono := runtimeNow()\n\tsec += Jumped\n\tif mono == 0 {", 1),
		filepath.Join(filepath.Dir(clock), "jump.go"): "package time\n\n// Jumped is in seconds.\nvar Jumped int64\n",
		filepath.Join(root, "runtime", "cmd", "server", "jump.go"): fmt.Sprintf(`package main

import ("fmt"; "os"; "os/signal"; "syscall"; "time")

func init() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			if s == syscall.SIGUSR1 { time.Jumped += %[1]d } else { time.Jumped -= %[1]d }
			fmt.Fprintln(os.Stderr, "the clock jumped")
		}
	}()
}
`, int(jump.Seconds())),
	} {
		replaced[path] = filepath.Join(dir, strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
		if err := os.WriteFile(replaced[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -overlay="+file)
	program := filepath.Join(dir, "server")
	if err := synthesis.Build(root, "./runtime/cmd/server", program); err != nil {
		t.Fatal(err)
	}
	return program
}

// set changes the clock of an adjustable server.
func (p *process) set(t *testing.T, signal syscall.Signal) {
	t.Helper()
	jumps := func() int {
		text := p.errors.String()
		return strings.Count(text, "the clock jumped")
	}
	before := jumps()
	if err := p.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clock is set", func() bool { return jumps() > before })
}

// dated is a Bedrock that remembers when the last request says that it was signed.
type dated struct {
	next   http.Handler
	mu     sync.Mutex
	signed string
}

func (d *dated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.signed = r.Header.Get("X-Amz-Date")
	d.mu.Unlock()
	d.next.ServeHTTP(w, r)
}

// TestClockJumps sets the clock of a server forward and back by two days, beyond where it began as well. It is served as
// ever, limits and health included; requests are signed, records named and ratings judged by the clock as it is; and
// credentials that it makes look expired are no more used than such as are, until it is right again. It takes a long
// build, and so comes with the long forms.
func TestClockJumps(t *testing.T) {
	if _, asked := longForm(t); !asked {
		t.Skip("needs RELIABILITY_SOAK")
	}
	program := adjustable(t)
	t.Run("everything", func(t *testing.T) { everythingJumps(t, program) })
	t.Run("credentials", func(t *testing.T) { credentialsJump(t, program) })
}

func everythingJumps(t *testing.T, program string) {
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"SecretString":"not of a deployment, and long enough to make ids with"}`)
	}))
	t.Cleanup(vault.Close)
	bucket := buckettest.New("records")
	s3 := httptest.NewServer(bucket)
	t.Cleanup(s3.Close)
	s := told()
	s.FeedbackSecret, s.Archive.Bucket, s.Archive.Interval = "feedback", "records", time.Second
	s.Limits.Tenants.Default.RequestsPerMinute = 1000
	bedrock, p := &dated{next: echo()}, &process{program: program}
	p.start(t, s, bedrock, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+vault.URL, "AWS_ENDPOINT_URL_S3="+s3.URL)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	rate := func(id string) int {
		response, err := client.Post(p.url+"/v1/feedback", "application/json", strings.NewReader(fmt.Sprintf(`{"feedback_id":%q,"thumbs":"up"}`, id)))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	eventually(t, "ratings are taken", func() bool { return rate("fb_x") == http.StatusNotFound })
	requests, days := 0, map[string]bool{}
	served := func(days0 time.Duration) (id string) {
		t.Helper()
		for i := range 20 {
			requests++
			a, err := ask(t.Context(), client, p.url, surfaces[i%2], body("now", i%4 < 2))
			if err != nil || !a.whole || a.text != "now" {
				t.Fatalf("with a clock that is off by %s: %+v, %v", days0, a, err)
			}
			id = a.header.Get("X-Feedback-Id")
		}
		if response, err := client.Get(p.url + "/healthz"); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("with a clock that is off by %s: %v, %v", days0, response, err)
		} else {
			response.Body.Close()
		}
		signed, err := time.Parse("20060102T150405Z", bedrock.signed)
		if off := time.Until(signed); err != nil || (off-days0).Abs() > time.Hour {
			t.Errorf("with a clock that is off by %s, requests are signed as of %s, %v", days0, bedrock.signed, err)
		}
		days["date="+signed.Format(time.DateOnly)] = true
		return id
	}
	rated := func(what, id string, want int) {
		t.Helper()
		if got := rate(id); got != want {
			t.Errorf("an answer %s: %d, want %d", what, got, want)
		}
	}
	first := served(0)
	p.set(t, syscall.SIGUSR1)
	ahead := served(jump)
	rated("of two days ago", first, http.StatusBadRequest)
	p.set(t, syscall.SIGUSR2)
	served(0)
	rated("of the future", ahead, http.StatusOK)
	rated("that was rated", ahead, http.StatusConflict)
	p.set(t, syscall.SIGUSR2)
	behind := served(-jump)
	rated("of the future, two days ago", first, http.StatusOK)
	p.set(t, syscall.SIGUSR1)
	served(0)
	rated("of two days before", behind, http.StatusBadRequest)
	p.reaches(t, "Requests", float64(requests))
	p.stop(t) // which stores what is held
	records, err := bucket.Records()
	keys, _ := bucket.Keys()
	dates := map[string]bool{}
	for _, key := range keys {
		dates[strings.Split(key, "/")[3]] = true
	}
	of := slices.DeleteFunc(records, func(r map[string]any) bool { return r["kind"] != "request" })
	t.Logf("%d requests, %d records in %d objects of %v", requests, len(of), len(keys), dates)
	if err != nil || len(of) != requests || len(dates) != len(days) {
		t.Errorf("%d requests of %v have %d records of %v, %v", requests, days, len(of), dates, err)
	}
}

func credentialsJump(t *testing.T, program string) {
	source := httptest.NewServer(&agent{key: "KEY", valid: 6 * time.Hour})
	t.Cleanup(source.Close)
	p := &process{program: program}
	p.start(t, told(), echo(), "AWS_CONTAINER_CREDENTIALS_FULL_URI="+source.URL)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i, signal := range []syscall.Signal{0, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGUSR2, syscall.SIGUSR1} {
		if signal != 0 {
			p.set(t, signal)
		}
		a, err := ask(t.Context(), client, p.url, surfaces[0], body("signed", false))
		if ahead := i == 1; err != nil || ahead != (a.status == http.StatusInternalServerError && strings.Contains(a.raw, "no valid credentials")) ||
			!ahead && a.text != "signed" {
			t.Errorf("step %d, ahead: %t: got %d %s, %v", i, ahead, a.status, a.raw, err)
		}
	}
}
