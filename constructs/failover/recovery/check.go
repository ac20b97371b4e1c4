package recovery

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// Problems says what is wrong with the plan, each with what is allowed; empty for a good one.
func (p Plan) Problems() []string {
	p = p.Filled()
	var problems []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	if p.Alarm == nil {
		p.Check.check(add)
	} else {
		add(p.Check != Check{}, "Check: is set, and so is Alarm; a health check asks or follows an alarm; remove one")
		p.Alarm.check(add)
	}
	add(p.TTL < 0, "TTL: is %s; it must not be negative", p.TTL)
	add(p.KeepAlive <= 0, "KeepAlive: is %s; say how long a client may hold on to a connection, such as budget.BalancerKeepAlive", p.KeepAlive)
	add(p.Silence <= 0, "Silence: is %s; say how long a request waits for a Region that says nothing, such as budget.BalancerIdle", p.Silence)
	add(p.FirstByte < 0, "FirstByte: is %s; it must not be negative", p.FirstByte)
	add(p.Capacity < 0, "Capacity: is %s; it must not be negative", p.Capacity)
	if len(problems) > 0 {
		return problems // the sum would be of wrong terms
	}
	slow := p.RTO() > Limit
	add(slow && strings.TrimSpace(p.SlowReason) == "", "RTO: is up to %s (%s); allowed is %s; shorten a term, or say in SlowReason why that is good enough",
		p.RTO(), p.sum(), Limit)
	add(!slow && p.SlowReason != "", "SlowReason: is only for a recovery that takes more than %s, and this one takes %s; remove it", Limit, p.RTO())
	return problems
}

func (c Check) check(add func(wrong bool, format string, args ...any)) {
	why := unfit(c.Path)
	add(why != "", "Check.Path: is %q, %s; use %s", c.Path, why, endpoint.Healthz)
	add(c.Interval != 10*time.Second && c.Interval != 30*time.Second, "Check.Interval: is %s; Route 53 knows 10s and 30s", c.Interval)
	add(c.Failures < 1 || c.Failures > 10, "Check.Failures: is %d; Route 53 allows 1 to 10", c.Failures)
}

// check refuses what Route 53 follows no alarm with: metrics finer than a minute (Amazon Route 53 API Reference,
// "AlarmIdentifier", read 2026-11-23).
func (a *Alarm) check(add func(wrong bool, format string, args ...any)) {
	add(a.Shows < 0, "Alarm.Shows: is %s; it must not be negative", a.Shows)
	add(a.Period < time.Minute || a.Period%time.Minute != 0, "Alarm.Period: is %s; allowed are whole minutes, for Route 53 follows no alarm on a finer metric", a.Period)
	add(a.Periods < 1 || a.Periods > 10, "Alarm.Periods: is %d; allowed is 1 to 10", a.Periods)
}

func (p Plan) sum() string {
	var parts []string
	for _, t := range p.Terms() {
		parts = append(parts, t.Name+" "+t.Time.String())
	}
	return strings.Join(parts, " + ")
}

// open are the endpoints that answer anybody and cost nothing.
var open = []string{endpoint.Healthz, endpoint.Readyz, endpoint.Livez}

// unfit says why a health check must not ask for the path; empty for one it may. A path of an API starts with its stage,
// so the end of it counts.
func unfit(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "which does not start with a slash"
	}
	if strings.ContainsAny(path, " \t\n#") || len(path) > 255 {
		return "which is no path that Route 53 takes, of at most 255 characters"
	}
	path, _, _ = strings.Cut(path, "?")
	for _, e := range endpoint.All() {
		asked := strings.HasSuffix(path, e.Path) || e.Path == endpoint.Model && strings.Contains(path, endpoint.Models+"/")
		switch {
		case !asked || slices.Contains(open, e.Path):
		case e.Method == http.MethodPost:
			return "which calls Amazon Bedrock and is billed"
		default:
			return "which asks callers who they are"
		}
	}
	return ""
}
