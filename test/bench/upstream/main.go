// Command upstream is what stands behind the programs that the bench compares, in a process of its own: the embedded
// Bedrock, and as much of Secrets Manager as a gateway with API keys needs. It must not know who calls it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("upstream", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address")
	pace := flags.Duration("pace", 0, "time between two chunks of a stream")
	reply := flags.String("reply", "", "text of every answer")
	chunk := flags.Int("chunk", 10, "bytes of a stream's chunk")
	secret := flags.String("secret", "", "value of every secret")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bedrock := bedrocktest.New(bedrocktest.Options{
		Now:        func() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }, // no model ends meanwhile
		Pace:       *pace,
		ChunkBytes: *chunk,
		Reply:      func(string) string { return *reply },
		KeepCalls:  1,
		DropBodies: true,
	})
	answers := replayer{next: bedrock, known: map[string]*httptest.ResponseRecorder{}}
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.") {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_ = json.NewEncoder(w).Encode(map[string]string{"Name": "keys", "SecretString": *secret}) // the caller may be gone
			return
		}
		if strings.HasSuffix(r.URL.Path, "stream") {
			bedrock.ServeHTTP(w, r)
			return
		}
		answers.ServeHTTP(w, r)
	})}
	return server.ListenAndServe()
}

// latency is the embedded Bedrock's own, without which it would answer sooner than the SDK can bear.
const latency = 2 * time.Millisecond

// replayer repeats the first good answer to each path. All questions of the bench are the same, and the embedded Bedrock
// would take as much of the machine to work the answer out again as the gateways take to pass it on: at saturation its
// speed would be measured, not theirs.
type replayer struct {
	next  http.Handler
	mu    sync.Mutex
	known map[string]*httptest.ResponseRecorder
}

// ServeHTTP implements http.Handler.
func (a *replayer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	answer := a.known[r.URL.Path]
	a.mu.Unlock()
	if answer == nil {
		answer = httptest.NewRecorder()
		a.next.ServeHTTP(answer, r)
		if answer.Code == http.StatusOK {
			a.mu.Lock()
			a.known[r.URL.Path] = answer
			a.mu.Unlock()
		}
	} else {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // the caller is gone
		}
		time.Sleep(latency)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the caller may be gone
}
