package feedback

import (
	"context"
	"sync"
	"time"
)

// DefaultMemory is how many answers a Memory remembers: about 25 MB when it is full.
const DefaultMemory = 1 << 18

// Memory remembers the answers that one process took a rating of, the newest of them. Whoever has more rated than it
// holds can have the oldest rated again; the reader of the archive sees both and counts the first.
type Memory struct {
	mu    sync.Mutex
	most  int
	known map[string]bool
	order []string // as they came; once full, a ring
	next  int      // of the ring: the oldest
}

// NewMemory returns a Memory of so many answers; 0 is DefaultMemory.
func NewMemory(most int) *Memory {
	if most == 0 {
		most = DefaultMemory
	}
	return &Memory{most: most, known: map[string]bool{}}
}

// First implements Seen. It never fails.
func (m *Memory) First(_ context.Context, requestID string, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[requestID] {
		return false, nil
	}
	m.known[requestID] = true
	if len(m.order) < m.most {
		m.order = append(m.order, requestID)
		return true, nil
	}
	delete(m.known, m.order[m.next])
	m.order[m.next] = requestID
	m.next = (m.next + 1) % m.most
	return true, nil
}
