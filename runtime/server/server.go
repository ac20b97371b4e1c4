// Package server serves one handler and drains: when its context ends it stops accepting, which is what fails a
// balancer's readiness check, and lets running requests finish. It must not know what the handler does.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Options configure Run. Every field is required.
type Options struct {
	Handler      http.Handler
	Log          *slog.Logger
	DrainTimeout time.Duration // how long running requests may go on after the context ended
	// IdleTimeout is how long a connection may wait for its next request; longer than a balancer's, or the balancer would
	// send a request into a connection that is just being closed and answer 502.
	IdleTimeout time.Duration
}

// What the log says once the server accepts connections: this message, and under this key the address.
const (
	Listening  = "listening"
	AddressKey = "address"
)

// Connections that say nothing are cut.
const (
	readHeaderTimeout = 10 * time.Second
	maxHeaderBytes    = 64 << 10
)

// Run serves until ctx ends and every running request is done, or the drain time is over, which is an error.
func Run(ctx context.Context, listener net.Listener, options Options) error {
	server := &http.Server{
		Handler:           options.Handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       options.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(options.Log.Handler(), slog.LevelWarn),
	}
	// Said once nothing is accepted any more.
	server.RegisterOnShutdown(func() { options.Log.Info("draining", "timeout", options.DrainTimeout.String()) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	options.Log.Info(Listening, AddressKey, listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// The context that ended must not end the drain.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), options.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return errors.Join(fmt.Errorf("requests were still running after %s: %w", options.DrainTimeout, err), server.Close())
	}
	return nil
}
