// Package server serves one handler and drains: when its context ends it stops accepting, which is what fails a
// balancer's readiness check, and lets running requests finish. Clients that say nothing, send nothing of what they
// announced, or take nothing of what they asked for are cut. It must not know what the handler does.
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
	// MaxConnections is how many connections there may be at once; more are closed at once. An idle one takes about
	// 20 KB (test/reliability prints it), one that sends headers up to maxHeaderBytes more.
	MaxConnections int
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

func bounded(accepting net.Listener, options Options) net.Listener {
	return &listener{Listener: accepting, log: options.Log, most: options.MaxConnections}
}

// Run serves until ctx ends and every running request is done, or the drain time is over, which is an error.
func Run(ctx context.Context, accepting net.Listener, options Options) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // balancers speak it to their targets, and what is not there cannot be abused
	server := &http.Server{
		Handler:           guard(options.Handler),
		Protocols:         &protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       options.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(options.Log.Handler(), slog.LevelWarn),
	}
	// Said once nothing is accepted any more.
	server.RegisterOnShutdown(func() { options.Log.Info("draining", "timeout", options.DrainTimeout.String()) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(bounded(accepting, options)) }()
	options.Log.Info(Listening, AddressKey, accepting.Addr().String())
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
