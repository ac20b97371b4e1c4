package feedback

import (
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// The members of a rating.
const (
	fieldID     = "feedback_id"
	fieldThumbs = "thumbs"
	fieldScore  = "score"
	fieldReason = "reason"
)

const mostScore = 5

// read takes a rating out of its body. The messages repeat nothing of it but the name of a member.
func read(body []byte) (rating Rating, id string, err error) {
	r := jsonread.New(body, jsonread.Limits{})
	err = r.Object(func(key string) (err error) {
		switch key {
		case fieldID:
			id, err = r.String()
		case fieldThumbs:
			rating.Thumbs, err = word(r, ThumbsUp, ThumbsDown)
		case fieldScore:
			if rating.Score, err = r.Int(); err == nil && (rating.Score < 1 || rating.Score > mostScore) {
				err = inference.Invalid("", "is out of range; allowed is 1 to %d", mostScore)
			}
		case fieldReason:
			rating.Reason, err = word(r, Reasons()...)
		default:
			err = inference.Invalid("", "is not known here; allowed are %s, %s, %s and %s", fieldID, fieldThumbs, fieldScore, fieldReason)
		}
		return err
	})
	if err == nil {
		err = r.End()
	}
	switch {
	case err != nil:
		return Rating{}, "", err
	case id == "":
		return Rating{}, "", inference.Invalid(fieldID, "is missing; send the value of the answer's header x-feedback-id")
	case (rating.Thumbs == "") == (rating.Score == 0):
		return Rating{}, "", inference.Invalid(fieldThumbs, "send either %s or %s", fieldThumbs, fieldScore)
	}
	id = strings.Clone(id) // the reader's text is the body's
	return rating, id, nil
}

// word reads one of a few words.
func word(r *jsonread.Reader, allowed ...string) (string, error) {
	text, err := r.String()
	if err != nil {
		return "", err
	}
	i := slices.Index(allowed, text)
	if i < 0 {
		return "", inference.Invalid("", "is none of the words allowed: %s", strings.Join(allowed, ", "))
	}
	return allowed[i], nil
}
