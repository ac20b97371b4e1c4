package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/test/bench/load"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestSaturateAsksAsOftenAsTold(t *testing.T) {
	var asked atomic.Int32
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, r.Header.Get("X-Api-Key"))
	})
	request := load.NewRequest("/v1/path", "{}", []string{"X-Api-Key: k"}, "", "POST /v1/path k")
	if _, err := load.Saturate(t.Context(), address, request, 3, 20); err != nil || asked.Load() != 20 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestWrongAnswersAreNoMeasurement(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
	}{
		{"another status", http.StatusTooManyRequests, "whole"},
		{"half an answer", http.StatusOK, "ha"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			request := load.NewRequest("/", "", nil, "w", "whole")
			if _, err := load.Saturate(t.Context(), address, request, 1, 1); err == nil {
				t.Error("Saturate took it")
			}
			if _, err := load.Stream(t.Context(), []load.Target{{Address: address, Request: request}}, 1000, 1, 0); err == nil {
				t.Error("Stream took it")
			}
		})
	}
}

func TestAFailureInAHundredIsCountedAndNoMore(t *testing.T) {
	for _, every := range []int32{150, 50} {
		var asked atomic.Int32
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1)%every == 0 {
				panic(http.ErrAbortHandler)
			}
			_, _ = w.Write([]byte("whole"))
		})
		got, err := load.Saturate(t.Context(), address, load.NewRequest("/", "", nil, "", "whole"), 2, 200)
		if every == 150 && (err != nil || got.Failed != 1) || every == 50 && err == nil {
			t.Errorf("one in %d: %d failed, %v", every, got.Failed, err)
		}
	}
}

// A server that lets nobody in for a while must show in the figures of all who should have been in.
func TestWaitsBeginWhenStreamsAreDue(t *testing.T) {
	const stall = 200 * time.Millisecond
	open := make(chan struct{})
	var begin sync.Once
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		begin.Do(func() { time.AfterFunc(stall, func() { close(open) }) }) // no stream is due before the first
		<-open
		for _, part := range []string{"head ", "first ", "last"} {
			_, _ = w.Write([]byte(part))
			_ = http.NewResponseController(w).Flush()
		}
	})
	request := load.NewRequest("/", "", nil, "first", "last")
	got, err := load.Stream(t.Context(), []load.Target{{Address: address, Request: request}, {Address: address, Request: request}}, 1000, 20, 0)
	if err != nil || len(got) != 2 {
		t.Fatal(len(got), err)
	}
	for i, result := range got {
		if len(result.Waits) != 20 {
			t.Fatalf("target %d: %d waits", i, len(result.Waits))
		}
		slices.Reverse(result.Waits) // the first stream waits longest
		for j, wait := range result.Waits {
			if least := stall - time.Duration(j+1)*time.Millisecond; wait < least {
				t.Errorf("target %d, stream %d, due at most %d ms after the first, waited %s, want at least %s", i, j, j+1, wait, least)
			}
		}
	}
}
