package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var prefixes = []string{"global", "us", "eu", "jp", "au"}

// dated reports whether a text names a day as a word of its own. No regular expression: every program asks at its start.
func dated(text string) bool {
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, ".,;:()")
		if len(word) != len(time.DateOnly) {
			continue // most words are no day, and an error would be allocated for each
		}
		if _, err := time.Parse(time.DateOnly, word); err == nil {
			return true
		}
	}
	return false
}

// faults lists what is wrong with one model of the file, in words for the person who edits it.
func (c *Catalog) faults(m Model) []string {
	var out []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	check(m.Name != "", "has no name")
	check(len(m.Sources) > 0, "has no source")
	for _, source := range m.Sources {
		check(dated(source), "the source %q has no date, such as 2026-11-22", source)
	}
	check(strings.Contains(m.ID, "."), "an id is provider.name")
	check(m.OnDemand || len(m.Profiles) > 0, "cannot be called in any form")
	check(m.MaxOutputTokens >= 0, "maxOutputTokens is negative")
	dying := !m.Legacy.IsZero() || !m.EndOfLife.IsZero()
	check(!dying || m.Successor != "", "a model with a legacy or end-of-life date needs a successor")
	ordered := m.Legacy.IsZero() || m.EndOfLife.IsZero() || m.Legacy.Before(m.EndOfLife)
	check(ordered, "legacy must come before endOfLife")
	out = append(out, c.successorFaults(m)...)
	for i, p := range m.Profiles {
		check(slices.Contains(prefixes, p.Prefix), "profile prefix %q; allowed are %s", p.Prefix, strings.Join(prefixes, ", "))
		check(p.Prefix != "global" || i == 0, "the global profile comes first")
		check(p.Prefix != "global" || len(p.Destinations) == 0, "the global profile names no destinations")
		out = append(out, p.Price.faults(p.Prefix)...)
	}
	return append(out, m.OnDemandPrice.faults("on demand")...)
}

// successorFaults walks the chain: it must stay in the catalog and must end.
func (c *Catalog) successorFaults(m Model) []string {
	for steps := 0; m.Successor != ""; steps++ {
		next, ok := c.Model(m.Successor)
		if !ok {
			return []string{fmt.Sprintf("successor %q is not in the catalog", m.Successor)}
		}
		if steps > len(c.models) {
			return []string{"its successors form a circle"}
		}
		m = next
	}
	return nil
}

func (p Price) faults(form string) []string {
	if p == (Price{}) {
		return nil
	}
	var out []string
	if p.Input <= 0 || p.Output <= 0 || p.CacheRead < 0 || p.CacheWrite < 0 {
		out = append(out, form+" price: input and output must be set, and no rate negative")
	}
	if (p.LongPromptOver > 0) != (p.LongPromptFactor > 0) {
		out = append(out, form+" price: longPromptOver and longPromptFactor go together")
	}
	if p.AsOf.IsZero() {
		out = append(out, form+" price: asOf says when it was read")
	}
	return out
}
