package drill

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

// How Route 53 judges (Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy", read
// 2026-11-23). How many checkers there are it does not say.
const (
	checkers       = 8
	healthyPercent = 18 // an endpoint is healthy while more of its checkers than this find it so
)

// watch is a health check: some checkers that ask one host, each in its own time.
type watch struct {
	clock clock
	check recovery.Check
	host  string
	dial  func(ctx context.Context, host string) (net.Conn, error)

	mu    sync.Mutex
	found [checkers]verdict
}

// verdict is what one checker finds.
type verdict struct {
	unhealthy bool
	against   int // checks in a row that said otherwise
}

// run checks until the context ends.
func (w *watch) run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range checkers {
		all.Go(func() {
			// They do not keep step with each other.
			if !w.clock.pass(ctx, time.Duration(i)*w.check.Interval/checkers) {
				return
			}
			for {
				good := w.ask(ctx)
				if ctx.Err() != nil {
					return
				}
				w.note(i, good)
				// Route 53 counts the interval from an answer to the next question.
				if !w.clock.pass(ctx, w.check.Interval) {
					return
				}
			}
		})
	}
	all.Wait()
}

func (w *watch) note(i int, good bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := &w.found[i]
	if good != v.unhealthy {
		v.against = 0
		return
	}
	if v.against++; v.against >= w.check.Failures {
		*v = verdict{unhealthy: !v.unhealthy}
	}
}

// healthy is what Route 53 makes of its checkers. A health check begins healthy.
func (w *watch) healthy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, v := range w.found {
		if !v.unhealthy {
			n++
		}
	}
	return n*100 > healthyPercent*checkers
}

// ask makes one check.
func (w *watch) ask(ctx context.Context) bool {
	connecting, cancel := context.WithTimeout(ctx, w.clock.patience(recovery.ConnectWait))
	defer cancel()
	c, err := w.dial(connecting, w.host)
	if err != nil {
		return false
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	defer func() { _ = c.Close() }()
	waiting, cancel := context.WithTimeout(ctx, w.clock.patience(recovery.AnswerWait))
	defer cancel()
	request, err := http.NewRequestWithContext(waiting, http.MethodGet, "http://"+w.host+w.check.Path, nil)
	if err != nil {
		return false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode >= 200 && response.StatusCode < 400
}
