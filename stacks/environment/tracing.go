package environment

import (
	"net/url"
	"regexp"
)

// collectorForm matches the URL of a collector.
var collectorForm = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#]*)?$`)

func (v value) tracing() *Tracing {
	t := &Tracing{Share: 100}
	v.object(fields{
		"endpoint": func(v value) { v.match(&t.Endpoint, collectorForm, `a URL such as "https://collector.example.com"`) },
		"share":    func(v value) { v.integer(&t.Share, 0, 100) },
	}, "endpoint")
	return t
}

// tracing refuses a collector that the programs could not reach: in the network they reach AWS's endpoints, and with nat
// the internet by HTTPS.
func (c checker) tracing(e *Environment) {
	const path = "tracing.endpoint"
	within := e.Containers != nil || e.Instances != nil || (e.Serverless != nil && e.Serverless.VPC)
	if e.Tracing == nil || !within || e.Network == nil {
		return
	}
	if !e.Network.NAT {
		c.d.problem(path, "is there, and what runs in the network reaches AWS's endpoints alone; add network.nat: true, or remove tracing")
	}
	u, err := url.Parse(e.Tracing.Endpoint)
	if err != nil || u.Scheme != "https" || (u.Port() != "" && u.Port() != "443") {
		c.d.problem(path, "is %q, and what runs in the network may leave it by HTTPS alone, on port 443", e.Tracing.Endpoint)
	}
}
