package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// runtimeAPI is as much of the Lambda Runtime API as one process with one event needs.
type runtimeAPI struct {
	server  *http.Server
	address string
	event   chan string    // what the next call gets
	asked   chan time.Time // when the process asked for an event
	ended   chan ending    // how the event ended
}

// ending is how a process has dealt with its event.
type ending struct {
	at   time.Time
	path string // of the Runtime API: …/response or …/error
	body string
}

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{
		address: listener.Addr().String(),
		event:   make(chan string, 1),
		asked:   make(chan time.Time, 4), // more than a process can send: handlers never wait
		ended:   make(chan ending, 4),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/", a.end)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = a.server.Serve(listener) }() // ends when closed
	return a, nil
}

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.asked <- time.Now()
	select {
	case event := <-a.event:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "bench")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(patience).UnixMilli(), 10))
		_, _ = io.WriteString(w, event) // a process that is gone shows in its exit status
	case <-r.Context().Done():
	}
}

// end takes an answer, a failure to answer, or a failure to start.
func (a *runtimeAPI) end(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = fmt.Append(body, " (cut short: ", err, ")")
	}
	a.ended <- ending{time.Now(), r.URL.Path, string(body)}
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) close() { _ = a.server.Close() }
