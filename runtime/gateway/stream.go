package gateway

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// stream answers event by event. The status is sent with the first ping or event; a failure before that still gets a
// status of its own, one after it the surface's error event.
func (c *call) stream(ctx context.Context, w http.ResponseWriter) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newEventWriter(w, c.PingInterval, c.exchange.AppendPing(nil), func(h http.Header) { c.offerFeedback(ctx, h) }, cancel)
	defer out.close()
	c.record.Asked = time.Now()
	events, err := c.Provider.Stream(ctx, c.exchange.Request())
	began := time.Now() // to wait for Bedrock, or to work on what arrived
	c.record.Upstream = began.Sub(c.record.Asked)
	if err != nil {
		c.broken(out, w, err)
		return
	}
	defer events.Close()
	c.record.FirstToken = began.Sub(c.record.Start)
	c.record.Status = http.StatusOK
	var event inference.Event // one for all: a surface sees it through an interface, so it is on the heap
	for {
		waits := !events.Buffered() // the clock is not asked for every event of those that arrived together
		event, err = events.Next()
		if waits {
			arrived := time.Now()
			c.record.Upstream += arrived.Sub(began)
			began = arrived
		}
		if err != nil {
			c.end(out, w, err)
			return
		}
		c.count(&event)
		c.buf = c.exchange.AppendEvent(c.buf, &event)
		if events.Buffered() && len(c.buf) < flushBytes {
			continue // what arrived together leaves together
		}
		err = out.write(c.buf)
		c.buf = c.buf[:0]
		written := time.Now()
		c.record.Client += written.Sub(began)
		began = written
		if err != nil {
			c.left(err)
			return
		}
	}
}

// flushBytes is how much is collected before it is sent: what net/http's own buffer holds.
const flushBytes = 4 << 10

// count keeps the usage. Passed-through chunks carry the counts in parts: what is there replaces what was, and a part
// that is zero says nothing.
func (c *call) count(event *inference.Event) {
	if !event.HasUsage {
		return
	}
	u := &c.record.Usage
	for _, part := range []struct{ into, from *int }{
		{&u.Input, &event.Usage.Input}, {&u.CacheRead, &event.Usage.CacheRead},
		{&u.CacheWrite, &event.Usage.CacheWrite}, {&u.Output, &event.Usage.Output},
	} {
		if *part.from > 0 {
			*part.into = *part.from
		}
	}
}

// end finishes a stream whose events are over, for better or worse.
func (c *call) end(out *eventWriter, w http.ResponseWriter, err error) {
	if err != io.EOF {
		c.broken(out, w, err)
		return
	}
	if err := out.write(c.exchange.AppendDone(c.buf)); err != nil {
		c.left(err)
	}
}

// broken reports a failure in the way that is still open: a status, or an event.
func (c *call) broken(out *eventWriter, w http.ResponseWriter, err error) {
	failure := inference.AsError(err)
	if len(c.buf) == 0 && !out.started() { // what is collected has been the caller's since it arrived
		c.refuse(w, failure)
		return
	}
	c.failed(failure)
	if failure.Code == inference.Canceled {
		return // nobody is there to read it
	}
	// The write may fail as well; the record already tells the operator what went wrong.
	_ = out.write(c.exchange.AppendStreamError(c.buf, failure, "req_"+c.id))
}

// left notes that the client went away. Returning from the handler ends the context and with it the model's work.
func (c *call) left(err error) {
	c.failed(&inference.Error{Code: inference.Canceled, Message: "The caller left.", Cause: err})
}

// eventWriter writes server-sent events and fills silence with pings. A ping is no part of the answer: the provider
// may still turn to another target after one.
type eventWriter struct {
	mu       sync.Mutex
	w        http.ResponseWriter
	control  *http.ResponseController
	interval time.Duration
	ping     []byte
	begin    func(http.Header) // called once, before the status is sent
	gone     func()            // called when a ping finds that the client has left
	timer    *time.Timer
	sent     bool // the status is out
	closed   bool
	failed   error
}

func newEventWriter(w http.ResponseWriter, interval time.Duration, ping []byte, begin func(http.Header), gone func()) *eventWriter {
	e := &eventWriter{w: w, control: http.NewResponseController(w), interval: interval, ping: ping, begin: begin, gone: gone}
	e.mu.Lock() // the timer may fire before it is assigned
	defer e.mu.Unlock()
	e.timer = time.AfterFunc(interval, e.fill)
	return e
}

// fill writes a ping. It runs on the timer's goroutine.
func (e *eventWriter) fill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed && e.put(e.ping) != nil {
		e.gone()
	}
}

// started closes the silence before the answer: it stops the pings, so that the answer is the caller's alone to
// write, and reports whether one has already sent the status.
func (e *eventWriter) started() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = !e.sent
	return e.sent
}

// write sends one or more whole events at once. Nothing to send is nothing sent.
func (e *eventWriter) write(events []byte) error {
	if len(events) == 0 {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.put(events)
}

func (e *eventWriter) put(events []byte) error {
	if e.failed != nil {
		return e.failed
	}
	if !e.sent {
		e.sent = true
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // proxies that buffer would hold the stream back
		e.begin(h)
		e.w.WriteHeader(http.StatusOK)
	}
	if _, e.failed = e.w.Write(events); e.failed != nil {
		return e.failed
	}
	// A writer that cannot flush sends at once anyway: Lambda's is a pipe.
	_ = e.control.Flush()
	e.timer.Reset(e.interval)
	return nil
}

// close ends the pings. No write follows it, not even from a timer that is already running.
func (e *eventWriter) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.timer.Stop()
}
