// Package memnet is a network inside one process: a listener and a dialer over net.Pipe. Tests use it with
// testing/synctest, where time stands still while a goroutine waits for a real socket but passes while it waits here.
// It must not know what is sent over it.
package memnet

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Listener accepts the connections that its Dial makes.
type Listener struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

// Listen returns a listener that nothing else can reach.
func Listen() *Listener {
	return &Listener{connections: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the listener; network and address are ignored.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.connections <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "memory:80" }

// Serve serves a handler and returns a client whose every request reaches it, whatever the host in its URL. stop
// closes both; it must be called before a synctest bubble ends.
func Serve(handler http.Handler) (client *http.Client, stop func()) {
	listener := Listen()
	server := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // returns http.ErrServerClosed once stopped
	}()
	transport := &http.Transport{DialContext: listener.Dial, DisableCompression: true}
	return &http.Client{Transport: transport}, func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-done
	}
}
