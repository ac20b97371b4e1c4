package bedrocktest

import "sync"

// How many prefixes the prompt cache holds; the oldest go first.
const keepPrefixes = 4096

// promptCache remembers the prefixes that ended in a cache point.
type promptCache struct {
	mu    sync.Mutex
	seen  map[string]bool
	order []string
}

// input counts a prompt's tokens. The three counters are disjoint, and their sum is the prompt's count whatever was
// cached. The longest known prefix is read; what lies between it and the last cache point is written.
func (c *promptCache) input(p *prompt) usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	read, written := 0, 0
	for _, point := range p.points {
		written = point.bytes
		if c.seen[point.sum] {
			read = point.bytes
		}
		c.remember(point.sum)
	}
	return usage{
		input:      tokens(p.bytes) - tokens(written),
		cacheRead:  tokens(read),
		cacheWrite: tokens(written) - tokens(read),
	}
}

func (c *promptCache) remember(sum string) {
	if c.seen[sum] {
		return
	}
	if c.seen == nil {
		c.seen = make(map[string]bool)
	}
	if len(c.order) == keepPrefixes {
		delete(c.seen, c.order[0])
		c.order = c.order[1:]
	}
	c.seen[sum] = true
	c.order = append(c.order, sum)
}

func (c *promptCache) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.order = nil, nil
}
