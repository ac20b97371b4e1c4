package dashboards

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Run is what a run printed: the metrics by key, and the lines of requests for the queries.
type Run struct {
	points   map[string][]Point
	lines    []map[string]any
	from, to time.Time
}

// bins is into how many periods the time of a run is divided, at most.
const bins = 40

// NewRun reads logs.
func NewRun(logs ...io.Reader) (*Run, error) {
	r := &Run{points: map[string][]Point{}}
	for _, log := range logs {
		text, err := io.ReadAll(log)
		if err != nil {
			return nil, err
		}
		points, err := Points(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			r.add(p)
		}
		scanner := bufio.NewScanner(bytes.NewReader(text))
		scanner.Buffer(nil, longestLine)
		for scanner.Scan() {
			var line map[string]any
			i := bytes.IndexByte(scanner.Bytes(), '{')
			if i >= 0 && json.Unmarshal(scanner.Bytes()[i:], &line) == nil {
				r.lines = append(r.lines, line)
			}
		}
	}
	if len(r.points) == 0 {
		return nil, fmt.Errorf("the logs have no metrics; run make up and send some requests first")
	}
	return r, nil
}

func (r *Run) add(p Point) {
	if r.from.IsZero() || p.At.Before(r.from) {
		r.from = p.At
	}
	if !p.At.Before(r.to) {
		r.to = p.At.Add(time.Millisecond)
	}
	r.points[p.Metric.Key()] = append(r.points[p.Metric.Key()], p)
}

// period is how long a bin is: whole seconds.
func (r *Run) period() time.Duration {
	return max(time.Second, (r.to.Sub(r.from)/bins).Truncate(time.Second)+time.Second)
}

// series is a line's metric over bins of a length; over all of the time when it is zero.
func (r *Run) series(period time.Duration) func(Line) (metricmath.Series, error) {
	count := 1
	if period > 0 {
		count = int(math.Ceil(float64(r.to.Sub(r.from)) / float64(period)))
	}
	return func(l Line) (metricmath.Series, error) {
		result := metricmath.None(count)
		values := make([][]float64, count)
		for _, p := range r.values(l.Metric) {
			i := 0
			if period > 0 {
				i = int(p.At.Sub(r.from) / period)
			}
			values[i] = append(values[i], p.Value)
		}
		for i := range result {
			var err error
			if result[i], err = metricmath.Statistic(l.Statistic, values[i]); err != nil {
				return nil, err
			}
		}
		return result, nil
	}
}

// values are those of a metric: what the programs printed, or what stands in for AWS's own of what they run on.
func (r *Run) values(m Metric) []Point {
	if m.Namespace == metric.Namespace {
		return r.points[m.Key()]
	}
	source, value := standIn(m)
	var points []Point
	for _, p := range r.points[source.Key()] {
		if value != 0 {
			p.Value = value
		}
		points = append(points, p)
	}
	return points
}

// StandsIn tells whether values of the programs stand in for a metric of AWS.
func StandsIn(m Metric) bool {
	source, _ := standIn(m)
	return source.Name != ""
}

// standIn is what stands in for a metric of AWS in a local run: the function's runs are its requests, and there is one
// process of each server. Value 0 is that of the source.
func standIn(m Metric) (source Metric, value float64) {
	of := func(variant string, source metric.Metric) Metric {
		return Metric{Namespace: metric.Namespace, Name: source.Name, Dimensions: map[string]string{metric.DimEnvironment: "local", metric.DimVariant: variant}}
	}
	switch m.Namespace + " " + m.Name {
	case "AWS/Lambda Duration":
		return of(settings.VariantServerless, metric.Duration), 0
	case "AWS/Lambda Invocations":
		return of(settings.VariantServerless, metric.Requests), 0
	case "ECS/ContainerInsights RunningTaskCount":
		return of(settings.VariantContainers, metric.Requests), 1
	case "AWS/AutoScaling GroupInServiceInstances":
		return of(settings.VariantInstances, metric.Requests), 1
	}
	return Metric{Dimensions: map[string]string{}}, 0
}

// Requests is how many requests the run has.
func (r *Run) Requests() int {
	return len(slices.DeleteFunc(slices.Clone(r.lines), func(l map[string]any) bool { return l["msg"] != "request" }))
}
