package drill

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
)

// store is a Region's bucket of usage records, of which S3 copies each object to the other Region after a lag.
type store struct {
	clock  clock
	lag    time.Duration // negative: nothing is copied
	bucket *buckettest.Bucket

	mu    sync.Mutex
	since map[string]time.Duration // by request id, when its record was stored
}

func newStore(c clock, name string, lag time.Duration) *store {
	return &store{clock: c, lag: lag, bucket: buckettest.New(name), since: map[string]time.Duration{}}
}

// run notes what comes into the bucket, until the context ends.
func (s *store) run(ctx context.Context) {
	seen := map[string]bool{}
	for ended := false; ; {
		keys, changed := s.bucket.Keys()
		now := s.clock.now()
		for _, key := range keys {
			if !seen[key] {
				seen[key] = true
				s.note(key, now)
			}
		}
		if ended {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			ended = true // what came last is noted, too
		}
	}
}

func (s *store) note(key string, now time.Duration) {
	text, err := s.bucket.Text(key)
	if err != nil {
		return // no record of it is found, which is told as lost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(text) {
		var record struct {
			RequestID string `json:"request_id"`
		}
		if json.Unmarshal([]byte(line), &record) == nil {
			s.since[record.RequestID] = now
		}
	}
}

// copied tells whether the record of a request is in the other Region at a time.
func (s *store) copied(request string, at time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.since[request]
	return ok && s.lag >= 0 && stored+s.lag <= at
}

// stored tells whether the record of a request is in the bucket itself.
func (s *store) stored(request string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.since[request]
	return ok
}
