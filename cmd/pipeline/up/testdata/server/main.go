// Command server is a server for the tests of package up: it answers as little as up asks for, and misbehaves as its
// environment says.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch greeting := os.Getenv("GREETING"); {
	case os.Getenv("MISBEHAVE") == "start":
		fmt.Println("it does not start")
		os.Exit(3)
	case os.Getenv("MISBEHAVE") == "environment" && greeting != "changed":
		path, _ := os.Executable()
		_ = os.Setenv("GREETING", "changed")
		panic(syscall.Exec(path, os.Args, os.Environ()))
	}
	listener, err := net.Listen("tcp", os.Getenv("GENAI_LISTEN"))
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/messages":
			_, _ = io.WriteString(w, "data: one\n\ndata: two\n\n")
		case "/until-the-end":
			_ = http.NewResponseController(w).Flush()
			<-ctx.Done()
			_, _ = io.WriteString(w, "ended well")
		case "/fall":
			fmt.Println("it falls")
			os.Exit(3)
		default:
			_, _ = fmt.Fprintf(w, "%s on %s\n", os.Getenv("GREETING"), r.URL.Path)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	<-ctx.Done()
	_ = server.Shutdown(context.Background())
}
