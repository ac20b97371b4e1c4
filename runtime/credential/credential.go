// Package credential keeps AWS credentials that expire: the next ones are fetched in the background before that, and
// until they are there the old ones are used for as long as they are valid. The SDK's own cache fetches while a request
// waits, and fails the request when that fails, five minutes before it must (aws-sdk-go-v2 v1.47.7, config
// resolveHTTPCredProvider: ExpiryWindow).
//
// It must not know where credentials come from, or who asks for them.
package credential

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// The times of Keeper.
const (
	early        = 5 * time.Minute  // before they expire, the next credentials are fetched
	pause        = 5 * time.Second  // between tries that fail
	fetchTimeout = 30 * time.Second // of one try
)

// Keeper implements aws.CredentialsProvider over the SDK's cache. It is safe for concurrent use.
type Keeper struct {
	source *aws.CredentialsCache

	mu       sync.Mutex
	current  aws.Credentials
	fetching bool
	next     time.Time // no try before
}

// Keep returns a Keeper. It fetches nothing. The expiry window of the cache must be 0, for the Keeper has its own.
func Keep(source *aws.CredentialsCache) *Keeper { return &Keeper{source: source} }

// Retrieve implements aws.CredentialsProvider. It waits only where there are no valid credentials; its error is then an
// *inference.Error.
func (k *Keeper) Retrieve(ctx context.Context) (aws.Credentials, error) {
	k.mu.Lock()
	current := k.current
	now := time.Now()
	valid := current.HasKeys() && (!current.CanExpire || now.Before(current.Expires))
	due := valid && current.CanExpire && now.After(current.Expires.Add(-early)) && !k.fetching && now.After(k.next)
	if due {
		k.fetching = true
	}
	k.mu.Unlock()
	if due {
		go k.refresh()
	}
	if valid {
		return current, nil
	}
	return k.fetch(ctx)
}

// refresh fetches the next credentials while the old ones are used.
func (k *Keeper) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	k.source.Invalidate() // or it would answer with what is old but valid
	_, _ = k.fetch(ctx)   // tried again soon; nobody waits for it, and readiness tells when there are none left
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fetching = false
	k.next = time.Now().Add(pause)
}

// fetch gets credentials and keeps them.
func (k *Keeper) fetch(ctx context.Context) (aws.Credentials, error) {
	fetched, err := k.source.Retrieve(ctx)
	if err == nil && fetched.CanExpire && !time.Now().Before(fetched.Expires) {
		err = errors.New("those that were fetched have expired")
	}
	if err != nil {
		return aws.Credentials{}, &inference.Error{Code: inference.Internal,
			Message: "The gateway has no valid credentials at the moment.", Cause: err}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current = fetched
	return fetched, nil
}
