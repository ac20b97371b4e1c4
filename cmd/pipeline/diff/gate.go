package diff

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// Gates are what must not happen.
type Gates struct {
	categories []Category
	cost       *costGate
}

// costGate is the growth of the cost per month that is too much.
type costGate struct{ percent float64 }

// String writes the gate as the flag has it.
func (g *costGate) String() string {
	return "cost>" + strconv.FormatFloat(g.percent, 'f', -1, 64) + "%"
}

var costPattern = regexp.MustCompile(`^cost>(\d+(?:\.\d+)?)%$`)

// ParseGates reads a list such as "destructive,broadening,exposure,alarm,cost>10%". No gate is an empty text.
func ParseGates(text string) (Gates, error) {
	var g Gates
	if text == "" {
		return g, nil
	}
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if match := costPattern.FindStringSubmatch(name); match != nil {
			percent, err := strconv.ParseFloat(match[1], 64)
			if err != nil {
				return Gates{}, err
			}
			g.cost = &costGate{percent}
			continue
		}
		c := Category(name)
		if c == Costly || !slices.Contains(Categories(), c) {
			return Gates{}, fmt.Errorf("-fail-on %q is not a gate; allowed are destructive, broadening, exposure, alarm, and cost>N%% such as cost>10%%", name)
		}
		g.categories = append(g.categories, c)
	}
	return g, nil
}

// failed names the gates that stop on the report. What a waiver excuses does not count.
func (g Gates) failed(r *Report) []string {
	failed := []string{}
	for _, c := range g.categories {
		if n := r.count(c); n > 0 {
			failed = append(failed, fmt.Sprintf("%s (%d)", c, n))
		}
	}
	if g.cost != nil && r.count(Costly) > 0 {
		failed = append(failed, g.cost.String())
	}
	return failed
}

// count counts the findings of a category that are not waived.
func (r *Report) count(c Category) int {
	n := 0
	for _, f := range r.Findings {
		if f.Category == c && f.Waiver == nil {
			n++
		}
	}
	return n
}

// price adds what both sides cost, and a finding if that grows beyond the gate.
func (r *Report) price(sides []side, o Options) error {
	if o.Cost == nil {
		return nil
	}
	r.Cost = &CostChange{}
	for _, s := range sides {
		var change CostChange
		for _, of := range []struct {
			stack *assembly.Stack
			there bool
			into  *Cost
			sum   *float64
		}{{s.before, !s.added, &change.Before, &r.Cost.Before.USD}, {s.after, !s.removed, &change.After, &r.Cost.After.USD}} {
			if !of.there {
				continue
			}
			cost, err := o.Cost(of.stack)
			if err != nil {
				return fmt.Errorf("the cost of stack %s: %w", of.stack.ID, err)
			}
			*of.into = cost
			*of.sum += cost.USD
		}
		for i := range r.Stacks {
			if r.Stacks[i].Name == s.stack().Name && r.Stacks[i].Account == s.stack().Account && r.Stacks[i].Region == s.stack().Region {
				r.Stacks[i].Cost = &change
			}
		}
	}
	if g := o.Gates.cost; g != nil && r.Cost.growth() > g.percent {
		r.Findings = append(r.Findings, Finding{Category: Costly, Summary: "the cost per month grows by more than " + strings.TrimPrefix(g.String(), "cost>"), Details: []string{r.Cost.String()}})
	}
	return nil
}

// growth is in percent; from nothing to something it is infinite.
func (c CostChange) growth() float64 {
	switch {
	case c.After.USD <= c.Before.USD:
		return 0
	case c.Before.USD == 0:
		return math.Inf(1)
	}
	return (c.After.USD - c.Before.USD) / c.Before.USD * 100
}

// same tells whether there is nothing to say: neither a cent differs, nor what has no price.
func (c CostChange) same() bool {
	return fmt.Sprintf("%.2f", c.After.USD) == fmt.Sprintf("%.2f", c.Before.USD) && c.After.Note == c.Before.Note
}

// String writes the cost on both sides, or once where they are the same.
func (c CostChange) String() string {
	if c.same() {
		return fmt.Sprintf("$%.2f a month, as before", c.After.USD)
	}
	return fmt.Sprintf("$%.2f a month, was $%.2f", c.After.USD, c.Before.USD)
}

// FailedError tells that gates do not let the change pass. The report itself was written. The program's status is then
// 2, another than for failures to report at all.
type FailedError struct{ Gates []string }

// Error names the gates.
func (e *FailedError) Error() string {
	return "this change does not pass: " + strings.Join(e.Gates, ", ")
}
