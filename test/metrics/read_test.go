package metrics_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
)

// use is a metric that an alarm or a dashboard reads.
type use struct {
	by          string // who reads it, for messages
	environment string
	metric      dashboards.Metric
	unit        string // empty where the reader asks for none, as dashboards never do
	shown       bool   // on a dashboard
}

// usesOf are those of some stacks.
func usesOf(stacks []*assembly.Stack) ([]use, error) {
	var uses []use
	var problems []error
	for _, s := range stacks {
		for _, a := range alarmsOf(s) {
			for _, q := range a.queries {
				if q.expression == "" {
					uses = append(uses, use{by: "alarm " + a.name, environment: environmentOf(s), metric: q.metric, unit: q.unit})
				}
			}
		}
		read, err := dashboards.Read(s)
		problems = append(problems, err)
		for _, d := range read {
			uses = append(uses, shownOn(d, environmentOf(s))...)
		}
	}
	return uses, errors.Join(problems...)
}

// shownOn are the metrics of a dashboard, for everything that a person can choose on it.
func shownOn(d dashboards.Dashboard, environment string) []use {
	var uses []use
	for _, chosen := range choices(d) {
		for _, w := range chosen.Widgets {
			for _, l := range w.Lines {
				if l.Expression == "" {
					uses = append(uses, use{by: fmt.Sprintf("dashboard %s, %q", d.Name, w.Title), environment: environment, metric: l.Metric, shown: true})
				}
			}
		}
	}
	return uses
}

// choices are a dashboard with every value of its variables, one variable after the other.
func choices(d dashboards.Dashboard) []dashboards.Dashboard {
	all := []map[string]string{{}}
	for _, v := range d.Variables {
		var more []map[string]string
		for _, chosen := range all {
			for _, value := range v.Values {
				next := map[string]string{v.Pattern: value}
				for pattern, earlier := range chosen {
					next[pattern] = earlier
				}
				more = append(more, next)
			}
		}
		all = more
	}
	var chosen []dashboards.Dashboard
	for _, values := range all {
		chosen = append(chosen, d.Choose(values))
	}
	return chosen
}

// alarm is one of a template.
type alarm struct {
	id, name, stack     string
	description         string
	queries             []query
	periods, datapoints int
	threshold           float64
	comparison, missing string
	low                 string // what is done at percentiles of few values
	actions             []any
	band                bool // the threshold is a band of what is usual
}

// query is one of an alarm's metrics or expressions.
type query struct {
	id, expression, statistic, unit string
	metric                          dashboards.Metric
	period                          int
	result                          bool // the alarm is on this one
}

// alarmsOf are the metric alarms of a stack.
func alarmsOf(s *assembly.Stack) []alarm {
	var alarms []alarm
	for _, r := range s.ByType("AWS::CloudWatch::Alarm") {
		p := r.Properties
		a := alarm{id: r.LogicalID, name: dashboards.Text(s, p["AlarmName"]), stack: s.ID, description: dashboards.Text(s, p["AlarmDescription"]),
			periods: whole(p["EvaluationPeriods"]), datapoints: whole(p["DatapointsToAlarm"]), threshold: number(p["Threshold"]),
			comparison: text(p["ComparisonOperator"]), missing: text(p["TreatMissingData"]), low: text(p["EvaluateLowSampleCountPercentile"]),
			band: p["ThresholdMetricId"] != nil}
		a.actions, _ = p["AlarmActions"].([]any)
		if a.datapoints == 0 {
			a.datapoints = a.periods
		}
		list, _ := p["Metrics"].([]any)
		for _, entry := range list {
			m := object(entry)
			stat := object(m["MetricStat"])
			q := query{id: text(m["Id"]), expression: text(m["Expression"]), result: m["ReturnData"] == true, statistic: text(stat["Stat"]), unit: text(stat["Unit"]),
				period: whole(stat["Period"])}
			q.metric = metricOf(s, object(stat["Metric"]))
			a.queries = append(a.queries, q)
		}
		if list == nil {
			statistic := text(p["Statistic"]) + text(p["ExtendedStatistic"])
			a.queries = []query{{id: "only", statistic: statistic, unit: text(p["Unit"]), period: whole(p["Period"]), metric: metricOf(s, p), result: true}}
		}
		alarms = append(alarms, a)
	}
	return alarms
}

func metricOf(s *assembly.Stack, p map[string]any) dashboards.Metric {
	m := dashboards.Metric{Namespace: text(p["Namespace"]), Name: text(p["MetricName"]), Dimensions: map[string]string{}, Region: s.Region}
	list, _ := p["Dimensions"].([]any)
	for _, d := range list {
		m.Dimensions[text(object(d)["Name"])] = dashboards.Text(s, object(d)["Value"])
	}
	return m
}

func object(value any) map[string]any { o, _ := value.(map[string]any); return o }

func text(value any) string { t, _ := value.(string); return t }

func number(value any) float64 { n, _ := value.(float64); return n }

func whole(value any) int { return int(number(value)) }

// alarmNamed is the one alarm with a name.
func alarmNamed(name string) (alarm, error) {
	for _, s := range built.assembly.Stacks {
		alarms := alarmsOf(s)
		if i := slices.IndexFunc(alarms, func(a alarm) bool { return a.name == name }); i >= 0 {
			return alarms[i], nil
		}
	}
	return alarm{}, fmt.Errorf("there is no alarm %s", name)
}
