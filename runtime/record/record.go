// Package record writes one line per inference request: the access log and the metrics at once. The line is JSON as
// slog writes it, and carries the "_aws" member of CloudWatch's embedded metric format (EMF), so the log group turns
// it into the metrics of package metric and nothing is sent twice. It also knows how the usage record of a request is
// written, which an archive keeps.
//
// It must never hold prompt or completion text, and must not know HTTP or AWS.
package record

import (
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// Request is what is known of a request when it ends.
type Request struct {
	Start     time.Time
	RequestID string
	TraceID   string // of the trace that the request is in; empty where nothing traces
	Surface   string // "openai", "anthropic"
	Tenant    string // whose request it is; empty when the caller is not known. Not a dimension: there may be any number
	Auth      string // how the caller is known; empty when it is not
	Alias     string // empty when the request failed before a route was found
	Stream    bool
	Status    int            // HTTP status sent; for a stream that broke, what it would have been
	Code      inference.Code // empty when all went well
	Cause     string         // what failed, for the operator
	Shed      bool           // refused, for the process was busy
	Limited   bool           // refused, for the tenant has used up what it may take
	Trail     inference.Trail
	Usage     inference.Usage
	Cost      float64 // US dollars; counts only when CostKnown
	CostKnown bool

	Asked      time.Time     // when the provider was asked; zero when it was not
	Duration   time.Duration // all of it
	Upstream   time.Duration // waiting for Bedrock
	Client     time.Duration // waiting for the client to take the answer
	FirstToken time.Duration // from Start; zero when there was none
}

// Writer writes records to one stream. It is safe for concurrent use.
type Writer struct {
	environment string
	variant     string
	dimensions  string // the sets of requests, in JSON

	mu  sync.Mutex
	out io.Writer
	buf []byte
}

// NewWriter returns a Writer for one deployed program.
func NewWriter(out io.Writer, environment, variant string) *Writer {
	return &Writer{environment: environment, variant: variant, dimensions: inJSON(metric.DimensionSets()), out: out}
}

// Write writes the line. A failing write is the log stream's, and must not fail the request: it is dropped.
func (w *Writer) Write(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = w.append(w.buf[:0], r)
	_, _ = w.out.Write(w.buf)
}

// WriteProgram writes a line with metrics that belong to no request. The same holds for a failing write.
func (w *Writer) WriteProgram(message string, values ...Value) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	l := line{append(w.buf[:0], '{')}
	l.text("time", now.UTC().Format(time.RFC3339Nano))
	l.text("level", "INFO")
	l.text("msg", message)
	l.text(metric.DimEnvironment, w.environment)
	l.text(metric.DimVariant, w.variant)
	for i := range values {
		l.number(values[i].Metric.Name, values[i].Value)
	}
	l.key("_aws")
	w.buf = append(appendDirective(l.buf, now, inJSON(metric.ProgramDimensionSets()), values), '}', '\n')
	_, _ = w.out.Write(w.buf)
}

func (w *Writer) append(dst []byte, r *Request) []byte {
	var space [most]Value
	values := appendValues(space[:0], r)
	end := r.End()
	l := line{append(dst, '{')}
	l.key("time")
	l.buf = append(end.UTC().AppendFormat(append(l.buf, '"'), time.RFC3339Nano), '"')
	l.text("level", level(r))
	l.text("msg", "request")
	l.text("request_id", r.RequestID)
	l.text("trace_id", r.TraceID)
	l.text("surface", r.Surface)
	l.text("tenant", r.Tenant)
	l.text("auth", r.Auth)
	l.raw("stream", strconv.FormatBool(r.Stream))
	l.integer("status", r.Status)
	l.text("code", string(r.Code))
	l.text("cause", r.Cause)
	l.text("target_model", r.Trail.Target.Model)
	l.text("target_region", r.Trail.Target.Region)
	l.integer("calls", r.Trail.Calls)
	l.number("duration_ms", milliseconds(r.Duration))
	l.text(metric.DimEnvironment, w.environment)
	l.text(metric.DimVariant, w.variant)
	l.text(metric.DimModel, model(r))
	for i := range values {
		l.number(values[i].Metric.Name, values[i].Value)
	}
	l.key("_aws")
	l.buf = appendDirective(l.buf, end, w.dimensions, values)
	return append(l.buf, '}', '\n')
}

// model is the Model dimension. A request that names no known model must not invent a dimension value.
func model(r *Request) string {
	if r.Alias == "" {
		return "unknown"
	}
	return r.Alias
}

func level(r *Request) string {
	switch {
	case r.Status >= 500:
		return "ERROR"
	case r.Status >= 400:
		return "WARN"
	}
	return "INFO"
}

// line builds one JSON object.
type line struct{ buf []byte }

func (l *line) key(name string) {
	if l.buf[len(l.buf)-1] != '{' {
		l.buf = append(l.buf, ',')
	}
	l.buf = append(l.buf, '"')
	l.buf = append(l.buf, name...)
	l.buf = append(l.buf, '"', ':')
}

func (l *line) raw(name, value string) {
	l.key(name)
	l.buf = append(l.buf, value...)
}

func (l *line) integer(name string, value int) {
	l.key(name)
	l.buf = strconv.AppendInt(l.buf, int64(value), 10)
}

func (l *line) number(name string, value float64) {
	l.key(name)
	l.buf = strconv.AppendFloat(l.buf, value, 'f', -1, 64)
}

// text leaves an empty value out.
func (l *line) text(name, value string) {
	if value == "" {
		return
	}
	l.key(name)
	l.buf = appendString(l.buf, value)
}

// appendString writes a JSON string. Causes may carry anything.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
