package dashboards

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// Table is what a query of the log finds.
type Table struct {
	Columns []string // the first Keys of them say what a row is of, the others are figures
	Keys    int
	Rows    [][]string
}

var (
	filterForm = regexp.MustCompile(`^filter (\w+) = "([^"]*)"$`)
	statsForm  = regexp.MustCompile(`^stats (.+?) by ([\w, ]+)$`)
	columnForm = regexp.MustCompile(`^(count|sum|pct|avg|max)\(([\w*]+)(?:, (\d+))?\) as (\w+)$`)
)

// Query runs the part of CloudWatch Logs Insights that our dashboards use over the lines of the run in a Region: a
// filter for a text, statistics by fields, and rows that are sorted by a column, falling, up to a limit. Anything else
// is an error.
func (r *Run) Query(text, region string) (Table, error) {
	var t Table
	var lines []map[string]any
	for _, l := range r.lines {
		if in(l.region, region) {
			lines = append(lines, l.fields)
		}
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "\n", " "), " | ") {
		part = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(part), "| "))
		words := strings.Fields(part)
		switch {
		case strings.HasPrefix(part, "SOURCE "):
		case filterForm.MatchString(part):
			f := filterForm.FindStringSubmatch(part)
			lines = slices.DeleteFunc(lines, func(l map[string]any) bool { return l[f[1]] != f[2] })
		case statsForm.MatchString(part):
			f := statsForm.FindStringSubmatch(part)
			var err error
			if t, err = stats(lines, rejoin(strings.Split(f[1], ", ")), strings.Split(f[2], ", ")); err != nil {
				return t, err
			}
		case len(words) == 3 && words[0] == "sort" && words[2] == "desc":
			at := slices.Index(t.Columns, words[1])
			if at < 0 {
				return t, fmt.Errorf("there is no column %s to sort by", words[1])
			}
			slices.SortStableFunc(t.Rows, func(a, b []string) int { return cmp.Compare(figure(b[at]), figure(a[at])) })
		case len(words) == 2 && words[0] == "limit":
			limit, err := strconv.Atoi(words[1])
			if err != nil {
				return t, err
			}
			t.Rows = t.Rows[:min(limit, len(t.Rows))]
		default:
			return t, fmt.Errorf("%q is not read here", part)
		}
	}
	return t, nil
}

func stats(lines []map[string]any, columns, by []string) (Table, error) {
	t := Table{Columns: slices.Clone(by), Keys: len(by)}
	groups := map[string][]map[string]any{}
	var order []string
	for _, l := range lines {
		key := ""
		for _, name := range by {
			key += show(l[name]) + "\x00"
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], l)
	}
	rows := map[string][]string{}
	for _, column := range columns {
		f := columnForm.FindStringSubmatch(column)
		if f == nil {
			return t, fmt.Errorf("the column %q is not read here", column)
		}
		t.Columns = append(t.Columns, f[4])
		statistic := map[string]string{"count": "SampleCount", "sum": "Sum", "avg": "Average", "max": "Maximum", "pct": "p" + f[3]}[f[1]]
		for _, key := range order {
			value, err := over(groups[key], f[2], statistic)
			if err != nil {
				return t, err
			}
			rows[key] = append(rows[key], value)
		}
	}
	for _, key := range order {
		t.Rows = append(t.Rows, append(strings.Split(strings.TrimSuffix(key, "\x00"), "\x00"), rows[key]...))
	}
	return t, nil
}

// rejoin puts columns together again that were split at a comma in their parentheses.
func rejoin(parts []string) []string {
	var whole []string
	for _, part := range parts {
		if last := len(whole) - 1; last >= 0 && strings.Count(whole[last], "(") > strings.Count(whole[last], ")") {
			whole[last] += ", " + part
			continue
		}
		whole = append(whole, part)
	}
	return whole
}

// over is a statistic of a field of lines; "*" counts the lines.
func over(lines []map[string]any, field, statistic string) (string, error) {
	var values []float64
	for _, l := range lines {
		if value, ok := l[field].(float64); ok {
			values = append(values, value)
		} else if field == "*" {
			values = append(values, 1)
		}
	}
	if len(values) == 0 {
		return "", nil
	}
	value, err := metricmath.Statistic(statistic, values)
	return strconv.FormatFloat(value, 'g', -1, 64), err
}

func show(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// figure is a text as a number; the least for one that is none.
func figure(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return -1
	}
	return value
}
