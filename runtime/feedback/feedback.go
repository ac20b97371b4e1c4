// Package feedback lets callers rate answers. It gives each answer an id that nobody else can make, and takes a rating
// for such an id from the tenant that got the answer, once.
//
// What is known of an answer is in its id, so that any program of the environment that has the same secret takes the
// rating, whichever gave the answer. No rating has text of a caller's: what is not one of the words below is refused.
//
// It must not know HTTP, AWS (a secret is read through SecretReader), or how ratings are recorded.
package feedback

import (
	"context"
	"log/slog"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Lifetime is how long after an answer a rating of it is taken.
const Lifetime = 24 * time.Hour

// MaxBodyBytes is more than a rating can be long.
const MaxBodyBytes = 4 << 10

// Answer is what is known of an answer when it begins.
type Answer struct {
	RequestID string // 24 hexadecimal digits
	Alias     string
	Tenant    string
}

// Rating is what a caller thinks of an answer.
type Rating struct {
	Answer
	Answered time.Time // when the answer began, to the second
	Thumbs   string    // ThumbsUp, ThumbsDown, or empty with a Score
	Score    int       // 1 (bad) to 5 (good), or 0 with Thumbs
	Reason   string    // one of Reasons, or empty
}

// What Thumbs can be.
const (
	ThumbsUp   = "up"
	ThumbsDown = "down"
)

// Reasons returns what a rating's reason can be.
func Reasons() []string {
	return []string{"helpful", "incorrect", "incomplete", "off_topic", "instructions_ignored", "refused", "unsafe", "format", "too_long", "too_slow", "other"}
}

// Seen remembers which answers were rated. Memory does for one process. A store that all processes of an environment
// share would make a rating unique among them all: in DynamoDB a PutItem with the condition attribute_not_exists, in a
// table whose items expire after Lifetime.
type Seen interface {
	// First tells whether this is the first rating of an answer, and remembers that there is one. Of several at one time
	// it is the first for just one. It may forget an answer after the time given, when no rating of it is taken any more.
	First(ctx context.Context, requestID string, until time.Time) (bool, error)
}

// Options configure a Service.
type Options struct {
	Secret SecretReader // required; holds at least LeastSecret bytes
	Log    *slog.Logger // required; told when the secret cannot be read
	Seen   Seen         // default: a Memory of its own
}

// Service gives ids and takes ratings. It is safe for concurrent use.
type Service struct {
	key  key
	seen Seen
}

// New returns a Service. It reads nothing before Prepare.
func New(o Options) *Service {
	if o.Seen == nil {
		o.Seen = NewMemory(0)
	}
	return &Service{key: key{secret: o.Secret, log: o.Log}, seen: o.Seen}
}

// Prepare has the secret read in the background, if there is need to. It returns at once: called when a request arrives,
// the secret is there when the model has answered.
func (s *Service) Prepare() { s.key.refresh() }

// answerWait is the longest that an answer waits for the first reading of the secret to end. One without an id is better
// than one that is late.
const answerWait = 250 * time.Millisecond

// ID is the id that an answer is rated by; empty while there is no copy of the secret, and for an alias of more than 255
// bytes.
func (s *Service) ID(ctx context.Context, of Answer) string {
	secret := s.key.get(ctx, answerWait)
	if secret == nil {
		return ""
	}
	return seal(secret, of, time.Now())
}

// Rate takes a rating, in JSON, from a tenant. Its error is an *inference.Error: InvalidRequest for what is no rating
// and for one that comes too late, NotFound for an id that was never given to this tenant, Conflict for a second rating,
// Internal while it cannot be told.
func (s *Service) Rate(ctx context.Context, body []byte, tenant string) (Rating, error) {
	rating, id, err := read(body)
	if err != nil {
		return Rating{}, err
	}
	secret := s.key.get(ctx, readTimeout)
	if secret == nil {
		return Rating{}, &inference.Error{Code: inference.Internal, Message: "The gateway cannot check feedback ids at the moment.", Cause: errNoSecret}
	}
	var ok bool
	if rating.Answer, rating.Answered, ok = open(secret, id, tenant); !ok {
		return Rating{}, &inference.Error{Code: inference.NotFound, Field: fieldID, Message: "No answer with this id was given to you."}
	}
	until := rating.Answered.Add(Lifetime)
	if !time.Now().Before(until) {
		return Rating{}, inference.Invalid(fieldID, "The answer is more than %s old, and cannot be rated any more.", Lifetime)
	}
	first, err := s.seen.First(ctx, rating.RequestID, until)
	switch {
	case err != nil:
		return Rating{}, &inference.Error{Code: inference.Internal, Message: "The gateway cannot take the rating at the moment.", Cause: err}
	case !first:
		return Rating{}, &inference.Error{Code: inference.Conflict, Field: fieldID, Message: "The answer was rated already."}
	}
	return rating, nil
}
