// Package recovery computes how long a failover to another Region takes (RTO), and how much each kind of state loses in
// it (RPO), term by term, each with its reason, so that an operator sees what a number is made of.
//
// It is arithmetic: it must not know CDK, for the operator's command and the environment files use it too, nor what is
// deployed. AWS's figures were read on 2026-11-23 in stored copies of the pages named with them; where AWS gives none,
// the reason says so.
package recovery

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// Limit is the recovery time that a plan may take without a word about it.
const Limit = 15 * time.Minute

// AliasTTL is how long resolvers keep the answer of an alias record. Such a record has no TTL of its own: Route 53 gives
// that of the target. For a load balancer that is 60 s (aws.amazon.com/route53/faqs, "DNS failover"); for API Gateway
// AWS gives no figure, and the same is taken.
const AliasTTL = time.Minute

// What a health checker of Route 53 waits for, after which a check has failed (Route 53 Developer Guide, "How Amazon
// Route 53 determines whether a health check is healthy").
const (
	ConnectWait = 4 * time.Second
	AnswerWait  = 2 * time.Second // after connecting
)

// Check is a health check as Route 53 knows it.
type Check struct {
	Path     string        // what is asked for; default endpoint.Healthz. It must not cost anything
	Interval time.Duration // between two checks of one checker: 10 s (default) or 30 s
	Failures int           // in a row, until a checker finds an endpoint unhealthy: 1 to 10, default 3
}

// Alarm is a CloudWatch alarm that health checks follow where Route 53's checkers, who come from the internet, cannot ask.
// It knows what its metric knows: with a balancer's healthy targets, not whether Amazon Bedrock answers them.
type Alarm struct {
	Shows   time.Duration // until its metric shows a fault, such as budget.TargetSick of a balancer's healthy targets; default 0
	Period  time.Duration // of the metric: whole minutes, default 1 min
	Periods int           // in a row that must be bad: 1 to 10, default 1
}

// Plan is what the recovery time follows from.
type Plan struct {
	Check Check  // that asks; empty with Alarm
	Alarm *Alarm // that is followed instead; default nil: Check asks
	// TTL is how long resolvers keep the record; default AliasTTL, which holds for every alias.
	TTL time.Duration
	// KeepAlive is how long a client may hold on to a connection to a Region that is sick and still answers. Required:
	// budget.BalancerKeepAlive for a balancer. Of API Gateway AWS gives no figure; give what your clients are told.
	KeepAlive time.Duration
	// Silence is how long a request waits for a Region that says nothing, until whoever stands before it gives up.
	// Required: budget.BalancerIdle for a balancer, budget.Function for an API.
	Silence time.Duration
	// FirstByte is how long it takes at worst until a stream has failed to which Amazon Bedrock says nothing, such as
	// settings.Settings.FirstByteAtWorst; default 0: it fails when the time of a whole answer is over, which is not in the
	// sum. It counts where Check judges from real calls.
	FirstByte time.Duration
	// Capacity is how long the other Region needs until it can take all callers; default 0, it always runs at that size.
	Capacity time.Duration
	// SlowReason is why more than Limit is good enough; required for that, else empty.
	SlowReason string
}

// Term is one part of the recovery time.
type Term struct {
	Name   string
	Time   time.Duration // at worst
	Reason string
}

// Filled returns the plan with its defaults.
func (p Plan) Filled() Plan {
	if p.TTL == 0 {
		p.TTL = AliasTTL
	}
	if p.Alarm != nil {
		p.Alarm = &Alarm{p.Alarm.Shows, cmp.Or(p.Alarm.Period, time.Minute), cmp.Or(p.Alarm.Periods, 1)}
		return p
	}
	p.Check = Check{cmp.Or(p.Check.Path, endpoint.Healthz), cmp.Or(p.Check.Interval, 10*time.Second), cmp.Or(p.Check.Failures, 3)}
	return p
}

// Terms are the parts of the recovery time, in the order in which they pass.
func (p Plan) Terms() []Term {
	p = p.Filled()
	capacity := "the other Region always runs at the size that all callers need"
	if p.Capacity > 0 {
		capacity = "until the other Region has grown to the size that all callers need"
	}
	found := p.judgement()
	if p.Alarm != nil {
		found = p.Alarm.terms()
	}
	return append(found,
		Term{"DNS", p.TTL, "resolvers keep the old answer; an alias record has no TTL of its own, but that of its target"},
		Term{"connections", p.KeepAlive, "clients keep a connection to a Region that is sick and still answers"},
		Term{"silence", 2 * p.Silence, fmt.Sprintf("a request under way when that is over, and the one more that a balancer takes then, each wait up to %s for nothing", p.Silence)},
		Term{"capacity", p.Capacity, capacity},
	)
}

// terms are how long it takes until the checkers have found a Region unhealthy.
func (c Check) terms() []Term {
	failures := time.Duration(c.Failures)
	terms := []Term{
		{"detection", failures * c.Interval, fmt.Sprintf("%d checks in a row must fail, %s apart", c.Failures, c.Interval)},
		{"checkers", failures * (ConnectWait + AnswerWait), fmt.Sprintf("each check may wait %s to connect and %s for an answer before it has failed", ConnectWait, AnswerWait)},
	}
	return terms
}

// judgement is that, and before it the time until what is checked says that the Region is sick.
func (p Plan) judgement() []Term {
	if !strings.HasSuffix(p.Check.Path, endpoint.Healthz) { // it is not judged from real calls
		return p.Check.terms()
	}
	silent := "streams to a Bedrock that takes calls and says nothing fail after this; whole answers take the model's time, and fail with the stream budget"
	if p.FirstByte == 0 {
		silent = "calls to a Bedrock that takes them and says nothing fail with the stream budget, which is not in the sum"
	}
	return append([]Term{
		{"judgement", endpoint.HealthWindow, endpoint.Healthz + " judges the calls of this time, each when it ends, and most must have failed; a Region that is gone fails at once"},
		{"first byte", p.FirstByte, silent},
	}, p.Check.terms()...)
}

// terms are how long it takes until the alarm has found a Region unhealthy.
func (a *Alarm) terms() []Term {
	return []Term{
		{"metric", a.Shows, "until the alarm's metric shows the fault"},
		{"alarm", time.Duration(a.Periods+1) * a.Period, fmt.Sprintf("%d periods of %s in a row must be bad, and the fault comes within the one before", a.Periods, a.Period)},
		{"delivery", a.Period, "AWS gives no figure for how late a period's value comes; one more period is taken"},
	}
}

// RTO is the recovery time at worst: the sum of the terms. AWS gives no figure for what Route 53 needs to tell its name
// servers of a change of health, so that is not in it.
func (p Plan) RTO() time.Duration {
	var sum time.Duration
	for _, t := range p.Terms() {
		sum += t.Time
	}
	return sum
}

// String is the plan as a person reads it: a line for each term, and the sum.
func (p Plan) String() string {
	var b strings.Builder
	for _, t := range p.Terms() {
		fmt.Fprintf(&b, "%-12s %7s  %s\n", t.Name, t.Time, t.Reason)
	}
	fmt.Fprintf(&b, "%-12s %7s  at worst", "RTO", p.RTO())
	return b.String()
}
