package conformance_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// TestDrain ends a server in the middle of many streams: none is cut, none is accepted any more, and it exits by
// itself within the drain time, without an error.
func TestDrain(t *testing.T) {
	for _, v := range servers() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			drain(t, v)
		})
	}
}

func drain(t *testing.T, v variant) {
	const streams = 200
	d := v.start(t, options{})
	// Every answer pauses after its first event, long enough for all of them to be under way at once.
	d.bedrock.Script(slices.Repeat([]bedrocktest.Fault{{Kind: bedrocktest.Silence, AfterEvents: 1, Delay: 3 * time.Second}}, streams)...)
	s := surfaces()[0]
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: streams}}
	var begun, ended sync.WaitGroup
	begun.Add(streams)
	for range streams {
		ended.Go(func() {
			began := sync.OnceFunc(begun.Done)
			defer began()
			response, err := client.Post(d.url+s.path, "application/json", strings.NewReader(fmt.Sprintf(s.body, true)))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			reader := bufio.NewReader(response.Body)
			first, _ := reader.ReadString('\n')
			began()
			rest, err := io.ReadAll(reader)
			if err != nil || !strings.HasSuffix(string(rest), s.end) {
				t.Errorf("a stream was cut: %v after %q … %q", err, first, rest[max(0, len(rest)-60):])
			}
		})
	}
	begun.Wait()
	d.signal(t, syscall.SIGTERM)
	d.saw(t, `"msg":"draining"`)
	if response, err := http.Get(d.url + "/livez"); err == nil {
		response.Body.Close()
		t.Errorf("a new connection was accepted and answered %d", response.StatusCode)
	}
	ended.Wait()
	// After the drain time the server would have cut a stream. The cleanup of the start fails the test if the exit is not
	// clean.
}
