package drill

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// How callers wait. Those who call a gateway must wait longer than its balancer does, or they give up before it says why.
const (
	connectPatience = 30 * time.Second // as Go's http.DefaultTransport
	beyondBalancer  = 5 * time.Second
)

// outcome is how one request ended. Times are the drill's.
type outcome struct {
	caller     int
	start, end time.Duration
	region     string // that it was connected to; empty: none
	stream     bool
	good       bool   // the whole answer came
	cut        bool   // an answer had begun, and its end did not come
	id         string // of the request, as the answer says it
	why        string // it is not good
}

// ledger holds the outcomes of all requests.
type ledger struct {
	mu       sync.Mutex
	outcomes []outcome
}

func (l *ledger) add(o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, o)
}

// between returns the outcomes of requests that ended in a span of time, in the order of their ends.
func (l *ledger) between(from, to time.Duration) []outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []outcome
	for _, o := range l.outcomes {
		if o.end >= from && o.end <= to {
			found = append(found, o)
		}
	}
	return found
}

// arrived is when each of the callers had its first good answer of a Region to a request made since a time: the first
// and the last of these moments. all is false while some have none. Without a Region any will do.
func (l *ledger) arrived(callers int, region string, since time.Duration) (first, last time.Duration, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[int]bool{}
	for _, o := range l.outcomes {
		if o.caller < 0 || !o.good || region != "" && o.region != region || o.start < since || seen[o.caller] {
			continue
		}
		if len(seen) == 0 {
			first = o.end
		}
		seen[o.caller], last = true, max(last, o.end)
	}
	return first, last, len(seen) == callers
}

// caller is one client: it has its own resolver, and keeps its connection as long as it may.
type caller struct {
	clock  clock
	number int
	url    string
	alias  string
	key    string
	client *http.Client
	ledger *ledger
}

func newCaller(c clock, n network, dnsServer string, s site) *caller {
	resolver := newResolver(c, dnsServer)
	return &caller{clock: c, url: "http://" + s.name + endpoint.ChatCompletions, client: &http.Client{
		Timeout: c.patience(s.idle + beyondBalancer),
		Transport: &http.Transport{MaxConnsPerHost: 1, IdleConnTimeout: c.patience(s.idle), DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, c.patience(connectPatience))
			defer cancel()
			return dialName(ctx, n, resolver.lookup, host)
		}},
	}}
}

// dialName connects to a host by its name.
func dialName(ctx context.Context, n network, lookup func(context.Context, string) (string, error), host string) (net.Conn, error) {
	address, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	return n.dial(ctx, address)
}

// run calls again and again, with a pause of about so long, until the context ends.
func (c *caller) run(ctx context.Context, pause time.Duration) {
	for n := 0; ; n++ {
		if o := c.call(ctx, n%2 == 1); ctx.Err() == nil {
			c.ledger.add(o)
		}
		if !c.clock.pass(ctx, pause/2+rand.N(pause)) { // or all would keep step
			return
		}
	}
}

// call makes one request and reads the whole answer.
func (c *caller) call(ctx context.Context, stream bool) outcome {
	o := outcome{caller: c.number, start: c.clock.now(), stream: stream}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if over, ok := got.Conn.(*conn); ok {
			o.region = over.way.region
		}
	}})
	o.finish(c.exchange(ctx, &o))
	o.end = c.clock.now()
	return o
}

func (o *outcome) finish(err error) {
	if o.good = err == nil; !o.good {
		o.why = err.Error()
	}
}

func (c *caller) exchange(ctx context.Context, o *outcome) error {
	body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"Say hello."}]}`, c.alias, o.stream)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.GetBody = nil // nothing is sent twice behind our back
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.key)
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	o.id = response.Header.Get("X-Request-Id")
	text, err := io.ReadAll(response.Body)
	switch {
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s", response.Status)
	case err != nil:
		o.cut = begun(text)
		return err
	case o.stream && !bytes.Contains(text, []byte("data: [DONE]")):
		o.cut = begun(text)
		return fmt.Errorf("the stream ended before its last event")
	}
	return nil
}

// begun tells whether there is anything of an answer: a ping is none, and neither is an error.
func begun(text []byte) bool { return bytes.Contains(text, []byte(`"choices"`)) }
