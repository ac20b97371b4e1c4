package conformance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// teams are two tenants, and the gateway that knows both and takes ratings.
type teams struct {
	a, b  string // keys
	vault *vault
}

func newTeams(t *testing.T) teams {
	t.Helper()
	a, hashA := auth.NewKey()
	b, hashB := auth.NewKey()
	store := newVault(t, `{"tenants": {"team-a": {"keys": ["`+hashA+`"]}, "team-b": {"keys": ["`+hashB+`"]}}}`)
	store.others = map[string]string{"feedback": strings.Repeat("not of a deployment ", 3)}
	return teams{a, b, store}
}

func (k teams) options() options {
	o := withKeys(k.vault)
	o.environment["GENAI_FEEDBACK_SECRET"] = "feedback"
	return o
}

// rate sends a rating, and returns the answer's status and body.
func rate(t *testing.T, d *deployment, key, body string) (int, string) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodPost, d.url+"/v1/feedback", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// answers ask through the SDKs, and return the header of the answer as they give it to a program.
var answers = map[string]func(t *testing.T, d *deployment, key string) http.Header{
	"openai": func(t *testing.T, d *deployment, key string) http.Header {
		var response *http.Response
		client := openai.NewClient(openaioption.WithBaseURL(d.url+"/v1"), openaioption.WithAPIKey(key))
		_, err := client.Chat.Completions.New(t.Context(), question("Rate me."), openaioption.WithResponseInto(&response))
		return headerOf(t, response, err)
	},
	"openai stream": func(t *testing.T, d *deployment, key string) http.Header {
		var response *http.Response
		client := openai.NewClient(openaioption.WithBaseURL(d.url+"/v1"), openaioption.WithAPIKey(key))
		stream := client.Chat.Completions.NewStreaming(t.Context(), question("Rate me."), openaioption.WithResponseInto(&response))
		header := headerOf(t, response, stream.Err()) // before the first event is read
		for stream.Next() {
		}
		ended(t, stream.Err())
		return header
	},
	"anthropic": func(t *testing.T, d *deployment, key string) http.Header {
		var response *http.Response
		client := anthropic.NewClient(anthropicoption.WithBaseURL(d.url), anthropicoption.WithAPIKey(key))
		_, err := client.Messages.New(t.Context(), ask(anthropic.NewTextBlock("Rate me.")), anthropicoption.WithResponseInto(&response))
		return headerOf(t, response, err)
	},
	"anthropic stream": func(t *testing.T, d *deployment, key string) http.Header {
		var response *http.Response
		client := anthropic.NewClient(anthropicoption.WithBaseURL(d.url), anthropicoption.WithAPIKey(key))
		stream := client.Messages.NewStreaming(t.Context(), ask(anthropic.NewTextBlock("Rate me.")), anthropicoption.WithResponseInto(&response))
		header := headerOf(t, response, stream.Err())
		for stream.Next() {
		}
		ended(t, stream.Err())
		return header
	},
}

// canRate waits until the process has read its secret: an answer does not wait long, and then has no id.
func canRate(t *testing.T, d *deployment, key string) {
	t.Helper()
	for limit := time.Now().Add(output.Patience); ; {
		status, text := rate(t, d, key, `{"feedback_id":"fb_x","thumbs":"up"}`)
		if status == http.StatusNotFound {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("no answer can be rated: %d %s", status, text)
		}
	}
}

// forged is an id with another letter in the middle.
func forged(id string) string {
	at, letter := len(id)/2, "A"
	if id[at] == 'A' {
		letter = "B"
	}
	return id[:at] + letter + id[at+1:]
}

func headerOf(t *testing.T, response *http.Response, err error) http.Header {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return response.Header
}

func TestFeedback(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			keys := newTeams(t)
			d := v.start(t, keys.options())
			elsewhere := v.start(t, keys.options()) // another task, function environment or Region
			canRate(t, d, keys.a)
			for name, answer := range answers {
				header := answer(t, d, keys.a)
				id, request := header.Get("X-Feedback-Id"), header.Get("X-Request-Id")+header.Get("Request-Id")
				good := fmt.Sprintf(`{"feedback_id":%q,"thumbs":"down","reason":"incorrect"}`, id)
				for _, tt := range []struct {
					name, key, body string
					status          int
					want            string
				}{
					{"forgery", keys.a, strings.Replace(good, id, forged(id), 1), 404, "not_found_error"},
					{"of another tenant", keys.b, good, 404, "not_found_error"},
					{"of nobody", "gk_nobody", good, 401, "authentication_error"},
					{"unknown id", keys.a, strings.Replace(good, id, request, 1), 404, "not_found_error"},
					{"text", keys.a, strings.Replace(good, "{", `{"comment":"the-secret-opinion",`, 1), 400, "comment: is not known here"},
					{"text as a reason", keys.a, strings.Replace(good, "incorrect", "the-secret-opinion", 1), 400, "reason: is none of the words allowed"},
					{"join", keys.a, good, 200, `{"object":"feedback","request_id":"` + request + `"}`},
					{"replay", keys.a, good, 409, `"param":"feedback_id","code":"conflict"`},
				} {
					if status, text := rate(t, d, tt.key, tt.body); status != tt.status || !strings.Contains(text, tt.want) || strings.Contains(text, "secret") {
						t.Errorf("%s, %s: %d %s", name, tt.name, status, text)
					}
				}
				if status, text := rate(t, elsewhere, keys.a, good); status != 200 {
					t.Errorf("%s, through another process: %d %s", name, status, text)
				}
			}
			d.reaches(t, "FeedbackDown", float64(len(answers)))
			d.rated(t)
		})
	}
}

// rated holds each line of a rating against that of its request, and looks for text in the log.
func (d *deployment) rated(t *testing.T) {
	t.Helper()
	requests := map[any]map[string]any{}
	for _, line := range d.records(t, len(answers)) {
		requests[line["request_id"]] = line
	}
	text := d.log.String()
	for line := range strings.Lines(text) {
		var rating map[string]any
		if json.Unmarshal([]byte(line), &rating) != nil || rating["msg"] != "feedback" {
			continue
		}
		of := requests[rating["request_id"]]
		if of == nil || rating["tenant"] != "team-a" || of["tenant"] != "team-a" || rating["Model"] != of["Model"] || rating["reason"] != "incorrect" {
			t.Errorf("the rating %s is of the request %v", line, of)
		}
		delete(requests, rating["request_id"])
	}
	if len(requests) > 0 {
		t.Errorf("these requests have no rating: %v", requests)
	}
	for _, secret := range []string{"the-secret-opinion", "Rate me", "fb_", "not of a deployment"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log:\n%s", secret, text)
		}
	}
}

// A rating is archived under the id of its request.
func TestFeedbackIsArchived(t *testing.T) {
	for _, v := range servers() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			keys, bucket := newTeams(t), buckettest.New("conformance-records")
			s3 := httptest.NewServer(bucket)
			t.Cleanup(s3.Close)
			o := keys.options()
			o.environment["AWS_ENDPOINT_URL_S3"], o.environment["GENAI_ARCHIVE_BUCKET"], o.environment["GENAI_ARCHIVE_INTERVAL"] = s3.URL, "conformance-records", "60s"
			d := v.start(t, o)
			canRate(t, d, keys.a)
			header := answers["openai"](t, d, keys.a)
			if status, text := rate(t, d, keys.a, `{"feedback_id":"`+header.Get("X-Feedback-Id")+`","score":4}`); status != 200 {
				t.Fatalf("%d %s", status, text)
			}
			if err := d.server.Close(); err != nil {
				t.Fatal(err)
			}
			records, err := bucket.Records()
			if err != nil || len(records) != 2 {
				t.Fatalf("the records are %v, %v", records, err)
			}
			request, rating := records[0], records[1]
			if request["kind"] != "request" || rating["kind"] != "feedback" || rating["score"] != 4.0 || rating["request_id"] != header.Get("X-Request-Id") ||
				rating["request_id"] != request["request_id"] || rating["tenant"] != "team-a" || rating["alias"] != request["alias"] {
				t.Errorf("the rating %v is of %v", rating, request)
			}
		})
	}
}

// An answer does not wait for feedback that cannot be had, and goes without an id.
func TestAnswersWithoutTheFeedbackSecret(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			keys := newTeams(t)
			keys.vault.others = nil
			d := v.start(t, keys.options())
			for name, answer := range answers {
				if id := answer(t, d, keys.a).Get("X-Feedback-Id"); id != "" {
					t.Errorf("%s: an id without a secret: %s", name, id)
				}
			}
			if status, text := rate(t, d, keys.a, `{"feedback_id":"fb_x","thumbs":"up"}`); status != 500 || strings.Contains(text, "Secrets Manager") {
				t.Errorf("a rating that cannot be checked: %d %s", status, text)
			}
			d.saw(t, "the feedback secret cannot be read")
		})
	}
}
