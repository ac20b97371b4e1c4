package record

import (
	"strconv"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// End is when the request ended.
func (r *Request) End() time.Time { return r.Start.Add(r.Duration) }

// AppendUsage adds the usage record of a request, one line of JSON: who asked which model for how much, and how it
// went. It has no cause, which may quote what a caller sent. Process and seq name the record: the program that served
// the request, and how many it had served by then.
//
// What is not known is absent: the counters when Bedrock reported none, the cost when no price is known, a target when
// no call was made. docs/records.md lists the members.
func AppendUsage(dst []byte, r *Request, process string, seq uint64) []byte {
	l := line{append(dst, '{')}
	l.text("kind", "request")
	l.text("time", r.End().UTC().Format(time.RFC3339Nano))
	l.text("process", process)
	l.raw("seq", strconv.FormatUint(seq, 10))
	l.text("request_id", r.RequestID)
	l.text("surface", r.Surface)
	l.text("tenant", r.Tenant)
	l.text("auth", r.Auth)
	l.text("alias", r.Alias)
	l.text("target_model", r.Trail.Target.Model)
	l.text("target_region", r.Trail.Target.Region)
	l.raw("calls", strconv.Itoa(r.Trail.Calls))
	l.raw("stream", strconv.FormatBool(r.Stream))
	l.raw("status", strconv.Itoa(r.Status))
	l.text("code", string(r.Code))
	if r.Usage != (inference.Usage{}) {
		l.raw("input_tokens", strconv.Itoa(r.Usage.Input))
		l.raw("cache_read_tokens", strconv.Itoa(r.Usage.CacheRead))
		l.raw("cache_write_tokens", strconv.Itoa(r.Usage.CacheWrite))
		l.raw("output_tokens", strconv.Itoa(r.Usage.Output))
		if r.CostKnown {
			l.number("cost_usd", r.Cost)
		}
	}
	l.number("duration_ms", milliseconds(r.Duration))
	l.number("upstream_ms", milliseconds(r.Upstream))
	l.number("client_ms", milliseconds(r.Client))
	if r.FirstToken > 0 && r.Stream {
		l.number("first_token_ms", milliseconds(r.FirstToken))
	}
	return append(l.buf, '}', '\n')
}
