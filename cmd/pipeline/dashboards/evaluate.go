package dashboards

import (
	"errors"
	"fmt"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// Evaluate works out each line of a widget: metrics by lookup, expressions by those of their widget that they name, all
// over periods of so many seconds. A line that cannot be worked out has no series, and the error says why.
func (w Widget) Evaluate(seconds float64, lookup func(Line) (metricmath.Series, error)) ([]metricmath.Series, error) {
	results := make([]metricmath.Series, len(w.Lines))
	by := map[string]metricmath.Series{}
	failures := map[int]error{}
	set := func(i int, s metricmath.Series, err error) {
		if failures[i] = err; err == nil {
			results[i] = s
			if id := w.Lines[i].ID; id != "" {
				by[id] = s
			}
		}
	}
	for i, l := range w.Lines {
		if l.Expression == "" {
			s, err := lookup(l)
			set(i, s, err)
		}
	}
	// An expression may name others, wherever they stand: as many rounds as there are lines are enough.
	for range w.Lines {
		for i, l := range w.Lines {
			if l.Expression != "" && results[i] == nil {
				s, err := metricmath.Evaluate(l.Expression, seconds, by)
				set(i, s, err)
			}
		}
	}
	var problems []error
	for i := range w.Lines {
		if failures[i] != nil {
			problems = append(problems, fmt.Errorf("%q of %q: %w", w.Lines[i].Label, w.Title, failures[i]))
		}
	}
	return results, errors.Join(problems...)
}
