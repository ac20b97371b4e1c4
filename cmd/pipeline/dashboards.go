package main

import (
	"context"
	"flag"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	drawing "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
)

// dashboards draws the dashboards of an environment from the logs of a local run.
func dashboards(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	const environment = "local" // whose name is a dimension of what a local run emits
	dir := flags.String("assembly", "", "use this synthesized assembly instead of synthesizing one")
	logs := flags.String("logs", "", "comma-separated files or patterns of logs; default those of make up, .build/local/*/*/*.log")
	out := flags.String("out", "", "write the pages into this folder; default .build/dashboards")
	listen := flags.String("listen", "", "serve the pages at this address, drawn anew for each request, instead of writing them")
	if err := parse(flags, args); err != nil {
		return err
	}
	root, err := running.Root(".")
	if err != nil {
		return err
	}
	if *logs == "" {
		*logs = filepath.Join(root, ".build", "local", "*", "*", "*.log")
	}
	if *out == "" {
		*out = filepath.Join(root, ".build", "dashboards")
	}
	if *dir == "" {
		*dir = filepath.Join(root, ".build", "cdk.out."+environment)
		if err := running.Synthesize(ctx, running.Options{Root: root, Environment: environment, Environ: environ}, *dir); err != nil {
			return err
		}
	}
	a, err := assembly.Read(*dir)
	if err != nil {
		return err
	}
	draw := func() (map[string]string, error) { return pages(a, strings.Split(*logs, ",")) }
	if *listen != "" {
		return serve(ctx, *listen, draw, stdout)
	}
	drawn, err := draw()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	for name, page := range drawn {
		path := filepath.Join(*out, name+".html")
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(stdout, path)
	}
	return nil
}

// pages are the dashboards by name, drawn from what is in the logs now.
func pages(a *assembly.Assembly, patterns []string) (map[string]string, error) {
	var readers []io.Reader
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("-logs: %q: %w", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			readers = append(readers, strings.NewReader(string(text)))
		}
	}
	r, err := drawing.NewRun(readers...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(patterns, ", "), err)
	}
	drawn := map[string]string{}
	for _, stack := range a.Stacks {
		read, err := drawing.Read(stack)
		if err != nil {
			return nil, err
		}
		for _, d := range read {
			if drawn[d.Name], err = drawing.Page(d, r); err != nil {
				return nil, err
			}
		}
	}
	if len(drawn) == 0 {
		return nil, fmt.Errorf("the templates have no dashboard: the environment needs observability")
	}
	return drawn, nil
}

// serve shows the pages until the context ends.
func serve(ctx context.Context, address string, draw func() (map[string]string, error), stdout io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drawn, err := draw()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		page, ok := drawn[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			page = "<!doctype html><meta charset=\"utf-8\"><title>Dashboards</title><ul>"
			for name := range drawn {
				page += fmt.Sprintf(`<li><a href="/%[1]s">%[1]s</a>`, html.EscapeString(name))
			}
		}
		_, _ = io.WriteString(w, page)
	})}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(stdout, "http://%s\n", listener.Addr())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
