package bedrocktest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// strikeEarly plays a fault that comes in place of the answer. It reports whether the call has ended.
func (x *exchange) strikeEarly() (done bool, err error) {
	blow := x.fault.blow()
	midStream := blow.stream && x.op.stream && !(blow.kind == Reset && x.fault.AfterEvents == 0)
	if x.fault.Kind == "" || midStream {
		return false, nil
	}
	switch {
	case blow.kind == Silence:
		return x.silence()
	case !pause(x.r.Context(), x.fault.Delay):
		return true, context.Cause(x.r.Context())
	case blow.early.status != 0:
		return true, &blow.early
	case blow.kind == Reset:
		x.reset()
		return true, nil
	}
	return false, nil // the kinds that spoil the body of an answer: reply sees to them
}

// silence waits in vain, or for the fault's delay and then lets the call go on.
func (x *exchange) silence() (done bool, err error) {
	if x.fault.Delay > 0 && pause(x.r.Context(), x.fault.Delay) {
		return false, nil
	}
	<-x.r.Context().Done()
	return true, context.Cause(x.r.Context())
}

// reset closes the connection as a crashed host would: without an end to the answer, and where the connection is TCP
// with an RST. It does not return where the connection cannot be had.
func (x *exchange) reset() {
	x.record.finish(string(Reset))
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a plain close will do if it fails
	}
	_ = conn.Close()
}

// strikeStream plays a fault between two frames of a stream. It reports whether the stream has ended.
func (x *exchange) strikeStream(next frame) (done bool, err error) {
	blow := x.fault.blow()
	if blow.kind == Silence {
		return x.silence()
	}
	if !pause(x.r.Context(), x.fault.Delay) {
		return true, context.Cause(x.r.Context())
	}
	switch blow.kind {
	case Reset:
		x.reset()
		return true, nil
	case Truncate, Corrupt:
		data, err := x.encode(next)
		if err != nil {
			return true, err
		}
		if blow.kind == Truncate {
			data = data[:len(data)/2]
		} else {
			data[len(data)-1] ^= 0xff // the frame's last four bytes are its checksum
		}
		x.record.finish(string(blow.kind))
		return true, x.send(data)
	}
	exception := map[string]any{"message": blow.early.message}
	if blow.kind == StreamError {
		exception["originalStatusCode"] = http.StatusInternalServerError
		exception["originalMessage"] = blow.early.message
	}
	data, err := x.encode(frame{exception: blow.frame, payload: exception})
	if err != nil {
		return true, err
	}
	x.record.finish(strings.ToUpper(blow.frame[:1]) + blow.frame[1:])
	return true, x.send(data)
}

var errLeft = errors.New("the client left")

// pause waits, and reports false when the client left meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
