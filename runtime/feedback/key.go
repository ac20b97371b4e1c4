package feedback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// SecretReader reads the secret that ids are made with.
type SecretReader interface {
	// Read returns the secret as it is now, asked for anew each time. It ends with the context.
	Read(context.Context) ([]byte, error)
}

// LeastSecret is how many bytes the secret must have.
const LeastSecret = 32

// How the secret is read.
const (
	refreshAge  = time.Hour        // age at which the copy is read anew
	retryPause  = 10 * time.Second // least time between two readings
	readTimeout = 5 * time.Second
)

var errNoSecret = errors.New("there is no copy of the feedback secret; the log says why")

// key is a copy of the secret. There is no timer: a request that finds it too old has it read in the background, for a
// Lambda function does not run between requests. While it cannot be read, the last copy counts.
type key struct {
	secret SecretReader
	log    *slog.Logger

	mu      sync.Mutex
	value   []byte        // nil: there is no copy
	read    time.Time     // when the copy was made
	tried   time.Time     // when a reading last began
	reading chan struct{} // closed at the end of the reading that is under way; nil when there is none
}

// refresh begins a reading, if there is need to and none is under way. It belongs to no request, and all share it.
func (k *key) refresh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	fresh := k.value != nil && now.Sub(k.read) < refreshAge
	if fresh || k.reading != nil || (!k.tried.IsZero() && now.Sub(k.tried) < retryPause) {
		return
	}
	done := make(chan struct{})
	k.reading, k.tried = done, now
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
		defer cancel()
		value, err := k.secret.Read(ctx)
		if err == nil && len(value) < LeastSecret {
			err = fmt.Errorf("it has %d bytes; at least %d are wanted", len(value), LeastSecret)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			k.value, k.read = value, now
		} else {
			k.log.Warn("the feedback secret cannot be read", "cause", err, "copy", k.value != nil)
		}
		k.reading = nil
		close(done)
	}()
}

// get returns the copy, and waits for one that is being read if there is none yet; nil when there is still none.
func (k *key) get(ctx context.Context, most time.Duration) []byte {
	k.refresh()
	k.mu.Lock()
	value, reading := k.value, k.reading
	k.mu.Unlock()
	if value != nil || reading == nil {
		return value
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-reading:
	case <-timer.C:
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value
}
