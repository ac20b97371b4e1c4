package record

import (
	"strconv"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// Feedback is a rating of an answer that was taken. It has no text of the caller's.
type Feedback struct {
	Time      time.Time // of the rating
	Answered  time.Time // when the answer began
	RequestID string    // of the request that was answered, as its own record has it
	Tenant    string
	Auth      string
	Alias     string
	Thumbs    string // "up", "down", or empty with a Score
	Score     int    // 1 to 5, or 0 with Thumbs
	Reason    string // one of package feedback's words, or empty
}

// WriteFeedback writes the line of a rating, with its metrics. A failing write is dropped, as that of a request.
func (w *Writer) WriteFeedback(f *Feedback) {
	var values []Value
	if f.Thumbs != "" {
		values = append(values, Value{metric.FeedbackUp, flag(f.Thumbs == "up")}, Value{metric.FeedbackDown, flag(f.Thumbs == "down")})
	} else {
		values = append(values, Value{metric.FeedbackScore, float64(f.Score)})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l := line{append(w.buf[:0], '{')}
	l.text("time", f.Time.UTC().Format(time.RFC3339Nano))
	l.text("level", "INFO")
	l.text("msg", "feedback")
	l.text("request_id", f.RequestID)
	l.text("tenant", f.Tenant)
	l.text("auth", f.Auth)
	l.text("reason", f.Reason)
	l.text(metric.DimEnvironment, w.environment)
	l.text(metric.DimVariant, w.variant)
	l.text(metric.DimModel, f.Alias)
	for i := range values {
		l.number(values[i].Metric.Name, values[i].Value)
	}
	l.key("_aws")
	w.buf = append(appendDirective(l.buf, f.Time, w.dimensions, values), '}', '\n')
	_, _ = w.out.Write(w.buf)
}

// AppendFeedback adds the record of a rating for an archive, one line of JSON as AppendUsage's. The request's own record
// has the same request id; another program may have made it.
func AppendFeedback(dst []byte, f *Feedback, process string, seq uint64) []byte {
	l := line{append(dst, '{')}
	l.text("kind", "feedback")
	l.text("time", f.Time.UTC().Format(time.RFC3339Nano))
	l.text("process", process)
	l.raw("seq", strconv.FormatUint(seq, 10))
	l.text("request_id", f.RequestID)
	l.text("tenant", f.Tenant)
	l.text("auth", f.Auth)
	l.text("alias", f.Alias)
	l.text("answered", f.Answered.UTC().Format(time.RFC3339))
	l.text("thumbs", f.Thumbs)
	if f.Score > 0 {
		l.integer("score", f.Score)
	}
	l.text("reason", f.Reason)
	return append(l.buf, '}', '\n')
}
