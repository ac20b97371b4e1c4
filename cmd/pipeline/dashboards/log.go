package dashboards

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Log is what a program has printed until now, and the Region that it ran for; empty is any.
type Log struct {
	Region string
	Text   io.Reader
}

// Run is what programs printed: the metrics by key, and the lines for the queries.
type Run struct {
	points   map[string][]Point
	lines    []logged
	from, to time.Time
}

// logged is a line of a log.
type logged struct {
	region string
	fields map[string]any
}

// errNothing is of logs in which nothing can be drawn.
var errNothing = errors.New("the logs have no metrics; run make up and send some requests first")

// bins is into how many periods the time of a run is divided, at most.
const bins = 40

// NewRun reads logs. What stands behind the last line break is still being written, and is left out.
func NewRun(logs ...Log) (*Run, error) {
	r := &Run{points: map[string][]Point{}}
	for _, log := range logs {
		text, err := io.ReadAll(log.Text)
		if err != nil {
			return nil, err
		}
		text = text[:bytes.LastIndexByte(text, '\n')+1]
		points, err := Points(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			p.Metric.Region = log.Region
			r.add(p)
		}
		scanner := bufio.NewScanner(bytes.NewReader(text))
		scanner.Buffer(nil, longestLine)
		for scanner.Scan() {
			var fields map[string]any
			i := bytes.IndexByte(scanner.Bytes(), '{')
			if i >= 0 && json.Unmarshal(scanner.Bytes()[i:], &fields) == nil {
				r.lines = append(r.lines, logged{log.Region, fields})
			}
		}
	}
	if len(r.points) == 0 {
		return nil, errNothing
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
				return nil, fmt.Errorf("%s: %w", l.Metric.Name, err)
			}
		}
		return result, nil
	}
}

// in tells whether what is of one Region is of another, too: what is of none is of any.
func in(one, other string) bool { return one == "" || other == "" || one == other }

// values are those of a metric: what the programs printed, or what stands in for AWS's own of what they run on.
func (r *Run) values(m Metric) []Point {
	source, value := m, 0.0
	if m.Namespace != metric.Namespace {
		source, value = r.standIn(m)
	}
	var points []Point
	for _, p := range r.points[source.Key()] {
		if !in(p.Metric.Region, m.Region) {
			continue
		}
		if value != 0 {
			p.Value = value
		}
		points = append(points, p)
	}
	return points
}

// standIn is what stands in for a metric of AWS in a local run: the function's runs are its requests, and there is one
// process of each server. Value 0 is that of the source. Where nothing does, the source has no name.
func (r *Run) standIn(m Metric) (source Metric, value float64) {
	of := func(variant string, source metric.Metric) Metric {
		return Metric{Namespace: metric.Namespace, Name: source.Name, Dimensions: map[string]string{metric.DimEnvironment: r.environment(), metric.DimVariant: variant}}
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
	return Metric{}, 0
}

// environment is the one that the programs were told; a run has one.
func (r *Run) environment() string {
	for _, points := range r.points {
		if name := points[0].Metric.Dimensions[metric.DimEnvironment]; name != "" {
			return name
		}
	}
	return ""
}

// Requests is how many requests the run has.
func (r *Run) Requests() int {
	count := 0
	for _, l := range r.lines {
		if l.fields["msg"] == "request" {
			count++
		}
	}
	return count
}
