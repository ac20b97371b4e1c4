package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/feedback"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// Feedback gives answers the ids by which they are rated, and takes the ratings. Its errors are *inference.Error.
type Feedback interface {
	// Prepare makes ready for ID. It returns at once.
	Prepare()
	// ID is that of an answer; empty when there can be none now.
	ID(context.Context, feedback.Answer) string
	// Rate takes a rating, in JSON, from a tenant.
	Rate(ctx context.Context, body []byte, tenant string) (feedback.Rating, error)
}

// FeedbackHeader carries an answer's feedback id. Refusals have none, for nobody answered.
const FeedbackHeader = "X-Feedback-Id"

// prepareFeedback comes early, so that nothing has to be waited for when the answer begins.
func (c *call) prepareFeedback() {
	if c.Feedback != nil {
		c.Feedback.Prepare()
	}
}

// offerFeedback puts the id into the header of an answer that is about to begin. On a stream, that may be at a ping, on
// the goroutine of its timer.
func (c *call) offerFeedback(ctx context.Context, h http.Header) {
	if c.Feedback == nil {
		return
	}
	if id := c.Feedback.ID(ctx, feedback.Answer{RequestID: c.id, Alias: c.record.Alias, Tenant: c.record.Tenant}); id != "" {
		h.Set(FeedbackHeader, id)
	}
}

// rate takes a rating of an answer.
func (g *gateway) rate(w http.ResponseWriter, r *http.Request) {
	caller, err := g.Auth.Authenticate(r)
	if err != nil {
		g.refuseRating(w, r, err)
		return
	}
	if g.Feedback == nil {
		g.refuse(w, r, inference.Errorf(inference.NotFound, "This gateway takes no feedback."))
		return
	}
	body, err := readBody(w, r, min(g.MaxBodyBytes, feedback.MaxBodyBytes))
	if err != nil {
		g.refuse(w, r, inference.AsError(err))
		return
	}
	rating, err := g.Feedback.Rate(r.Context(), body, caller.Tenant)
	if err != nil {
		g.refuseRating(w, r, err)
		return
	}
	g.Ratings(&record.Feedback{
		Time: time.Now(), Answered: rating.Answered, RequestID: "req_" + rating.RequestID, Tenant: caller.Tenant, Auth: caller.Method,
		Alias: rating.Alias, Thumbs: rating.Thumbs, Score: rating.Score, Reason: rating.Reason,
	})
	newID(w, surfaceOf(r))
	writeJSON(w, http.StatusOK, []byte(`{"object":"feedback","request_id":"req_`+rating.RequestID+`"}`))
}

// refuseRating tells the operator of what is the gateway's fault; what callers get wrong is told to them alone.
func (g *gateway) refuseRating(w http.ResponseWriter, r *http.Request, err error) {
	failure := inference.AsError(err)
	if failure.Code == inference.Internal {
		g.Log.Error("feedback failed", "path", r.URL.Path, "cause", failure)
	}
	g.refuse(w, r, failure)
}
