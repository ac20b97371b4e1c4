package cost

import (
	"fmt"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/price"
)

// NoPrice stands where a figure would, for nobody could point to a price.
const NoPrice = "no price known"

// Line is one item that costs the same in every month, whatever the load.
type Line struct {
	Item     string  `json:"item"`
	Count    int     `json:"count"`             // how many resources it sums up
	Quantity float64 `json:"quantity"`          // in Unit, a month
	Unit     string  `json:"unit,omitempty"`    // such as "hour"
	UnitUSD  float64 `json:"unitUsd,omitempty"` // what one costs
	// USD is a month's cost; nil where no price is known.
	USD *float64 `json:"usd"`
	// Why says what makes the price unknown.
	Why     string `json:"why,omitempty"`
	compute bool   // tasks and instances, of which there are more under load
	key     string
}

// Fixed is what a stack costs in a month of 730 hours without any traffic.
type Fixed struct {
	Lines []Line `json:"lines"`
	// USD is the sum of what is known.
	USD float64 `json:"usd"`
	// NotPriced are the types of which nobody here knows whether and what they cost.
	NotPriced []assembly.Kind `json:"notPriced"`
	// ByUse are the types that cost by their use alone.
	ByUse []assembly.Kind `json:"byUse"`
}

// Unknown counts the lines without a price.
func (f Fixed) Unknown() int {
	n := 0
	for _, l := range f.Lines {
		if l.USD == nil {
			n++
		}
	}
	return n
}

// Note says on one line what the sum leaves out; it is empty when it leaves out nothing but what costs by use.
func (f Fixed) Note() string {
	var left []string
	if n := f.Unknown(); n > 0 {
		left = append(left, "without "+many(n, "item")+" whose price is not known")
	}
	if n := len(f.NotPriced); n > 0 {
		left = append(left, "without "+many(n, "resource type")+" that nobody priced")
	}
	return strings.Join(left, ", ")
}

// OfStack works out what a stack costs in a month whatever its load, from its template alone. The stacks nested in it
// are not part of it.
func OfStack(prices *price.List, stack *assembly.Stack) (Fixed, error) {
	c := &counter{prices: prices, stack: stack}
	rules := rules()
	var f Fixed
	for _, kind := range stack.Kinds() {
		rule, known := rules[kind.Type]
		switch {
		case known:
			for _, r := range stack.ByType(kind.Type) {
				rule(c, r)
			}
		case slices.Contains(byUse(), kind.Type):
			f.ByUse = append(f.ByUse, kind)
		case !isFree(kind.Type):
			f.NotPriced = append(f.NotPriced, kind)
		}
	}
	programs, err := programsOf(stack)
	if err != nil {
		return Fixed{}, err
	}
	for _, p := range programs {
		c.add("custom metrics of the program, at most", float64(p.metrics()), "metric.month")
	}
	f.Lines = c.lines
	for _, l := range f.Lines {
		if l.USD != nil {
			f.USD += *l.USD
		}
	}
	return f, nil
}

// counter collects the lines of one stack.
type counter struct {
	prices *price.List
	stack  *assembly.Stack
	lines  []Line
}

// add counts a quantity a month of what has a price, if it has one.
func (c *counter) add(item string, quantity float64, key string) *Line {
	l := Line{Item: item, Count: 1, Quantity: quantity, key: key}
	if p, ok := c.prices.Find(key, c.stack.Region); ok {
		usd := quantity * p.USD
		l.Unit, l.UnitUSD, l.USD = p.Unit, p.USD, &usd
	} else {
		l.Why = fmt.Sprintf("%s in %s", key, c.stack.Region)
	}
	return c.merge(l)
}

// hours counts so many of what is billed by the hour, for the whole month.
func (c *counter) hours(item string, many float64, key string) *Line {
	return c.add(item, many*price.HoursPerMonth, key)
}

// unknown notes an item that costs, but not what.
func (c *counter) unknown(item, why string) { c.merge(Line{Item: item, Count: 1, Why: why}) }

// merge sums up lines for the same item.
func (c *counter) merge(l Line) *Line {
	for i := range c.lines {
		same := &c.lines[i]
		if same.Item != l.Item || same.key != l.key || (same.USD == nil) != (l.USD == nil) {
			continue
		}
		same.Count++
		same.Quantity += l.Quantity
		if l.USD != nil {
			*same.USD += *l.USD
		}
		return same
	}
	c.lines = append(c.lines, l)
	return &c.lines[len(c.lines)-1]
}

// text is a property that must be literal to be judged; empty when it is not there or not literal.
func (c *counter) text(r assembly.Resource, path ...string) string {
	value, err := c.stack.String(r, path...)
	if err != nil {
		return ""
	}
	return value
}

// members counts the items of a list property; 0 when it is no list.
func members(r assembly.Resource, path ...string) int {
	list, _ := property(r, path...).([]any)
	return len(list)
}

// property returns what the template says at a path, unevaluated.
func property(r assembly.Resource, path ...string) any {
	var value any = r.Properties
	for _, key := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	return value
}
