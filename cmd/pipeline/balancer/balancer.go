// Package balancer stands for what AWS has between callers and a program, as far as connections and streams go. It must
// not know what passes through it.
package balancer

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// New returns a proxy that passes requests on to a URL, under the name they were sent to, and answers as they come.
//
// A request is read whole before it is passed on. net/http's proxy reads and sends at once, and its server stops the
// reading when the answer begins; where the last read, the one that finds the end, has not happened yet, the transport
// then takes the request for broken and closes the connection in the middle of the answer.
func New(target *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		if r.In.Body == nil {
			return
		}
		body, err := io.ReadAll(r.In.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the caller broke off
		}
		r.Out.Body = io.NopCloser(bytes.NewReader(body))
	}}
}
