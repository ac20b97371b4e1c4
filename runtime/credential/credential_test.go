package credential_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/genai-pipeline/genai-pipeline/runtime/credential"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// source issues numbered credentials that are valid for ten minutes.
type source struct {
	mu            sync.Mutex
	calls, issued int
	err           error
	slow          time.Duration
	forever       bool
	ahead         time.Duration // our clock, of the source's
}

// Retrieve implements aws.CredentialsProvider.
func (s *source) Retrieve(context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	time.Sleep(slow) // the SDK's cache passes no deadline on
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return aws.Credentials{}, s.err
	}
	s.issued++
	expires := time.Now().Add(10*time.Minute - s.ahead)
	return aws.Credentials{AccessKeyID: fmt.Sprint(s.issued), SecretAccessKey: "s", CanExpire: !s.forever, Expires: expires}, nil
}

// skew says how far our clock is ahead of the source's from now on.
func (s *source) skew(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = ahead
}

// set says how the source answers from now on.
func (s *source) set(err error, slow time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.slow = err, slow
}

func keep(s *source) *credential.Keeper { return credential.Keep(aws.NewCredentialsCache(s)) }

func key(t *testing.T, k *credential.Keeper) string {
	t.Helper()
	began := time.Now()
	c, err := k.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited != 0 {
		t.Errorf("waited %s", waited)
	}
	synctest.Wait() // what was begun in the background
	return c.AccessKeyID
}

func TestTheNextAreFetchedWhileTheOldAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		k := keep(s)
		for minute, want := range []string{"1", "1", "1", "1", "1", "1", "2", "2", "2", "2", "2", "3", "3", "3"} {
			if got := key(t, k); got != want {
				t.Errorf("in minute %d the key is %s, want %s", minute, got, want)
			}
			time.Sleep(time.Minute + time.Second)
		}
		if s.calls != 3 {
			t.Errorf("%d were fetched", s.calls)
		}
	})
}

// A source that is away, or slow, costs nothing while the old ones are valid, and is not asked all the time.
func TestSourceThatFails(t *testing.T) {
	for _, slow := range []time.Duration{0, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{}
			k := keep(s)
			key(t, k)
			s.set(errors.New("http://169.254.170.2 is away"), slow)
			for range 599 {
				time.Sleep(time.Second)
				if got := key(t, k); got != "1" {
					t.Fatal(got)
				}
			}
			time.Sleep(time.Minute)
			s.mu.Lock()
			if s.calls > 62 {
				t.Errorf("the source was asked %d times", s.calls)
			}
			s.mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := k.Retrieve(ctx)
			if failure := inference.AsError(err); failure.Code != inference.Internal || failure.Message != "The gateway has no valid credentials at the moment." {
				t.Errorf("after their time: %v", err)
			}
			s.set(nil, 0)
			time.Sleep(2 * time.Hour)
			if got := key(t, k); got == "1" {
				t.Error("when the source is back the old ones are used")
			}
		})
	}
}

func TestCredentialsThatDoNotExpireAreFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{forever: true}
		k := keep(s)
		for range 10 {
			if got := key(t, k); got != "1" || s.calls != 1 {
				t.Errorf("key %s after %d calls", got, s.calls)
			}
			time.Sleep(24 * time.Hour)
		}
	})
}

func TestExpiredCredentialsAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := keep(&source{ahead: 10 * time.Minute}).Retrieve(t.Context()); err == nil || inference.AsError(err).Code != inference.Internal {
			t.Errorf("got %v", err)
		}
	})
}

// A clock that is set forward makes all credentials look expired: the error is clear, and says so until the clock is right,
// and then the next request is served. One that is set back makes them look valid for longer; they are used, and renewed by
// our own clock.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		k := keep(s)
		key(t, k)
		time.Sleep(time.Hour) // what is held is expired by now
		s.skew(time.Hour)
		for range 3 {
			if _, err := k.Retrieve(t.Context()); err == nil || inference.AsError(err).Code != inference.Internal ||
				inference.AsError(err).Message != "The gateway has no valid credentials at the moment." {
				t.Errorf("with a clock that is an hour ahead: %v", err)
			}
			time.Sleep(time.Minute)
		}
		s.skew(0)
		first := key(t, k)
		s.skew(-time.Hour)
		time.Sleep(6 * time.Minute) // of ten, so the next ones are fetched
		key(t, k)
		second := key(t, k)
		if first == second {
			t.Errorf("the clock was set back, and %s is still used", first)
		}
		time.Sleep(64 * time.Minute)
		if got := key(t, k); got != second {
			t.Errorf("they are valid for 70 minutes by our clock, and after 64 %s is used", got)
		}
		time.Sleep(2 * time.Minute)
		key(t, k)
		if got := key(t, k); got == second {
			t.Error("nothing was fetched in the last five minutes of these 70")
		}
	})
}
