package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The reasons Resolve fails for, to be told apart with errors.Is. The error itself says what was got and what is allowed.
var (
	ErrUnknownModel = errors.New("the model is not in the catalog")
	ErrNoOnDemand   = errors.New("the model cannot be called by its own id")
	ErrNoProfile    = errors.New("the model has no such inference profile")
)

// Resolve takes a model id apart as Bedrock is called with it: a foundation model id, or the id of a system-defined
// inference profile such as "us.anthropic.claude-haiku-5-5". It does not look at lifecycle dates. ARNs, and so
// application inference profiles, are not in the catalog.
func (c *Catalog) Resolve(callID string) (Call, error) {
	if m, ok := c.Model(callID); ok {
		if !m.OnDemand {
			return Call{}, fmt.Errorf("%q: %w; use one of %s", callID, ErrNoOnDemand, strings.Join(m.CallIDs(), ", "))
		}
		return Call{ID: callID, Model: m}, nil
	}
	prefix, id, _ := strings.Cut(callID, ".")
	m, ok := c.Model(id)
	if !ok {
		return Call{}, fmt.Errorf("%q: %w; near ids are %s", callID, ErrUnknownModel, strings.Join(c.near(callID), ", "))
	}
	for i := range m.Profiles {
		if m.Profiles[i].Prefix == prefix {
			profile := m.Profiles[i]
			return Call{ID: callID, Model: m, Profile: &profile}, nil
		}
	}
	return Call{}, fmt.Errorf("%q: %w; use one of %s", callID, ErrNoProfile, strings.Join(m.CallIDs(), ", "))
}

// CallIDs returns every id the model can be called by: its own if it is callable on demand, then those of its profiles.
func (m Model) CallIDs() []string {
	var ids []string
	if m.OnDemand {
		ids = append(ids, m.ID)
	}
	for _, p := range m.Profiles {
		ids = append(ids, p.Prefix+"."+m.ID)
	}
	return ids
}

// Status tells where the model stands at a point in time. A model without dates is active.
func (m Model) Status(asOf time.Time) Status {
	switch {
	case !m.EndOfLife.IsZero() && !asOf.Before(m.EndOfLife):
		return Ended
	case !m.Legacy.IsZero() && !asOf.Before(m.Legacy):
		return Legacy
	}
	return Active
}

// Successor follows the successors of a model, at least one step, to the first that is active at asOf. It returns false
// for a model that is unknown or has no successor alive then; a legacy one is passed over, for Bedrock refuses it to
// new customers.
func (c *Catalog) Successor(id string, asOf time.Time) (Model, bool) {
	m, ok := c.Model(id)
	for ok && m.Successor != "" {
		if m, ok = c.Model(m.Successor); ok && m.Status(asOf) == Active {
			return m, true
		}
	}
	return Model{}, false
}

// near returns the three call ids that differ least from what was given.
func (c *Catalog) near(id string) []string {
	var all []string
	for _, m := range c.models {
		all = append(all, m.CallIDs()...)
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(distance(id, a), distance(id, b)) })
	return all[:min(3, len(all))]
}

// distance is the Levenshtein distance in bytes, of at most the first 128 of each: ids are short, and what a caller
// sends need not be.
func distance(a, b string) int {
	a, b = a[:min(len(a), 128)], b[:min(len(b), 128)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
