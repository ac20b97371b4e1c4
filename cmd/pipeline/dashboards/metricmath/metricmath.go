// Package metricmath works out what CloudWatch would from values of metrics: statistics of periods, and the part of metric
// math that our dashboards and alarms use. An expression that it does not know is an error, never a guess.
//
// It must not know where values come from, nor what is done with them. What CloudWatch does is told by its user guide
// ("Using math expressions with CloudWatch metrics", read 2026-11-23); nothing here was compared with CloudWatch itself.
package metricmath

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Series is a value for each of some periods in a row. NaN is a period without data.
type Series []float64

// Missing is the value of a period without data.
func Missing() float64 { return math.NaN() }

// None is a series without data.
func None(periods int) Series {
	s := make(Series, periods)
	for i := range s {
		s[i] = Missing()
	}
	return s
}

// Statistic works out a statistic of the values of one period: Sum, Average, Minimum, Maximum, SampleCount or a
// percentile such as p95. Without values it is missing.
func Statistic(name string, values []float64) (float64, error) {
	if len(values) == 0 {
		return Missing(), nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch name {
	case "Sum":
		return sum, nil
	case "Average", "":
		return sum / float64(len(values)), nil
	case "Minimum":
		return slices.Min(values), nil
	case "Maximum":
		return slices.Max(values), nil
	case "SampleCount":
		return float64(len(values)), nil
	}
	percent, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
	if err != nil || !strings.HasPrefix(name, "p") || percent <= 0 || percent > 100 {
		return 0, fmt.Errorf("the statistic %q is not known; known are Sum, Average, Minimum, Maximum, SampleCount and p1 to p100", name)
	}
	sorted := slices.Sorted(slices.Values(values))
	// The value that so many percent are not above, between two by their distance.
	at := percent / 100 * float64(len(sorted)-1)
	low := int(at)
	if low == len(sorted)-1 {
		return sorted[low], nil
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low]), nil
}

// Evaluate works out an expression over series by their ids, all of the same periods, each so many seconds long. Where
// one operand has no data, the result has none; nor has a division by zero.
func Evaluate(expression string, seconds float64, by map[string]Series) (Series, error) {
	periods := -1
	for id, s := range by {
		if periods >= 0 && len(s) != periods {
			return nil, fmt.Errorf("%s has %d periods, and others %d", id, len(s), periods)
		}
		periods = len(s)
	}
	p := &parser{rest: expression, seconds: seconds, by: by, periods: max(periods, 0)}
	result := p.comparison()
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail("does not go on with %q", p.rest)
	}
	if p.err != nil {
		return nil, fmt.Errorf("the expression %q %w", expression, p.err)
	}
	return result, nil
}
