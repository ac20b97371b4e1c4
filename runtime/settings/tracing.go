package settings

import (
	"net/url"
	"strconv"
)

// sampler goes by the caller's trace, and by a share where there is none.
const sampler = "parentbased_traceidratio"

// encode adds the traces, if there are any.
func (t Tracing) encode(into map[string]string) {
	if t.Endpoint != "" {
		into[EnvTracingEndpoint] = t.Endpoint
		into[EnvTracingSampler], into[EnvTracingShare] = sampler, strconv.FormatFloat(t.Share, 'f', -1, 64)
	}
}

// tracing reads where traces go. The SDK takes what it does not understand for its defaults, so it is refused here. Another
// sampler is the SDK's to read, with an argument of its own kind.
func (l *loader) tracing(into *Tracing) {
	into.Endpoint = l.getenv(EnvTracingEndpoint)
	if into.Endpoint == "" {
		return
	}
	u, err := url.Parse(into.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		l.problem(EnvTracingEndpoint, "is %q; allowed is a URL such as \"http://127.0.0.1:4318\"", into.Endpoint)
	}
	into.Share = 1
	text := l.getenv(EnvTracingShare)
	if l.getenv(EnvTracingSampler) != sampler || text == "" {
		return
	}
	if into.Share, err = strconv.ParseFloat(text, 64); err != nil || !(into.Share >= 0 && into.Share <= 1) {
		l.problem(EnvTracingShare, "is %q; allowed is a number from 0 to 1", text)
	}
}
