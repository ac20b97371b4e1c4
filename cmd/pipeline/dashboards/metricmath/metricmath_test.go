package metricmath_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

var none = metricmath.Missing()

func TestEvaluate(t *testing.T) {
	by := map[string]metricmath.Series{"a": {1, 0, none, 8}, "b": {4, 0, 5, none}, "m_1": {2, 2, 2, 2}}
	for _, tt := range []struct {
		expression string
		want       metricmath.Series
	}{
		{"a + b", metricmath.Series{5, 0, none, none}},
		{"1 + 2 * 3 - 4 / 2", metricmath.Series{5, 5, 5, 5}},
		{"(1 + 2) * m_1", metricmath.Series{6, 6, 6, 6}},
		{"10 - 2 - 3", metricmath.Series{5, 5, 5, 5}},
		{"a / b", metricmath.Series{0.25, none, none, none}},
		{"IF(b > 0, 100 * a / b, 0)", metricmath.Series{25, 0, none, none}},
		{"FILL(a, 0)", metricmath.Series{1, 0, 0, 8}},
		{"FILL(a, b)", metricmath.Series{1, 0, 5, 8}},
		{"b / (b + FILL(a, 0))", metricmath.Series{0.8, none, 1, none}},
		{"a * PERIOD(a) / 60", metricmath.Series{5, 0, none, 40}},
		{"a >= 1", metricmath.Series{1, 0, none, 1}},
		{"a==1", metricmath.Series{1, 0, none, 0}},
		{"0.0000133334 * 1000", metricmath.Series{0.0133334, 0.0133334, 0.0133334, 0.0133334}},
	} {
		got, err := metricmath.Evaluate(tt.expression, 300, by)
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s: %s", tt.expression, diff)
		}
	}
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	by := map[string]metricmath.Series{"a": {1}, "long": {1, 2}}
	for expression, want := range map[string]string{
		"b":                            `"b", which is neither a number nor the id`,
		"a +":                          `"", which is neither`,
		"ANOMALY_DETECTION_BAND(a, 2)": "calls ANOMALY_DETECTION_BAND, which is not known here",
		"IF(a, 1)":                     "gives IF 2 arguments; it takes 3",
		"(a":                           `lacks ")"`,
		"a 1":                          `does not go on with "1"`,
	} {
		if _, err := metricmath.Evaluate(expression, 60, map[string]metricmath.Series{"a": by["a"]}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", expression, err, want)
		}
	}
	if _, err := metricmath.Evaluate("a + long", 60, by); err == nil || !strings.Contains(err.Error(), "periods") {
		t.Errorf("series of different lengths: %v", err)
	}
}

func TestStatistics(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for name, want := range map[string]float64{"Sum": 10, "Average": 2.5, "Minimum": 1, "Maximum": 4, "SampleCount": 4, "p50": 2.5, "p100": 4, "p90": 3.7} {
		if got, err := metricmath.Statistic(name, values); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, want)
		}
	}
	if got, err := metricmath.Statistic("Sum", nil); err != nil || !math.IsNaN(got) {
		t.Errorf("without values the sum is %v, %v", got, err)
	}
	for _, name := range []string{"sum", "p0", "p101", "tm99"} {
		if got, err := metricmath.Statistic(name, values); err == nil {
			t.Errorf("%s is %v", name, got)
		}
	}
}
