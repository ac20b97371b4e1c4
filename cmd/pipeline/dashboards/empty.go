package dashboards

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// empty says why nothing of a widget can be drawn; nothing where something can.
func (w Widget) empty(r *Run) string {
	var aws, quiet, unknown []string
	for _, l := range w.Lines {
		switch m := l.Metric; {
		case l.Expression != "":
		case len(r.values(m)) > 0:
			return ""
		case m.Namespace != metric.Namespace:
			aws = append(aws, m.Namespace+" "+m.Name)
		case !slices.ContainsFunc(metric.All(), func(known metric.Metric) bool { return known.Name == m.Name }):
			unknown = append(unknown, m.Name)
		default:
			quiet = append(quiet, m.Name+of(m))
		}
	}
	reasons := []string{}
	for _, because := range []struct {
		names []string
		form  string
	}{
		{unknown, "no program knows a metric %s"},
		{quiet, "the programs have printed no %s yet"},
		{aws, "only AWS counts %s"},
	} {
		if len(because.names) > 0 {
			reasons = append(reasons, fmt.Sprintf(because.form, list(because.names)))
		}
	}
	if len(reasons) == 0 {
		return "No data: it shows no metric."
	}
	return "No data: " + strings.Join(reasons, "; ") + "."
}

// of says what a metric is of, without the environment, which all are of.
func of(m Metric) string {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		if name != metric.DimEnvironment {
			values = append(values, m.Dimensions[name])
		}
	}
	if len(values) == 0 {
		return ""
	}
	return " of " + strings.Join(values, " ")
}

// list joins names, each once.
func list(names []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), ", ")
}
