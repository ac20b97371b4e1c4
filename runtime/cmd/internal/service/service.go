// Package service is the whole program of the container and instance variants: the core behind a listening socket. The
// commands that call it differ in what they link, which it must not know.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
	"github.com/genai-pipeline/genai-pipeline/runtime/server"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Main runs the program until it is told to end.
func Main(links core.Links) {
	began := time.Now()
	if err := run(began, os.Getenv, os.Stdout, links); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(began time.Time, getenv func(string) string, out io.Writer, links core.Links) error {
	c, err := core.Load(context.Background(), getenv, out, links)
	if err != nil {
		return err
	}
	return errors.Join(serve(began, getenv, c), c.Close())
}

// serve takes connections as soon as it can answer them, and does what nobody needs to wait for after that.
func serve(began time.Time, getenv func(string) string, c *core.Core) error {
	if err := onlyHere(c.Settings); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Settings.Listen)
	if err != nil {
		return err
	}
	c.Started(time.Since(began)) // whoever connects now is answered
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	defer runtime.KeepAlive(server.Pace()) // which runs the collector once
	limit.HoldMemory(getenv, os.DirFS("/"))
	return server.Run(ctx, listener, server.Options{
		Handler: c.Handler, Log: c.Log, DrainTimeout: c.Settings.DrainTimeout, IdleTimeout: c.Settings.IdleTimeout(),
		MaxConnections: limit.Connections(c.Settings.Limits.Concurrency),
	})
}

// onlyHere refuses to let unknown callers in from other machines: a deployed program, which listens on every address,
// does not start with authentication off.
func onlyHere(told settings.Settings) error {
	if told.Auth.Mode != settings.AuthOff {
		return nil
	}
	host, _, _ := net.SplitHostPort(told.Listen) // checked by settings.Load
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s: is %q, and %s is %q, which other machines reach; allowed with it is a loopback address such as \"127.0.0.1:8080\"",
			settings.EnvAuth, told.Auth.Mode, settings.EnvListen, told.Listen)
	}
	return nil
}
