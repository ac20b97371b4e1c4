package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/server"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

// running is a server in a bubble, with a client that reaches it.
type running struct {
	client *http.Client
	dial   func() net.Conn
	stop   context.CancelFunc
	result chan error
}

func start(t *testing.T, handler http.Handler) *running {
	t.Helper()
	listener := memnet.Listen()
	transport := &http.Transport{DialContext: listener.Dial}
	t.Cleanup(transport.CloseIdleConnections)
	ctx, stop := context.WithCancel(t.Context())
	r := &running{client: &http.Client{Transport: transport}, stop: stop, result: make(chan error, 1), dial: func() net.Conn {
		t.Helper()
		conn, err := listener.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}}
	go func() {
		r.result <- server.Run(ctx, listener, server.Options{
			Handler:      handler,
			Log:          slog.New(slog.DiscardHandler),
			DrainTimeout: 30 * time.Second,
			IdleTimeout:  time.Minute,

			MaxConnections: 3,
		})
	}()
	return r
}

// slow answers its first half at once and its second after the given time.
func slow(d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first,")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(d):
			_, _ = io.WriteString(w, "second")
		case <-r.Context().Done():
		}
	})
}

func TestDrainLetsRunningRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, slow(20*time.Second))
		response, err := r.client.Get("http://server/")
		if err != nil {
			t.Fatal(err)
		}
		r.stop()
		synctest.Wait()
		if _, err := r.client.Get("http://server/"); err == nil {
			t.Error("a new request was accepted while draining")
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != "first,second" {
			t.Errorf("the running request got %q, %v", body, err)
		}
		if err := <-r.result; err != nil {
			t.Error(err)
		}
	})
}

func TestDrainTimeIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, slow(time.Hour))
		response, err := r.client.Get("http://server/")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		began := time.Now()
		r.stop()
		err = <-r.result
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still running after 30s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("drained for %s", took)
		}
	})
}
