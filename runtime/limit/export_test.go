package limit

// Known is how many tenants are remembered.
func Known(t *Tenants) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.states)
}
