package feedback_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/feedback"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

const secret = "a secret of more than thirty-two bytes, and not of a deployment"

var answer = feedback.Answer{RequestID: "0123456789abcdef01234567", Alias: "haiku", Tenant: "team-a"}

// vault is a secret that can be slow, missing or another.
type vault struct {
	mu    sync.Mutex
	value string
	err   error
	delay time.Duration
	read  int
}

func (v *vault) Read(ctx context.Context) ([]byte, error) {
	v.mu.Lock()
	delay := v.delay
	v.read++
	v.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return []byte(v.value), v.err
}

func (v *vault) set(change func(*vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

func (v *vault) reads() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.read
}

// process is the Service of one program.
func process(value string) *feedback.Service {
	return feedback.New(feedback.Options{Secret: &vault{value: value}, Log: slog.New(slog.DiscardHandler)})
}

func thumb(id string) []byte { return fmt.Appendf(nil, `{"feedback_id":%q,"thumbs":"up"}`, id) }

// code is that of an error, and "" for none.
func code(t *testing.T, err error) inference.Code {
	t.Helper()
	var failure *inference.Error
	if err != nil && !errors.As(err, &failure) {
		t.Fatalf("%v is no *inference.Error", err)
	}
	if failure == nil {
		return ""
	}
	return failure.Code
}

// Any program that has the secret takes the rating, whichever gave the answer.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		id := process(secret).ID(t.Context(), answer)
		time.Sleep(feedback.Lifetime - time.Second)
		for body, want := range map[string]feedback.Rating{
			`{"feedback_id":"` + id + `","thumbs":"up"}`:                                    {Thumbs: feedback.ThumbsUp},
			`{"feedback_id":"` + id + `","thumbs":"down","reason":"incorrect"}`:             {Thumbs: feedback.ThumbsDown, Reason: "incorrect"},
			` { "reason" : "helpful" , "score" : 5 , "feedback_id" : "` + id + `" } `:       {Score: 5, Reason: "helpful"},
			`{"score":1,"feedback_id":"` + strings.Replace(id, "fb_", `\u0066b_`, 1) + `"}`: {Score: 1},
		} {
			got, err := process(secret).Rate(t.Context(), []byte(body), answer.Tenant)
			want.Answer, want.Answered = answer, began
			if err != nil || !got.Answered.Equal(want.Answered) {
				t.Errorf("%s: answered %s, %v", body, got.Answered, err)
			}
			got.Answered = want.Answered
			if got != want {
				t.Errorf("%s: got %+v, want %+v", body, got, want)
			}
		}
	})
}

func TestReplay(t *testing.T) {
	s := process(secret)
	id, other := s.ID(t.Context(), answer), s.ID(t.Context(), feedback.Answer{RequestID: strings.Repeat("f", 24), Alias: "haiku", Tenant: "team-a"})
	var wait sync.WaitGroup
	var mu sync.Mutex
	got := map[inference.Code]int{}
	for range 50 {
		wait.Go(func() {
			_, err := s.Rate(t.Context(), thumb(id), answer.Tenant)
			mu.Lock()
			defer mu.Unlock()
			got[code(t, err)]++
		})
	}
	wait.Wait()
	if got[""] != 1 || got[inference.Conflict] != 49 {
		t.Errorf("of 50 ratings of an answer at once: %v", got)
	}
	if _, err := s.Rate(t.Context(), thumb(other), answer.Tenant); err != nil {
		t.Errorf("another answer: %v", err)
	}
}

// Nobody makes an id, or changes one in any bit, or uses one of another tenant, of another secret, or too late.
func TestForgery(t *testing.T) {
	s := process(secret)
	id := s.ID(t.Context(), answer)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id, feedback.Prefix))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, id, tenant string) {
		t.Helper()
		if _, err := s.Rate(t.Context(), thumb(id), tenant); code(t, err) != inference.NotFound {
			t.Errorf("%s: %v, want not_found", name, err)
		}
	}
	for bit := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[bit/8] ^= 1 << (bit % 8)
		refused(fmt.Sprintf("bit %d", bit), feedback.Prefix+base64.RawURLEncoding.EncodeToString(changed), answer.Tenant)
	}
	for n := range raw {
		refused(fmt.Sprintf("cut to %d bytes", n), feedback.Prefix+base64.RawURLEncoding.EncodeToString(raw[:n]), answer.Tenant)
	}
	refused("longer", id+"AAAA", answer.Tenant)
	refused("another tenant", id, "team-b")
	refused("no tenant", id, "")
	refused("another secret", process(secret+"2").ID(t.Context(), answer), answer.Tenant)
	// But for the alias's length, the code of "haikuteam" of "-a" would do for "haiku" of "team-a".
	moved, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(
		s.ID(t.Context(), feedback.Answer{RequestID: answer.RequestID, Alias: "haikuteam", Tenant: "-a"}), feedback.Prefix))
	for _, length := range []string{"\x05", "\x09"} {
		cut := bytes.Replace(moved, []byte("\x09haikuteam"), []byte(length+"haiku"), 1)
		refused("a tenant that begins in the alias", feedback.Prefix+base64.RawURLEncoding.EncodeToString(cut), answer.Tenant)
	}
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if other := id[:len(id)-1] + string(last); other != id {
			refused("another last character", other, answer.Tenant)
		}
	}
	if _, err := s.Rate(t.Context(), thumb(id), answer.Tenant); err != nil {
		t.Errorf("after all that the true id is refused: %v", err)
	}
}

func TestUnknownID(t *testing.T) {
	s := process(secret)
	for _, id := range []string{"chatcmpl-0123456789abcdef01234567", "req_0123456789abcdef01234567", "fb_", "fb_!", "fb_" + strings.Repeat("A", 3000), "日本"} {
		if _, err := s.Rate(t.Context(), thumb(id), answer.Tenant); code(t, err) != inference.NotFound {
			t.Errorf("%.20s: %v, want not_found", id, err)
		}
	}
}

func TestTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := process(secret)
		id := s.ID(t.Context(), answer)
		time.Sleep(feedback.Lifetime)
		if _, err := s.Rate(t.Context(), thumb(id), answer.Tenant); code(t, err) != inference.InvalidRequest || !strings.Contains(err.Error(), "24h") {
			t.Errorf("got %v", err)
		}
	})
}

// The clock of the program that gave the answer was ahead, or is behind where it is rated: an id "from the future" is
// as good as any, once.
func TestClockSetBack(t *testing.T) {
	var id string
	var answered time.Time
	synctest.Test(t, func(t *testing.T) { // every bubble begins at the same time
		time.Sleep(100 * feedback.Lifetime)
		id, answered = process(secret).ID(t.Context(), answer), time.Now()
	})
	synctest.Test(t, func(t *testing.T) {
		s := process(secret)
		rating, err := s.Rate(t.Context(), thumb(id), answer.Tenant)
		if err != nil || rating.Answer != answer || !rating.Answered.Equal(answered) {
			t.Errorf("got %+v, %v", rating, err)
		}
		for range 2 {
			if _, err := s.Rate(t.Context(), thumb(id), answer.Tenant); code(t, err) != inference.Conflict {
				t.Errorf("again: %v", err)
			}
			time.Sleep(90 * feedback.Lifetime)
		}
		// The clock is right again, and the answer is old: nobody can rate it.
		time.Sleep(20 * feedback.Lifetime)
		if _, err := process(secret).Rate(t.Context(), thumb(id), answer.Tenant); code(t, err) != inference.InvalidRequest {
			t.Errorf("too late: %v", err)
		}
	})
}

// What a caller wrote is in no message but for the name of a member, and there is no member for text.
func TestRefusesWhatIsNoRating(t *testing.T) {
	s := process(secret)
	id := s.ID(t.Context(), answer)
	for body, want := range map[string]string{
		``:                     "",
		`[]`:                   "",
		`{"feedback_id":7}`:    "feedback_id",
		`{"thumbs":"up"}`:      "feedback_id: is missing",
		`{"feedback_id":"ID"}`: "thumbs: send either",
		`{"feedback_id":"ID","thumbs":"up","score":3}`:                       "thumbs: send either",
		`{"feedback_id":"ID","thumbs":"sideways-secret"}`:                    "thumbs: is none of the words allowed: up, down",
		`{"feedback_id":"ID","thumbs":""}`:                                   "thumbs: is none of the words",
		`{"feedback_id":"ID","score":0}`:                                     "score: is out of range; allowed is 1 to 5",
		`{"feedback_id":"ID","score":6}`:                                     "score: is out of range",
		`{"feedback_id":"ID","score":2.5}`:                                   "score",
		`{"feedback_id":"ID","thumbs":"up","reason":"it told me my secret"}`: "reason: is none of the words allowed: helpful, incorrect",
		`{"feedback_id":"ID","thumbs":"up","comment":"my secret"}`:           "comment: is not known here; allowed are feedback_id, thumbs, score and reason",
		`{"feedback_id":"ID","thumbs":"up"}{}`:                               "",
		`{"feedback_id":"ID","feedback_id":"ID","thumbs":"up"}`:              "feedback_id: is there twice",
	} {
		_, err := s.Rate(t.Context(), []byte(strings.ReplaceAll(body, "ID", id)), answer.Tenant)
		if code(t, err) != inference.InvalidRequest || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	if _, err := s.Rate(t.Context(), thumb(id), answer.Tenant); err != nil {
		t.Errorf("what was refused counts as a rating: %v", err)
	}
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := feedback.NewMemory(3)
	first := func(id string) bool {
		ok, err := m.First(t.Context(), id, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if !first(id) {
			t.Errorf("%s counts as seen", id)
		}
	}
	for id, want := range map[string]bool{"c": false, "d": false, "e": false} {
		if first(id) != want {
			t.Errorf("%s is forgotten", id)
		}
	}
	if !first("a") || first("d") || !first("c") {
		t.Error("another than the oldest was forgotten")
	}
}

// broken is a shared store that fails.
type broken struct{}

func (broken) First(context.Context, string, time.Time) (bool, error) {
	return false, errors.New("dial tcp 10.0.0.7")
}

// A store that cannot tell whether a rating is the first takes none.
func TestNothingIsTakenWithoutTheStore(t *testing.T) {
	s := feedback.New(feedback.Options{Secret: &vault{value: secret}, Log: slog.New(slog.DiscardHandler), Seen: broken{}})
	_, err := s.Rate(t.Context(), thumb(s.ID(t.Context(), answer)), answer.Tenant)
	if code(t, err) != inference.Internal || strings.Contains(inference.AsError(err).Message, "10.0.0.7") {
		t.Errorf("got %v", err)
	}
}

// An answer waits little for the secret, and then goes without an id.
func TestAnswersDoNotWaitForTheSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{value: secret, delay: 2 * time.Second}
		s := feedback.New(feedback.Options{Secret: v, Log: slog.New(slog.DiscardHandler)})
		s.Prepare()
		began := time.Now()
		if id := s.ID(t.Context(), answer); id != "" {
			t.Errorf("an id without a secret: %s", id)
		}
		if waited := time.Since(began); waited > 300*time.Millisecond {
			t.Errorf("the answer waited %s", waited)
		}
		time.Sleep(2 * time.Second)
		began = time.Now()
		if id := s.ID(t.Context(), answer); id == "" || time.Since(began) != 0 {
			t.Errorf("with the secret there: %q after %s", id, time.Since(began))
		}
		if v.reads() != 1 {
			t.Errorf("the secret was read %d times", v.reads())
		}
	})
}

func TestTheSecretIsReadAnewAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		v := &vault{err: errors.New("AccessDenied")}
		s := feedback.New(feedback.Options{Secret: v, Log: slog.New(slog.NewTextHandler(&said, nil))})
		for range 20 {
			if _, err := s.Rate(t.Context(), thumb("fb_x"), "team-a"); code(t, err) != inference.Internal {
				t.Fatalf("without a secret: %v", err)
			}
		}
		if v.reads() != 1 {
			t.Errorf("20 requests read a missing secret %d times", v.reads())
		}
		v.set(func(v *vault) { v.err, v.value = nil, "short" })
		time.Sleep(10 * time.Second)
		if id := s.ID(t.Context(), answer); id != "" {
			t.Errorf("a short secret makes %s", id)
		}
		synctest.Wait()
		if text := said.String(); !strings.Contains(text, "AccessDenied") || !strings.Contains(text, "it has 5 bytes; at least 32") || strings.Contains(text, "short") {
			t.Errorf("the log says %s", text)
		}
		v.set(func(v *vault) { v.value = secret })
		time.Sleep(10 * time.Second)
		id := s.ID(t.Context(), answer)
		if id == "" {
			t.Fatal("no id although the secret is there")
		}
		v.set(func(v *vault) { v.err = errors.New("down") })
		time.Sleep(2 * time.Hour)
		if _, err := s.Rate(t.Context(), thumb(id), answer.Tenant); err != nil {
			t.Errorf("the last copy does not count: %v", err)
		}
		v.set(func(v *vault) { v.err, v.value = nil, secret+"2" })
		time.Sleep(time.Hour)
		s.Prepare()
		synctest.Wait()
		renewed := s.ID(t.Context(), answer)
		if _, err := process(secret+"2").Rate(t.Context(), thumb(renewed), answer.Tenant); err != nil {
			t.Errorf("a secret that was changed is not read: %v", err)
		}
	})
}
