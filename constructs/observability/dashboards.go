package observability

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/price"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// DashboardsProps says what the dashboards are about.
type DashboardsProps struct {
	Environment string    // required; as the programs are told
	Gateways    []Gateway // required
	Aliases     []string  // required; the models as callers name them, which is the dimension of the metrics
	Models      []string  // ids as they are called in the stack's Region, for Bedrock's own metrics; default: those are not shown
	Profiles    []Profile // through which models are called there; default none
	Rated       bool      // callers rate answers; default false: no satisfaction is shown
	Alarms      []awscloudwatch.IAlarm
}

// Dashboards are of an environment in a Region: what it costs, how well it performs, and what it is used for. At their top
// a person chooses a variant and a model.
type Dashboards interface {
	constructs.Construct
	// Cost compares the compute on arm64 and on x86, and shows what tokens cost.
	Cost() awscloudwatch.Dashboard
	// Performance shows latency against what is aimed at, throughput, errors and what is about to run out.
	Performance() awscloudwatch.Dashboard
	// Business shows who asks for how much.
	Business() awscloudwatch.Dashboard
}

type dashboards struct {
	constructs.Construct
	scope
	DashboardsProps
	region                      string
	cost, performance, business awscloudwatch.Dashboard
}

// NewDashboards makes Dashboards. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewDashboards(parent constructs.Construct, id string, props DashboardsProps) Dashboards {
	var problems check.Problems
	checkGateways(&problems, props.Environment, props.Gateways)
	checkModels(&problems, props.Models)
	checkProfiles(&problems, props.Profiles)
	problems.If(len(props.Aliases) == 0, "Aliases: are none; name the models that callers name")
	prices, err := price.Load()
	problems.If(err != nil, "%v", err)
	problems.Panic(fmt.Sprintf("observability.NewDashboards(%q)", id))
	d := &dashboards{scope: scope{environment: props.Environment}, DashboardsProps: props}
	constructs.NewConstruct_Override(d, parent, jsii.String(id))
	d.region = *regionOf(d)
	name := func(what string) string { return props.Environment + "-" + d.region + "-" + what }
	d.cost = board(d, "Cost", name("cost"), []awscloudwatch.IVariable{d.variants()}, d.costRows(prices))
	d.performance = board(d, "Performance", name("performance"), []awscloudwatch.IVariable{d.variants(), d.models()}, d.performanceRows())
	d.business = board(d, "Business", name("business"), []awscloudwatch.IVariable{d.variants()}, d.businessRows())
	return d
}

// Cost is named ENVIRONMENT-REGION-cost; its figures are US dollars at list prices.
func (d *dashboards) Cost() awscloudwatch.Dashboard { return d.cost }

// Performance is named ENVIRONMENT-REGION-performance; its times are in milliseconds.
func (d *dashboards) Performance() awscloudwatch.Dashboard { return d.performance }

// Business is named ENVIRONMENT-REGION-business.
func (d *dashboards) Business() awscloudwatch.Dashboard { return d.business }

func (d *dashboards) variants() awscloudwatch.IVariable {
	var names []string
	for _, g := range d.Gateways {
		names = append(names, g.Variant)
	}
	return choice("variant", "Variant", anyVariant, names)
}

func (d *dashboards) models() awscloudwatch.IVariable {
	return choice("model", "Model", anyModel, d.Aliases)
}

// byVariant is a line for each variant.
func (d *dashboards) byVariant(m metric.Metric, statistic string, period time.Duration) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		lines = append(lines, line(g.Variant, d.of(g.Variant, m, statistic, period)))
	}
	return lines
}

// byModel is a line for each model of the chosen variant.
func (d *dashboards) byModel(m metric.Metric, statistic string, period time.Duration) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, alias := range d.Aliases {
		lines = append(lines, line(alias, d.ofModel(anyVariant, alias, m, statistic, period)))
	}
	return lines
}

// chosen are lines of the chosen variant and model.
func (d *dashboards) chosen(m metric.Metric, period time.Duration, statistics ...string) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, statistic := range statistics {
		lines = append(lines, line(m.Name+" "+statistic, d.ofModel(anyVariant, anyModel, m, statistic, period)))
	}
	return lines
}

// logs are the groups of all variants.
func (d *dashboards) logs() []*string {
	var groups []*string
	for _, g := range d.Gateways {
		if g.LogGroup != nil {
			groups = append(groups, g.LogGroup)
		}
	}
	return groups
}

// performanceRows are latency against its targets, throughput, errors, the chosen model, and what may run out.
func (d *dashboards) performanceRows() [][]awscloudwatch.IWidget {
	const ms = "ms"
	period := latencyPeriod
	return [][]awscloudwatch.IWidget{
		d.alarmRow(),
		{
			graph("API response, not streamed, p95", ms, d.byVariant(metric.ResponseLatency, "p95", period), targetOf(AnswerTarget)),
			graph("First token of a stream, p95", ms, d.byVariant(metric.TimeToFirstToken, "p95", period), targetOf(AnswerTarget)),
			graph("Calls of Bedrock, to the last token, p95", ms, d.byVariant(metric.InferenceLatency, "p95", period), targetOf(BedrockTarget)),
		}, {
			graph("End to end, streams to their last token, p95", ms, d.byVariant(metric.Duration, "p95", period), targetOf(EndToEndTarget)),
			graph("Cold start of the program, the slowest", ms, d.byVariant(metric.ColdStart, "Maximum", period), targetOf(ColdStartTarget)),
			graph("The gateway's own part, p95", ms, d.byVariant(metric.GatewayOverhead, "p95", period), targetOf(AnswerTarget)),
		}, {
			graph("Requests a minute", "requests", d.byVariant(metric.Requests, "", minute), nil),
			graph("Errors", "% of requests", d.shares(metric.Errors), target(ErrorTarget, fmt.Sprintf("target %d %%", ErrorTarget))),
			graph("Requests that callers got wrong", "% of requests", d.shares(metric.ClientErrors), nil),
		}, {
			graph("Calls that Bedrock throttled", "calls", d.byVariant(metric.Throttles, "", minute), nil),
			graph("Retries, and calls that went on to another target", "calls", append(d.named(metric.Retries), d.named(metric.Failovers)...), nil),
			graph("Requests that another target than the first served", "requests", d.byVariant(metric.Fallbacks, "", minute), nil),
		},
		d.givenUp(),
		{text("## "+anyVariant+", model "+anyModel, 1)},
		{
			graph("API response, not streamed", ms, d.chosen(metric.ResponseLatency, period, "p50", "p95", "p99"), targetOf(AnswerTarget)),
			graph("First token of a stream", ms, d.chosen(metric.TimeToFirstToken, period, "p50", "p95", "p99"), targetOf(AnswerTarget)),
			graph("Calls of Bedrock", ms, d.chosen(metric.InferenceLatency, period, "p50", "p95", "p99"), targetOf(BedrockTarget)),
		},
		{text("## What may run out", 1)},
		d.saturation(),
		d.bedrock(),
		d.coldStarts(),
	}
}

// givenUp is what the gateway refused or lost. A function loses neither records nor lines: it keeps none to itself.
func (d *dashboards) givenUp() []awscloudwatch.IWidget {
	row := []awscloudwatch.IWidget{
		graph("Requests refused, for the process was busy", "requests", d.byVariant(metric.Shed, "", minute), nil),
		graph("Requests refused by their tenant's limits", "requests", d.byVariant(metric.Limited, "", minute), nil),
	}
	if lost := append(d.servers(metric.LogLost), d.archive(metric.ArchiveLost)...); len(lost) > 0 {
		row = append(row, graph("Lost: usage records and lines of the log", "records, lines", lost, nil))
	}
	return row
}

// alarmRow shows the state of every alarm.
func (d *dashboards) alarmRow() []awscloudwatch.IWidget {
	if len(d.Alarms) == 0 {
		return nil
	}
	return []awscloudwatch.IWidget{alarmStatus("Alarms", d.Alarms)}
}

func (d *dashboards) shares(m metric.Metric) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		lines = append(lines, share(g.Variant, d.of(g.Variant, m, "", minute), d.of(g.Variant, metric.Requests, "", minute), idOf(g.Variant), minute))
	}
	return lines
}

// named is a line for each variant, with the metric's name beside it.
func (d *dashboards) named(m metric.Metric) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		lines = append(lines, line(m.Name+" "+g.Variant, d.of(g.Variant, m, "", minute)))
	}
	return lines
}

// servers is the same of variants whose program is a server.
func (d *dashboards) servers(m metric.Metric) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		if g.Function == nil {
			lines = append(lines, line(m.Name+" "+g.Variant, d.of(g.Variant, m, "", minute)))
		}
	}
	return lines
}

// archive is the same of variants that keep usage records.
func (d *dashboards) archive(m metric.Metric) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		if g.Archives {
			lines = append(lines, line(m.Name+" "+g.Variant, d.of(g.Variant, m, "", minute)))
		}
	}
	return lines
}

// saturation is what each variant stands on.
func (d *dashboards) saturation() []awscloudwatch.IWidget {
	var cpu, executions, edge []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		if f := g.Function; f != nil {
			executions = append(executions, f.metric(d.scope, "ConcurrentExecutions", "Maximum", minute), f.metric(d.scope, "Throttles", "Sum", minute))
		}
		if t := g.Tasks; t != nil {
			cpu = append(cpu, line("CPU of tasks", t.metric(d.scope, "AWS/ECS", "CPUUtilization", "Average", minute)),
				line("memory of tasks", t.metric(d.scope, "AWS/ECS", "MemoryUtilization", "Average", minute)))
		}
		if i := g.Group; i != nil {
			cpu = append(cpu, line("CPU of instances", i.metric(d.scope, "AWS/EC2", "CPUUtilization", "Average", minute)))
		}
		if b := g.Balancer; b != nil {
			edge = append(edge, line("5xx of its own, "+g.Variant, b.metric(d.scope, "HTTPCode_ELB_5XX_Count", minute)),
				line("turned away, "+g.Variant, b.metric(d.scope, "RejectedConnectionCount", minute)))
		}
		if a := g.API; a != nil {
			edge = append(edge, line("5xx of the API", a.metric(d.scope, "5XXError", minute)))
		}
	}
	var row []awscloudwatch.IWidget
	for _, w := range []struct {
		title, unit string
		lines       []awscloudwatch.IMetric
		targets     *[]*awscloudwatch.HorizontalAnnotation
	}{
		{"CPU and memory", "%", cpu, target(busyCPU, fmt.Sprintf("alarm at %d %%", busyCPU))},
		{"Executions of the function, and those turned away", "executions", executions, nil},
		{"Answers before the gateway", "answers", edge, nil},
	} {
		if len(w.lines) > 0 {
			row = append(row, graph(w.title, w.unit, w.lines, w.targets))
		}
	}
	return row
}

// bedrock is what Bedrock itself says of the models that are called in the Region.
func (d *dashboards) bedrock() []awscloudwatch.IWidget {
	all := calledWith(d.Models, d.Profiles)
	if len(all) == 0 {
		return nil
	}
	var latency, throttles, legacy []awscloudwatch.IMetric
	for _, c := range all {
		latency = append(latency, line(c.label, d.modelMetric(c.id, "InvocationLatency", "p95", latencyPeriod)))
		throttles = append(throttles, line(c.label, d.modelMetric(c.id, "InvocationThrottles", "Sum", minute)))
		legacy = append(legacy, line(c.label, d.modelMetric(c.id, "LegacyModelInvocations", "Sum", time.Hour)))
	}
	return []awscloudwatch.IWidget{
		graph("Bedrock itself: latency, p95", "ms", latency, targetOf(BedrockTarget)),
		graph("Bedrock itself: throttled", "calls", throttles, nil),
		graph("Calls of legacy models", "calls", legacy, nil),
	}
}

// coldStarts are those of functions as Lambda reports them, its own part included.
func (d *dashboards) coldStarts() []awscloudwatch.IWidget {
	i := slices.IndexFunc(d.Gateways, func(g Gateway) bool { return g.Function != nil && g.LogGroup != nil })
	if i < 0 {
		return nil
	}
	return []awscloudwatch.IWidget{query("Cold starts as Lambda reports them, ms", []*string{d.Gateways[i].LogGroup},
		`filter type = "platform.report" and ispresent(record.metrics.initDurationMs)`,
		`stats count(*) as starts, pct(record.metrics.initDurationMs, 50) as p50, pct(record.metrics.initDurationMs, 95) as p95, max(record.metrics.initDurationMs) as slowest by bin(1h) as hour`,
		"sort hour desc")}
}
