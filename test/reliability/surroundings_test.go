package reliability_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// TestNobodyReadsTheLog lets the pipe of the log fill up: every request is answered all the same, and when somebody
// reads again, what was printed and what was lost are together all there was.
func TestNobodyReadsTheLog(t *testing.T) {
	upstream := httptest.NewServer(echo())
	defer upstream.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{}
	p.run(t, told(), writer, writer, []string{"AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + upstream.URL})
	_ = writer.Close() // the process has its own
	t.Cleanup(func() { _ = reader.Close() })
	lines := bufio.NewReader(reader)
	for p.url == "" {
		text, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var line struct{ Msg, Address string }
		if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "listening" {
			p.url = "http://" + line.Address
		}
	}
	// From here on nobody reads. Refused requests print a line each, too, and cost less: about 700 bytes, of which 4 MiB
	// are held and 64 KiB fit into the pipe.
	const requests = 9000
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: output.Patience}
	defer client.CloseIdleConnections()
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for range requests / 16 {
				if a, err := ask(t.Context(), client, p.url, surfaces[0], "{"); err != nil || a.status != http.StatusBadRequest {
					t.Errorf("got %+v, %v", a, err)
					return
				}
			}
		})
	}
	workers.Wait()
	if a, err := ask(t.Context(), client, p.url, surfaces[1], body("in the dark", true)); err != nil || a.text != "in the dark" {
		t.Errorf("got %+v, %v", a, err)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(&p.log, lines)
	}()
	// The end itself waits only a second for whoever reads.
	eventually(t, "what is held is printed, and what was lost is counted", func() bool {
		text := p.log.String()
		return output.Sum(text, "Requests")+output.Sum(text, "LogLost") >= requests/16*16+1
	})
	p.stop(t)
	<-drained
	text := p.log.String()
	printed, lost := output.Sum(text, "Requests"), output.Sum(text, "LogLost")
	t.Logf("%v lines were printed and %v lost", printed, lost)
	if lost == 0 || printed == 0 || printed+lost != requests/16*16+1 {
		t.Errorf("%v printed and %v lost are not %d", printed, lost, requests/16*16+1)
	}
}

// agent gives a container its credentials, as ECS does.
type agent struct {
	mu    sync.Mutex
	key   string
	valid time.Duration
	away  bool
	tries int
}

func (a *agent) set(key string, valid time.Duration, away bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.key, a.valid, a.away = key, valid, away
}

func (a *agent) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tries++
	if a.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, `{"AccessKeyId":%q,"SecretAccessKey":"s","Token":"t","Expiration":%q}`, a.key,
		time.Now().Add(a.valid).UTC().Format(time.RFC3339))
}

// TestCredentials rotates credentials, lets their source go away while the old ones are valid, and then lets those
// expire, all while requests are sent.
func TestCredentials(t *testing.T) {
	t.Parallel()
	a := &agent{key: "FIRST", valid: 4 * time.Minute}
	source := httptest.NewServer(a)
	t.Cleanup(source.Close)
	bedrock := echo()
	p := start(t, told(), bedrock, "AWS_CONTAINER_CREDENTIALS_FULL_URI="+source.URL)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	good := func() string {
		t.Helper()
		for i, s := range surfaces {
			if got, err := ask(t.Context(), client, p.url, s, body("signed", i == 0)); err != nil || got.text != "signed" {
				t.Fatalf("got %+v, %v", got, err)
			}
		}
		calls := bedrock.Calls()
		return calls[len(calls)-1].AccessKey
	}
	if key := good(); key != "FIRST" {
		t.Errorf("signed with %s", key)
	}
	a.set("SECOND", 2*time.Second, true) // the source is away: the old ones are as good as ever
	for range 50 {
		if key := good(); key != "FIRST" {
			t.Errorf("signed with %s", key)
		}
	}
	eventually(t, "the next credentials are tried for in the background", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.tries >= 2
	})
	a.set("SECOND", 2*time.Second, false)
	eventually(t, "the next credentials are used", func() bool { return good() == "SECOND" })
	a.set("", 0, true)
	var failed answer
	eventually(t, "the credentials have expired", func() bool {
		var err error
		failed, err = ask(t.Context(), client, p.url, surfaces[0], body("unsigned", false))
		return err != nil || failed.status != http.StatusOK
	})
	if failed.status != http.StatusInternalServerError || !strings.Contains(failed.raw, "The gateway has no valid credentials at the moment.") {
		t.Errorf("without credentials: %+v", failed)
	}
	if response, err := client.Get(p.url + "/readyz"); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz without credentials: %v, %v", response, err)
	} else {
		response.Body.Close()
	}
	if response, err := client.Get(p.url + "/livez"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("/livez without credentials: %v, %v", response, err)
	} else {
		response.Body.Close()
	}
	a.set("THIRD", time.Hour, false)
	eventually(t, "the source is back", func() bool {
		got, err := ask(t.Context(), client, p.url, surfaces[0], body("signed", false))
		return err == nil && got.status == http.StatusOK
	})
	if key := good(); key != "THIRD" {
		t.Errorf("signed with %s", key)
	}
	// Bedrock must not have been asked without credentials, nor with such as had expired.
	for _, call := range bedrock.Calls() {
		if call.Outcome != "ok" {
			t.Errorf("a call ended with %q", call.Outcome)
		}
	}
}

// TestStoreOfTheArchiveFails lets S3 refuse everything, or hang: requests are answered as ever, and the records that
// could not be stored are counted at the end.
func TestStoreOfTheArchiveFails(t *testing.T) {
	t.Parallel()
	const requests = 40
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, s3 := range map[string]http.HandlerFunc{
		"refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"full":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInsufficientStorage) },
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or net/http does not see the client leave
			select {
			case <-r.Context().Done():
			case <-release:
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := httptest.NewServer(s3)
			t.Cleanup(store.Close)
			s := told()
			s.Archive.Bucket, s.Archive.Interval = "records", time.Second
			p := start(t, s, bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }, Reply: func(prompt string) string { return prompt }}),
				"AWS_ENDPOINT_URL_S3="+store.URL)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := range requests {
				if a, err := ask(t.Context(), client, p.url, surfaces[i%2], body("kept nowhere", i%4 < 2)); err != nil || a.text != "kept nowhere" {
					t.Fatalf("got %+v, %v", a, err)
				}
			}
			p.killed = true
			if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			err := p.command.Wait()
			if err == nil || p.command.ProcessState.ExitCode() != 1 {
				t.Errorf("it ended with %v, want 1: records were lost", err)
			}
			p.reaches(t, "ArchiveLost", requests)
			if text := p.errors.String(); !strings.Contains(text, fmt.Sprintf("%d usage records could not be archived", requests)) {
				t.Errorf("it does not say what was lost:\n%s", output.Tail(text))
			}
		})
	}
}
