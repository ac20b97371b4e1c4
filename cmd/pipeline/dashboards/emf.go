package dashboards

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Point is one value of a metric, as CloudWatch would take it from a line of the log.
type Point struct {
	At     time.Time
	Metric Metric // its Region is empty
	Unit   string
	Value  float64
}

// Key is what values of one metric have in common.
func (m Metric) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", m.Namespace, m.Name)
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		fmt.Fprintf(&b, " %s=%s", name, m.Dimensions[name])
	}
	return b.String()
}

// longestLine is CloudWatch's limit of an event in its embedded metric format.
const longestLine = 1 << 20

// Points reads the metrics of a log by CloudWatch's embedded metric format (its specification, read 2026-11-23). Lines
// that are of no metric are passed over; one that is, and is not right, is an error.
func Points(log io.Reader) ([]Point, error) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, longestLine)
	var points []Point
	for n := 1; lines.Scan(); n++ {
		text := lines.Bytes()
		// What runs the program may have written something before each line.
		if i := bytes.IndexByte(text, '{'); i < 0 || !bytes.Contains(text, []byte(`"_aws"`)) {
			continue
		} else {
			text = text[i:]
		}
		read, err := pointsOf(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		points = append(points, read...)
	}
	return points, lines.Err()
}

// pointsOf are those of a line: each value once for each set of dimensions.
func pointsOf(line []byte) ([]Point, error) {
	var members map[string]any
	var directives struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(line, &members); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(line, &directives); err != nil {
		return nil, err
	}
	var points []Point
	for _, d := range directives.AWS.CloudWatchMetrics {
		for _, set := range d.Dimensions {
			by := map[string]string{}
			for _, name := range set {
				value, ok := members[name].(string)
				if !ok || value == "" {
					return nil, fmt.Errorf("the dimension %s has no value", name)
				}
				by[name] = value
			}
			for _, m := range d.Metrics {
				value, ok := members[m.Name].(float64)
				if !ok {
					return nil, fmt.Errorf("the metric %s has no value", m.Name)
				}
				points = append(points, Point{At: time.UnixMilli(directives.AWS.Timestamp), Unit: m.Unit, Value: value,
					Metric: Metric{Namespace: d.Namespace, Name: m.Name, Dimensions: by}})
			}
		}
	}
	return points, nil
}
