package metrics_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// series are values of metrics by key, and by the minute that they came in.
type series map[string]map[int][]float64

func (s series) add(m dashboards.Metric, minute int, values ...float64) {
	key := m.Key()
	if s[key] == nil {
		s[key] = map[int][]float64{}
	}
	s[key][minute] = append(s[key][minute], values...)
}

// beyond is how many periods more than it must CloudWatch looks back for data: with 3 periods it reads 5 (CloudWatch user
// guide, "Configuring how CloudWatch alarms treat missing data", read 2026-11-23; the guide says that the number may vary).
const beyond = 2

// raised tells whether an alarm is raised at the start of a minute, by the guide's rules: where there are enough
// periods with data among those that are read, the latest of them count and the missing ones do not; else the missing
// ones count as the alarm says, until there are enough.
func (a alarm) raised(data series, now int) (bool, error) {
	points, err := a.points(data, now)
	if err != nil {
		return false, err
	}
	var breaching, found int
	for i := len(points) - 1; i >= 0 && found < a.periods; i-- {
		if math.IsNaN(points[i]) {
			continue
		}
		found++
		breaks, err := a.breaks(points[i])
		if err != nil {
			return false, err
		}
		if breaks {
			breaching++
		}
	}
	switch a.missing {
	case "breaching":
		breaching += a.periods - found
	case "notBreaching":
	case "missing": // without any the state is that nothing is known
		if a.periods != 1 {
			return false, fmt.Errorf("%s treats data as missing over %d periods, which is not worked out here", a.name, a.periods)
		}
	default:
		return false, fmt.Errorf("%s treats missing data as %q, which is not worked out here", a.name, a.missing)
	}
	return breaching >= a.datapoints, nil
}

func (a alarm) breaks(value float64) (bool, error) {
	switch a.comparison {
	case "GreaterThanThreshold":
		return value > a.threshold, nil
	case "LessThanThreshold":
		return value < a.threshold, nil
	}
	return false, fmt.Errorf("%s compares by %s, which is not worked out here", a.name, a.comparison)
}

// points are the values that the alarm is on, of the periods that CloudWatch would read, the latest at the end.
func (a alarm) points(data series, now int) (metricmath.Series, error) {
	by := map[string]metricmath.Series{}
	var result query
	minutes := 0
	for _, q := range a.queries {
		if q.period > 0 {
			minutes = q.period / 60
		}
		if q.result {
			result = q
		}
	}
	if minutes == 0 || a.low == "ignore" || a.band {
		return nil, fmt.Errorf("%s is of a kind that is not worked out here", a.name)
	}
	count := a.periods + beyond
	for _, q := range a.queries {
		if q.expression != "" {
			continue
		}
		s, own := metricmath.None(count), data[q.metric.Key()]
		for i := range s {
			var values []float64
			end := now - (count-1-i)*minutes
			for minute := end - minutes; minute < end; minute++ {
				values = append(values, own[minute]...)
			}
			var err error
			if s[i], err = metricmath.Statistic(q.statistic, values); err != nil {
				return nil, err
			}
		}
		by[q.id] = s
	}
	if result.expression == "" {
		return by[result.id], nil
	}
	return metricmath.Evaluate(result.expression, (time.Duration(minutes) * time.Minute).Seconds(), by)
}

// The rules for missing data are those of the guide's own examples: five periods that are read, of which three count.
func TestMissingDataIsTreatedAsInTheGuidesExamples(t *testing.T) {
	const x, o, none = 2.0, 0.0, -1.0
	m := dashboards.Metric{Namespace: "n", Name: "m"}
	for _, tt := range []struct {
		points                  []float64
		breaching, notBreaching bool
	}{
		{[]float64{o, none, x, none, x}, false, false},
		{[]float64{o, x, x, none, x}, true, true},
		{[]float64{none, none, none, none, o}, false, false},
		{[]float64{none, none, none, none, none}, true, false},
		{[]float64{none, none, x, none, none}, true, false},
	} {
		data := series{}
		for i, p := range tt.points {
			if p != none {
				data.add(m, i, p)
			}
		}
		for missing, want := range map[string]bool{"breaching": tt.breaching, "notBreaching": tt.notBreaching} {
			a := alarm{periods: 3, datapoints: 3, threshold: 1, comparison: "GreaterThanThreshold", missing: missing,
				queries: []query{{id: "m", metric: m, statistic: "Sum", period: 60, result: true}}}
			if got, err := a.raised(data, len(tt.points)); err != nil || got != want {
				t.Errorf("%v, missing data are %s: raised is %t, %v; want %t", tt.points, missing, got, err, want)
			}
		}
	}
}
