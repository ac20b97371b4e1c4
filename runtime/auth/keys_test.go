package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// secret is a SecretReader that holds what a test says and counts how often it is read.
type secret struct {
	mu    sync.Mutex
	text  string
	err   error
	delay time.Duration
	reads int
}

// Read implements auth.SecretReader.
func (s *secret) Read(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	s.reads++
	delay, text, err := s.delay, s.text, s.err
	s.mu.Unlock()
	select {
	case <-time.After(delay):
		return []byte(text), err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *secret) set(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

func (s *secret) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// of is a secret's text with keys by tenant: "team-a", "gk_one", "team-b", "gk_two".
func of(pairs ...string) string {
	keys := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		keys[pairs[i]] = append(keys[pairs[i]], `"`+auth.HashKey(pairs[i+1])+`"`)
	}
	var tenants []string
	for tenant, hashes := range keys {
		tenants = append(tenants, fmt.Sprintf(`%q: {"keys": [%s]}`, tenant, strings.Join(hashes, ",")))
	}
	return `{"tenants": {` + strings.Join(tenants, ",") + `}}`
}

func newKeys(s *secret) (*auth.Keys, *bytes.Buffer) {
	var out bytes.Buffer
	return auth.NewKeys(auth.KeysOptions{Secret: s, Log: slog.New(slog.NewTextHandler(&out, nil))}), &out
}

// tenant asks with a key and returns the tenant, or the code of the refusal.
func tenant(k *auth.Keys, key string) string {
	caller, err := k.Authenticate(request("X-Api-Key", key))
	if err != nil {
		return string(code(err))
	}
	return caller.Tenant
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKeysAreTakenAsBothSDKsSendThem(t *testing.T) {
	key, hash := auth.NewKey()
	other, _ := auth.NewKey()
	if !strings.HasPrefix(key, auth.KeyPrefix) || auth.HashKey(key) != hash || key == other {
		t.Fatalf("key %q has hash %q", key, hash)
	}
	content := `{"tenants": {"team-a": {"keys": ["` + auth.HashKey("gk_old") + `", "` + hash + `"], "note": "ours"}, "team-b": {"keys": ["` + auth.HashKey("gk_b") + `"]}}, "version": 2}`
	tests := []struct {
		name   string
		header []string
		tenant string // empty: refused
	}{
		{"bearer", []string{"Authorization", "Bearer " + key}, "team-a"},
		{"x-api-key", []string{"X-Api-Key", key}, "team-a"},
		{"the key before the rotation", []string{"X-Api-Key", "gk_old"}, "team-a"},
		{"another tenant", []string{"X-Api-Key", "gk_b"}, "team-b"},
		{"both ways, the same", []string{"X-Api-Key", key, "Authorization", "Bearer " + key}, "team-a"},
		{"both ways, different", []string{"X-Api-Key", key, "Authorization", "Bearer gk_b"}, ""},
		{"twice", []string{"X-Api-Key", key, "X-Api-Key", "gk_b"}, ""},
		{"none", nil, ""},
		{"empty", []string{"X-Api-Key", ""}, ""},
		{"unknown", []string{"X-Api-Key", other}, ""},
		{"the hash itself", []string{"X-Api-Key", hash}, ""},
		{"the hash with the prefix", []string{"X-Api-Key", auth.KeyPrefix + hash}, ""},
		{"cut short", []string{"X-Api-Key", key[:len(key)-1]}, ""},
		{"longer", []string{"X-Api-Key", key + "a"}, ""},
		{"endless", []string{"X-Api-Key", key + strings.Repeat("a", 1000)}, ""},
		{"another scheme", []string{"Authorization", "Basic " + key}, ""},
	}
	keys, _ := newKeys(&secret{text: content})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			caller, err := keys.Authenticate(request(tt.header...))
			if tt.tenant == "" {
				if code(err) != inference.Unauthenticated || strings.Contains(err.Error(), key[3:]) {
					t.Errorf("got %+v, %v", caller, err)
				}
				return
			}
			if err != nil || caller != (auth.Caller{Tenant: tt.tenant, Method: auth.MethodKeys}) {
				t.Errorf("got %+v, %v", caller, err)
			}
		})
	}
}

// A secret that cannot be understood is no copy: nobody is let in, and the log says where the fault is, not what is
// written there.
func TestSecretsThatAreNotUnderstoodLetNobodyIn(t *testing.T) {
	good := auth.HashKey("gk_good")
	tests := []struct{ name, text, want string }{
		{"empty", ``, "not of the form"},
		{"not JSON", `gk_good`, "not of the form"},
		{"another form", `{"keys": ["` + good + `"]}`, "not of the form"},
		{"a random password", `{"username": "a", "password": "b"}`, "not of the form"},
		{"the key in the place of its hash", `{"tenants": {"a": {"keys": ["gk_good"]}}}`, "keys[0] is not a SHA-256"},
		{"hash and more", `{"tenants": {"a": {"keys": ["` + good + `ff"]}}}`, "keys[0] is not a SHA-256"},
		{"one good, one not", `{"tenants": {"a": {"keys": ["` + good + `", "x"]}}}`, "keys[1] is not a SHA-256"},
		{"two owners", `{"tenants": {"a": {"keys": ["` + good + `"]}, "b": {"keys": ["` + good + `"]}}}`, "share a key"},
		{"no name", `{"tenants": {"": {"keys": ["` + good + `"]}}}`, "without a name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys, log := newKeys(&secret{text: tt.text})
				want(t, tenant(keys, "gk_good"), "internal")
				synctest.Wait()
				if !strings.Contains(log.String(), tt.want) || strings.Contains(log.String(), "gk_good") || strings.Contains(log.String(), good) {
					t.Errorf("the log says %s", log)
				}
			})
		})
	}
}

func TestNothingIsReadBeforeTheFirstRequestAndOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{text: of("team-a", "gk_a"), delay: time.Second}
		keys, _ := newKeys(s)
		time.Sleep(time.Hour)
		if s.count() != 0 {
			t.Fatal("the secret is read at the start")
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { want(t, tenant(keys, "gk_a"), "team-a") })
		}
		all.Wait()
		if s.count() != 1 {
			t.Errorf("it is read %d times", s.count())
		}
		for range 100 { // requests without a key, or with something else, cost nothing
			_, _ = keys.Authenticate(request())
			_ = tenant(keys, "sk-of-another-service")
		}
		if s.count() != 1 {
			t.Errorf("it is read %d times", s.count())
		}
	})
}

func TestCopyIsReadAnewInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{text: of("team-a", "gk_old"), delay: time.Second}
		keys, _ := newKeys(s)
		want(t, tenant(keys, "gk_old"), "team-a")
		s.set(of("team-a", "gk_new"), nil)
		time.Sleep(auth.DefaultRefresh)
		began := time.Now()
		want(t, tenant(keys, "gk_old"), "team-a") // the copy still counts, and nobody waits
		if took := time.Since(began); took != 0 {
			t.Errorf("the request waited %s", took)
		}
		time.Sleep(2 * time.Second)
		want(t, tenant(keys, "gk_old"), "unauthenticated")
		want(t, tenant(keys, "gk_new"), "team-a")
		if s.count() != 2 {
			t.Errorf("it is read %d times", s.count())
		}
	})
}

// A sandbox that slept does not let in a key that was revoked meanwhile.
func TestVeryOldCopyIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{text: of("team-a", "gk_revoked"), delay: time.Second}
		keys, _ := newKeys(s)
		want(t, tenant(keys, "gk_revoked"), "team-a")
		s.set(of("team-a", "gk_new"), nil)
		time.Sleep(5 * time.Hour)
		want(t, tenant(keys, "gk_revoked"), "unauthenticated")
	})
}

func TestUnknownKeyReadsAtMostOnceInThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{text: of("team-a", "gk_a")}
		keys, _ := newKeys(s)
		want(t, tenant(keys, "gk_a"), "team-a")
		s.set(of("team-a", "gk_a", "team-b", "gk_b"), nil)
		want(t, tenant(keys, "gk_b"), "unauthenticated") // the copy is a moment old
		time.Sleep(auth.DefaultRecheck)
		want(t, tenant(keys, "gk_b"), "team-b") // at the first request after that
		for range 240 {
			_ = tenant(keys, "gk_guess")
			time.Sleep(time.Second)
		}
		if got := s.count(); got < 8 || got > 10 {
			t.Errorf("in four minutes of guessing it is read %d times", got)
		}
	})
}

func TestOutageLeavesTheCopyValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{text: of("team-a", "gk_a")}
		keys, log := newKeys(s)
		want(t, tenant(keys, "gk_a"), "team-a")
		s.set("", errors.New("connection refused"))
		for range 600 { // ten hours, a request a minute
			time.Sleep(time.Minute)
			want(t, tenant(keys, "gk_a"), "team-a")
		}
		synctest.Wait()
		if !strings.Contains(log.String(), "connection refused") || strings.Contains(log.String(), "gk_") {
			t.Errorf("the log says %s", log)
		}
		before := s.count()
		for range 100 {
			want(t, tenant(keys, "gk_a"), "team-a")
		}
		if s.count() > before+1 {
			t.Errorf("a hundred requests read %d times", s.count()-before)
		}
		s.set(of("team-a", "gk_new"), nil)
		time.Sleep(time.Minute)
		want(t, tenant(keys, "gk_new"), "team-a")
		want(t, tenant(keys, "gk_a"), "unauthenticated")
	})
}

func TestWithoutACopyEveryoneIsRefusedUntilThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{err: errors.New("access denied")}
		keys, _ := newKeys(s)
		for range 20 {
			want(t, tenant(keys, "gk_a"), "internal")
			time.Sleep(100 * time.Millisecond)
		}
		if s.count() > 3 {
			t.Errorf("in two seconds it is read %d times", s.count())
		}
		s.set(of("team-a", "gk_a"), nil)
		time.Sleep(time.Second)
		want(t, tenant(keys, "gk_a"), "team-a")
	})
}

func TestReadingThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret{text: of("team-a", "gk_a"), delay: time.Hour}
		keys, _ := newKeys(s)
		began := time.Now()
		want(t, tenant(keys, "gk_a"), "internal")
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it took %s", took)
		}
		time.Sleep(time.Minute)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := keys.Authenticate(requestIn(ctx, "gk_a"))
		if code(err) != inference.Canceled {
			t.Errorf("a caller that left got %v", err)
		}
		time.Sleep(time.Minute)
	})
}

func requestIn(ctx context.Context, key string) *http.Request {
	return request("X-Api-Key", key).WithContext(ctx)
}
