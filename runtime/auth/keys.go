package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// SecretReader reads the secret that holds the hashes of the keys.
type SecretReader interface {
	// Read returns the secret as it is now, asked for anew each time. It ends with the context.
	Read(context.Context) ([]byte, error)
}

// The defaults of KeysOptions, and how long one reading may take.
const (
	DefaultRefresh = 5 * time.Minute
	DefaultRecheck = 30 * time.Second
	readTimeout    = 5 * time.Second
	emptyPause     = time.Second // between readings while there is no copy at all
)

// KeysOptions say where keys come from.
type KeysOptions struct {
	Secret  SecretReader  // required
	Log     *slog.Logger  // required; told when the secret cannot be read
	Refresh time.Duration // age at which a copy is read anew; default DefaultRefresh
	Recheck time.Duration // least time between readings for a key that nobody knows; default DefaultRecheck
}

// Keys authenticates by API keys, sent as a bearer token (OpenAI's SDKs) or as x-api-key (Anthropic's).
//
// The secret is read at the first request and not before, so that a cold start makes no call for it. There is no timer:
// a request that finds the copy too old has it read in the background, for a Lambda function does not run between
// requests. While the secret cannot be read the last copy counts; without any copy every request is refused.
type Keys struct {
	options KeysOptions

	mu      sync.Mutex
	ring    keyring
	have    bool          // there is a copy
	read    time.Time     // when the copy was made
	tried   time.Time     // when a reading last began
	reading chan struct{} // closed at the end of the reading that is under way; nil when there is none
}

// NewKeys returns Keys. It reads nothing.
func NewKeys(options KeysOptions) *Keys {
	if options.Refresh == 0 {
		options.Refresh = DefaultRefresh
	}
	if options.Recheck == 0 {
		options.Recheck = DefaultRecheck
	}
	return &Keys{options: options}
}

// Authenticate returns the tenant of the request's key.
func (k *Keys) Authenticate(r *http.Request) (Caller, error) {
	key, err := keyOf(r)
	if err != nil {
		return Caller{}, err
	}
	ring, ok := k.copy(r.Context())
	if !ok {
		if r.Context().Err() != nil {
			return Caller{}, &inference.Error{Code: inference.Canceled, Message: "The caller left.", Cause: r.Context().Err()}
		}
		return Caller{}, &inference.Error{Code: inference.Internal, Message: "The gateway cannot check API keys at the moment.",
			Cause: errors.New("there is no copy of the API keys; the log says why")}
	}
	tenant, ok := ring.find(key)
	if !ok {
		// It may be newer than the copy.
		tenant, ok = k.recheck(r.Context()).find(key)
	}
	if !ok {
		return Caller{}, refused("The API key is not valid.")
	}
	return Caller{Tenant: tenant, Method: MethodKeys}, nil
}

// keyOf returns the request's key. Two different ones are refused rather than one of them chosen.
func keyOf(r *http.Request) (string, error) {
	headers := r.Header.Values("X-Api-Key")
	bearer := Bearer(r)
	if bearer != "" {
		headers = append(headers[:len(headers):len(headers)], bearer)
	}
	if len(headers) == 0 {
		return "", refused("An API key is required: send it as \"Authorization: Bearer " + KeyPrefix + "…\" or as \"x-api-key\".")
	}
	for _, other := range headers[1:] {
		if other != headers[0] {
			return "", refused("Two different API keys were sent; send one.")
		}
	}
	if !strings.HasPrefix(headers[0], KeyPrefix) || len(headers[0]) > maxKeyBytes {
		return "", refused("The API key is not valid.")
	}
	return headers[0], nil
}

// copy returns the copy of the secret. One that has passed its age is returned at once and read anew meanwhile. One of
// twice that age is waited for: a sandbox that was frozen for hours must not let in a key that was revoked before.
func (k *Keys) copy(ctx context.Context) (keyring, bool) {
	k.mu.Lock()
	now := time.Now()
	age := now.Sub(k.read)
	pause := k.options.Recheck // after a failure
	if !k.have {
		pause = emptyPause
	}
	if (!k.have || age >= k.options.Refresh) && (k.tried.IsZero() || now.Sub(k.tried) >= min(pause, k.options.Refresh)) {
		k.start()
	}
	reading := k.reading
	if k.have && age < 2*k.options.Refresh {
		reading = nil
	}
	k.mu.Unlock()
	return k.after(ctx, reading)
}

// recheck reads the secret for the sake of a key that is not in the copy, unless it was read a moment ago: whoever
// tries out keys must not decide how often Secrets Manager is asked.
func (k *Keys) recheck(ctx context.Context) keyring {
	k.mu.Lock()
	if time.Since(k.tried) >= k.options.Recheck {
		k.start()
	}
	reading := k.reading
	k.mu.Unlock()
	ring, _ := k.after(ctx, reading)
	return ring
}

// after returns the copy there is once the reading has ended, which may be nil, or the caller has left.
func (k *Keys) after(ctx context.Context, reading <-chan struct{}) (keyring, bool) {
	if reading != nil {
		select {
		case <-reading:
		case <-ctx.Done():
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring, k.have
}

// start begins a reading, unless one is under way. It belongs to no request: it goes on when the one that asked for it
// ends, and all that wait share it. k.mu must be held.
func (k *Keys) start() {
	if k.reading != nil {
		return
	}
	done := make(chan struct{})
	k.reading, k.tried = done, time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
		defer cancel()
		ring, err := k.fetch(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			k.ring, k.have, k.read = ring, true, k.tried
		} else {
			k.options.Log.Warn("the API keys cannot be read", "cause", err, "copy", k.have, "copy_from", k.read)
		}
		k.reading = nil
		close(done)
	}()
}

func (k *Keys) fetch(ctx context.Context) (keyring, error) {
	secret, err := k.options.Secret.Read(ctx)
	if err != nil {
		return nil, err
	}
	return parse(secret)
}
