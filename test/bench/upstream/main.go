// Command upstream is what stands behind the programs that the bench compares, in a process of its own: the embedded
// Bedrock, and as much of Secrets Manager as a gateway with API keys needs. It must not know who calls it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
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
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.") {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_ = json.NewEncoder(w).Encode(map[string]string{"Name": "keys", "SecretString": *secret}) // the caller may be gone
			return
		}
		bedrock.ServeHTTP(w, r)
	})}
	return server.ListenAndServe()
}
