package observability

import (
	"fmt"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/runbook"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// How often is looked, and what is too much. A page takes three minutes of five: one request that fails is no reason to get
// up. An hour's share finds what is too slow or too rare for that, and pages nobody.
const (
	minute        = time.Minute
	latencyPeriod = 5 * time.Minute
	quietPeriod   = 5 * time.Minute
	anomalyPeriod = 15 * time.Minute
	anomalyBand   = 4  // standard deviations
	throttleShare = 5  // percent of requests
	busyCPU       = 90 // percent; scaling aims well below
	reservedShare = 80 // percent of the executions that are reserved
)

var requests = metric.Requests

// soon and often are for what is looked at each minute; late is for percentiles.
var (
	soon  = [2]int{3, 5}
	often = [2]int{10, 15}
	late  = [2]int{2, 3}
	once  = [2]int{1, 1}
)

// answers are the alarms on what the program says of the requests that it got.
func (a *alarms) answers(g Gateway) []rule {
	rate := func(m metric.Metric, period time.Duration) rule {
		return rule{metric: share("% of requests", a.of(g.Variant, m, "", period), a.of(g.Variant, requests, "", period), "", period)}
	}
	slow := func(name, what string, m metric.Metric) rule {
		return rule{name: name, runbook: runbook.Latency, over: float64(AnswerTarget.Milliseconds()), of: late, metric: a.of(g.Variant, m, "p95", latencyPeriod),
			says: fmt.Sprintf("%s of %s takes more than %s, at the 95th percentile", what, g.Variant, AnswerTarget)}
	}
	errors, lasting, throttles := rate(metric.Errors, minute), rate(metric.Errors, time.Hour), rate(metric.Throttles, minute)
	errors.name, errors.over, errors.of, errors.pages = "errors", ErrorTarget, soon, true
	errors.says = fmt.Sprintf("More than %d %% of the requests to %s fail", ErrorTarget, g.Variant)
	lasting.name, lasting.runbook, lasting.over, lasting.of = "errors-in-an-hour", runbook.Errors, ErrorTarget, once
	lasting.says = fmt.Sprintf("More than %d %% of an hour's requests to %s failed", ErrorTarget, g.Variant)
	throttles.name, throttles.runbook, throttles.over, throttles.of = "throttles", runbook.QuotaExhausted, throttleShare, soon
	throttles.says = fmt.Sprintf("Bedrock throttles more than %d calls in a hundred requests to %s", throttleShare, g.Variant)
	own := slow("overhead", "The gateway's own part", metric.GatewayOverhead)
	own.pages = true
	return []rule{errors, lasting, throttles, own,
		slow("answer", "An answer that is no stream", metric.ResponseLatency), slow("first-token", "The first token of a stream", metric.TimeToFirstToken)}
}

// platform are the alarms on what the program stands on: what it cannot say itself, since the request never reached it, and
// what will be too little soon.
func (a *alarms) platform(g Gateway) []rule {
	var rules []rule
	if f := g.Function; f != nil {
		rules = append(rules,
			rule{name: "crashes", runbook: runbook.Errors, over: ErrorTarget, of: soon, pages: true,
				says:   fmt.Sprintf("More than %d %% of the runs of the function end without an answer", ErrorTarget),
				metric: share("% of runs", f.metric(a.scope, "Errors", "Sum", minute), f.metric(a.scope, "Invocations", "Sum", minute), "", minute)},
			rule{name: "no-execution", runbook: runbook.Saturation, of: soon, pages: true,
				says: "Lambda turns requests away: no execution is left", metric: f.metric(a.scope, "Throttles", "Sum", minute)})
		if f.Reserved > 0 {
			rules = append(rules, rule{name: "busy", runbook: runbook.Saturation, over: float64(f.Reserved) * reservedShare / 100, of: soon,
				says:   fmt.Sprintf("More than %d %% of the reserved executions are in use", reservedShare),
				metric: f.metric(a.scope, "ConcurrentExecutions", "Maximum", minute)})
		}
	}
	if api := g.API; api != nil {
		rules = append(rules, rule{name: "edge", runbook: runbook.Errors, over: ErrorTarget, of: soon, pages: true,
			says:   fmt.Sprintf("API Gateway answers more than %d %% of the requests with 5xx", ErrorTarget),
			metric: share("% of requests", api.metric(a.scope, "5XXError", minute), api.metric(a.scope, "Count", minute), "", minute)})
	}
	if b := g.Balancer; b != nil {
		// A request that the balancer answers itself is in none of its other counts, and there is no count while it is zero.
		using := metrics{"own": b.metric(a.scope, "HTTPCode_ELB_5XX_Count", minute), "passed": b.metric(a.scope, "RequestCount", minute)}
		rules = append(rules,
			rule{name: "edge", runbook: runbook.Errors, over: ErrorTarget, of: soon, pages: true,
				says:   fmt.Sprintf("The balancer itself answers more than %d %% of the requests with 5xx: no target takes them", ErrorTarget),
				metric: expression("% of requests", "100 * own / (own + FILL(passed, 0))", using, minute)},
			rule{name: "rejected", runbook: runbook.Saturation, of: once,
				says: "The balancer turns connections away: it is at its limit", metric: b.metric(a.scope, "RejectedConnectionCount", minute)})
	}
	busy := fmt.Sprintf("the CPU is more than %d %% in use, and scaling does not help", busyCPU)
	if t := g.Tasks; t != nil {
		rules = append(rules,
			rule{name: "busy", runbook: runbook.Saturation, over: busyCPU, of: often, says: "Of the tasks " + busy, metric: t.metric(a.scope, "AWS/ECS", "CPUUtilization", "Average", minute)},
			rule{name: "memory", runbook: runbook.Saturation, over: busyCPU, of: often, says: fmt.Sprintf("More than %d %% of the tasks' memory is in use", busyCPU),
				metric: t.metric(a.scope, "AWS/ECS", "MemoryUtilization", "Average", minute)})
	}
	if i := g.Group; i != nil {
		rules = append(rules, rule{name: "busy", runbook: runbook.Saturation, over: busyCPU, of: often, says: "Of the instances " + busy,
			metric: i.metric(a.scope, "AWS/EC2", "CPUUtilization", "Average", minute)})
	}
	return rules
}

// losses are the alarms on what nobody would miss at once.
func (a *alarms) losses(g Gateway) []rule {
	var rules []rule
	if g.Function == nil {
		rules = append(rules, rule{name: "log", runbook: runbook.ArchiveLoss, of: once, says: "Lines of the log of " + g.Variant + " were given up, and the metrics in them",
			metric: a.of(g.Variant, metric.LogLost, "", minute)})
	}
	if g.Archives {
		rules = append(rules, rule{name: "archive", runbook: runbook.ArchiveLoss, of: once, says: "Usage records of " + g.Variant + " were given up and will be in no bucket",
			metric: a.of(g.Variant, metric.ArchiveLost, "", minute)})
	}
	return rules
}
