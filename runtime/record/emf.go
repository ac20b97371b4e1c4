package record

import (
	"strconv"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// Value is one metric's value.
type Value struct {
	Metric metric.Metric
	Value  float64
}

// most is more metrics than a request has, which are not all at once.
const most = 20

// Values returns what a request contributes to each metric. Metrics that do not apply are absent rather than zero:
// the time to first token of a request without one would pull the average down.
func Values(r *Request) []Value { return appendValues(nil, r) }

func appendValues(values []Value, r *Request) []Value {
	values = append(values,
		Value{metric.Requests, 1},
		Value{metric.Errors, flag(r.Status >= 500 && r.Code != inference.Canceled)},
		Value{metric.ClientErrors, flag(r.Status >= 400 && r.Status < 500 && r.Code != inference.Canceled)},
		Value{metric.Shed, flag(r.Shed)},
		Value{metric.Limited, flag(r.Limited)},
		Value{metric.Duration, milliseconds(r.Duration)},
		Value{metric.GatewayOverhead, milliseconds(max(0, r.Duration-r.Upstream-r.Client))},
	)
	if r.Trail.Calls > 0 {
		values = append(values,
			Value{metric.Throttles, float64(r.Trail.Throttles)},
			Value{metric.Retries, float64(r.Trail.Calls - 1)},
			Value{metric.Failovers, float64(r.Trail.Failovers)},
			Value{metric.Fallbacks, flag(r.Trail.Fallback)},
			Value{metric.InferenceLatency, milliseconds(r.Upstream)},
		)
		if !r.Stream {
			values = append(values, Value{metric.ResponseLatency, milliseconds(r.Duration)})
		}
	}
	if r.FirstToken > 0 && r.Stream {
		values = append(values, Value{metric.TimeToFirstToken, milliseconds(r.FirstToken)})
	}
	if r.Usage != (inference.Usage{}) {
		values = append(values,
			Value{metric.InputTokens, float64(r.Usage.Input)},
			Value{metric.CacheReadTokens, float64(r.Usage.CacheRead)},
			Value{metric.CacheWriteTokens, float64(r.Usage.CacheWrite)},
			Value{metric.OutputTokens, float64(r.Usage.Output)},
		)
		if r.CostKnown {
			values = append(values, Value{metric.EstimatedCost, r.Cost})
		}
	}
	return values
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// milliseconds keeps microseconds: an overhead is well below a millisecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// appendDirective writes the "_aws" member: which members of the line are metrics, and under which dimensions.
func appendDirective(dst []byte, at time.Time, dimensions string, values []Value) []byte {
	dst = append(dst, `{"Timestamp":`...)
	dst = strconv.AppendInt(dst, at.UnixMilli(), 10)
	dst = append(dst, `,"CloudWatchMetrics":[{"Namespace":"`+metric.Namespace+`","Dimensions":`...)
	dst = append(append(dst, dimensions...), `,"Metrics":[`...)
	for i := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, `{"Name":"`...), values[i].Metric.Name...), `","Unit":"`...)
		dst = append(append(dst, values[i].Metric.Unit...), `"}`...)
	}
	return append(dst, `]}]}`...)
}

// inJSON is a list of dimension sets. Their names need no escapes.
func inJSON(sets [][]string) string {
	var lists []string
	for _, set := range sets {
		lists = append(lists, `["`+strings.Join(set, `","`)+`"]`)
	}
	return "[" + strings.Join(lists, ",") + "]"
}
