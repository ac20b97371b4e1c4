// Command proxy is the least that can stand between a caller and Bedrock: the standard library's reverse proxy. The
// bench shows it beside the gateways for scale; it signs, checks, translates and records nothing, and must not.
package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	if err := run(os.Getenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"), os.Getenv("BENCH_LISTEN")); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func run(upstream, listen string) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 2048
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
	}
	server := &http.Server{Addr: listen, Handler: proxy, ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}
