package diff

import (
	"cmp"
	"slices"
	"strings"
)

// Category is a kind of finding, and the name of the gate that stops on it.
type Category string

// The categories.
const (
	Destructive Category = "destructive" // data or an identity is lost, or less protected from loss
	Broadening  Category = "broadening"  // a policy or a security group allows what it did not
	Exposure    Category = "exposure"    // something can be reached or used by anyone
	Alarm       Category = "alarm"       // an alarm is gone or sounds later
	Costly      Category = "cost"        // the cost rises beyond what a gate allows
)

// Categories lists all categories, the gravest first.
func Categories() []Category { return []Category{Destructive, Exposure, Broadening, Alarm, Costly} }

// Finding is something that a reviewer must not miss.
type Finding struct {
	Category Category `json:"category"`
	Stack    string   `json:"stack,omitempty"`    // id
	Resource string   `json:"resource,omitempty"` // logical id
	Name     string   `json:"name,omitempty"`     // the construct's path in the stack, or the logical id
	Type     string   `json:"type,omitempty"`
	Summary  string   `json:"summary"` // one sentence without a full stop, of our own words
	Details  []string `json:"details,omitempty"`
	May      bool     `json:"may,omitempty"` // it cannot be told before the deployment; it counts all the same
	Waiver   *Waiver  `json:"waiver,omitempty"`
}

// text is the summary, with what it leaves open.
func (f Finding) text() string {
	if f.May && !strings.Contains(f.Summary, "may ") {
		return f.Summary + ", or not: only the deployment knows"
	}
	return f.Summary
}

// judge finds what is worth a warning in one stack.
func judge(s side, change StackChange) []Finding {
	findings := slices.Concat(judgeData(s, change), judgeExposure(s), judgeAccess(s), judgeGroups(s), judgeAlarms(s))
	for i := range findings {
		f := &findings[i]
		f.Stack = s.stack().ID
		if f.Resource != "" && f.Type == "" {
			f.Type = cmp.Or(s.after.Resources[f.Resource].Type, s.before.Resources[f.Resource].Type)
		}
		if f.Resource != "" && f.Name == "" {
			f.Name = s.name(f.Resource)
		}
	}
	order := Categories()
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Category), slices.Index(order, b.Category)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Summary, b.Summary))
	})
	return findings
}

// ids returns the logical ids of the resources there are afterwards, sorted.
func (s side) ids() []string {
	ids := make([]string, 0, len(s.after.Resources))
	for id := range s.after.Resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// had tells whether the resource was there before, as the same type.
func (s side) had(id string) bool {
	r, ok := s.before.Resources[id]
	return ok && r.Type == s.after.Resources[id].Type
}
