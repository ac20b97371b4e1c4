package oidc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	keyLife   = time.Hour        // after which a key that the issuer has withdrawn no longer counts
	askPause  = 30 * time.Second // least time between two answers for one URL
	failPause = time.Second      // the same after a failure
	maxAnswer = 1 << 20          // bytes
)

// keySet is go-oidc's set of keys, begun anew from time to time: the library adds keys that it meets, and would keep
// one that the issuer has withdrawn. While the issuer cannot be asked the old set counts.
type keySet struct {
	begin func() *oidc.RemoteKeySet

	mu      sync.Mutex
	current *oidc.RemoteKeySet
	until   time.Time
}

func newKeySet(ctx context.Context, url string) *keySet {
	k := &keySet{begin: func() *oidc.RemoteKeySet { return oidc.NewRemoteKeySet(ctx, url) }}
	k.current, k.until = k.begin(), time.Now().Add(keyLife)
	return k
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	k.mu.Lock()
	current, stale := k.current, time.Now().After(k.until)
	k.mu.Unlock()
	if stale {
		next := k.begin()
		payload, err := next.VerifySignature(ctx, token)
		if !errors.Is(err, errUnreachable) && ctx.Err() == nil {
			k.mu.Lock()
			k.current, k.until = next, time.Now().Add(keyLife)
			k.mu.Unlock()
			return payload, err
		}
	}
	payload, err := current.VerifySignature(ctx, token)
	if errors.Is(err, errUnreachable) {
		noteOutage(ctx, err)
	}
	return payload, err
}

// errUnreachable is in the chain of every failure to get an answer out of the issuer.
var errUnreachable = errors.New("the issuer does not answer")

// outageKey holds where an outage is noted: go-oidc's verifier does not pass on the error that a key set returns.
type outageKey struct{}

func withOutage(ctx context.Context, into *error) context.Context {
	return context.WithValue(ctx, outageKey{}, into)
}

func noteOutage(ctx context.Context, err error) {
	if into, ok := ctx.Value(outageKey{}).(*error); ok {
		*into = err
	}
}

// throttle keeps apart the requests for one URL by answering with the answer before. go-oidc asks for the keys again
// with every token that no key fits, and so anyone could have the issuer asked at will.
type throttle struct {
	next http.RoundTripper

	mu   sync.Mutex
	last map[string]answer
}

type answer struct {
	at     time.Time
	header http.Header
	body   []byte
	err    error
}

func newThrottle(next http.RoundTripper) *throttle {
	return &throttle{next: next, last: map[string]answer{}}
}

// RoundTrip implements http.RoundTripper. Requests run one after another; go-oidc shares each among all who wait.
func (t *throttle) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	url := r.URL.String()
	last, ok := t.last[url]
	pause := askPause
	if last.err != nil {
		pause = failPause
	}
	if !ok || time.Since(last.at) >= pause {
		last = t.ask(r)
		t.last[url] = last
	}
	if last.err != nil {
		return nil, last.err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: last.header.Clone(), Body: io.NopCloser(bytes.NewReader(last.body)), ContentLength: int64(len(last.body)), Request: r,
	}, nil
}

// ask makes an answer that can be given again. A status other than 200, a redirection too, is a failure.
func (t *throttle) ask(r *http.Request) answer {
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return answer{at: time.Now(), err: fmt.Errorf("%w: %w", errUnreachable, err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	if err != nil {
		return answer{at: time.Now(), err: fmt.Errorf("%w: %w", errUnreachable, err)}
	}
	return answer{at: time.Now(), header: response.Header, body: body}
}
