package drill

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/balancer"
)

// front stands for a Region's load balancer, or for the ends of its API: it passes requests on, waits for a byte no longer
// than its idle timeout, and lets clients keep a connection no longer than its keep-alive.
type front struct {
	address string
	server  *http.Server
}

// connected is the key of the time when a client connected.
type connected struct{}

func newFront(c clock, s site, target string) (*front, error) {
	idle := c.real(s.idle)
	proxy := balancer.New(&url.URL{Scheme: "http", Host: target})
	proxy.ErrorLog = log.New(io.Discard, "", 0) // what goes wrong here is counted by the callers
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 100, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		made, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &idleConn{made, idle}, nil
	}}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			// AWS does not say that the client's connection is closed with that answer, so it stays.
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{address: listener.Addr().String(), server: &http.Server{
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       idle,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connected{}, c.now())
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// When the keep-alive is over, one more request is answered and then the connection closed (Elastic Load
			// Balancing, "Edit attributes for your Application Load Balancer", read 2026-11-23).
			if since, _ := r.Context().Value(connected{}).(time.Duration); c.now()-since >= s.keepAlive {
				w.Header().Set("Connection", "close")
			}
			proxy.ServeHTTP(w, r)
		}),
	}}
	go func() { _ = f.server.Serve(listener) }() // ends when closed
	return f, nil
}

// idleConn is a connection on which no byte may be waited for longer than idle.
type idleConn struct {
	net.Conn
	idle time.Duration
}

// Read waits no longer than idle.
func (c *idleConn) Read(p []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.idle)) // the read fails by itself where this does
	return c.Conn.Read(p)
}

// Write begins the wait anew, also that of a Read under way.
func (c *idleConn) Write(p []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.idle))
	return c.Conn.Write(p)
}
