package recovery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

func TestRecoveryTimeIsTheSumOfItsTerms(t *testing.T) {
	tests := []struct {
		name  string
		plan  recovery.Plan
		terms string
		want  time.Duration
	}{
		{"a balancer with streams of 290 s", recovery.Plan{KeepAlive: time.Minute, Silence: 295 * time.Second},
			"judgement 1m0s, first byte 0s, detection 30s, checkers 18s, DNS 1m0s, connections 1m0s, silence 9m50s, capacity 0s", 13*time.Minute + 38*time.Second},
		{"streams that are given up sooner", recovery.Plan{KeepAlive: time.Minute, Silence: 295 * time.Second, FirstByte: 40 * time.Second},
			"judgement 1m0s, first byte 40s, detection 30s, checkers 18s, DNS 1m0s, connections 1m0s, silence 9m50s, capacity 0s", 14*time.Minute + 18*time.Second},
		{"slow checks and a standby that must grow",
			recovery.Plan{Check: recovery.Check{Interval: 30 * time.Second, Failures: 2}, KeepAlive: time.Minute, Silence: time.Second, Capacity: 5 * time.Minute},
			"judgement 1m0s, first byte 0s, detection 1m0s, checkers 12s, DNS 1m0s, connections 1m0s, silence 2s, capacity 5m0s", 9*time.Minute + 14*time.Second},
		{"a path that judges nothing", recovery.Plan{Check: recovery.Check{Path: "/livez"}, TTL: 10 * time.Second, KeepAlive: time.Second, Silence: time.Second, FirstByte: time.Hour},
			"detection 30s, checkers 18s, DNS 10s, connections 1s, silence 2s, capacity 0s", time.Minute + time.Second},
		{"an alarm on a balancer's targets", recovery.Plan{Alarm: &recovery.Alarm{Shows: 45 * time.Second}, KeepAlive: time.Minute, Silence: 55 * time.Second, FirstByte: time.Hour},
			"metric 45s, alarm 2m0s, delivery 1m0s, DNS 1m0s, connections 1m0s, silence 1m50s, capacity 0s", 7*time.Minute + 35*time.Second},
		{"an alarm of three periods", recovery.Plan{Alarm: &recovery.Alarm{Period: 2 * time.Minute, Periods: 3}, KeepAlive: time.Minute, Silence: time.Second},
			"metric 0s, alarm 8m0s, delivery 2m0s, DNS 1m0s, connections 1m0s, silence 2s, capacity 0s", 12*time.Minute + 2*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var terms []string
			for _, term := range tt.plan.Terms() {
				terms = append(terms, term.Name+" "+term.Time.String())
				if term.Reason == "" {
					t.Errorf("%s has no reason", term.Name)
				}
			}
			if diff := cmp.Diff(tt.terms, strings.Join(terms, ", ")); diff != "" {
				t.Error(diff)
			}
			if got := tt.plan.RTO(); got != tt.want {
				t.Errorf("RTO is %s, want %s", got, tt.want)
			}
			if problems := tt.plan.Problems(); len(problems) > 0 {
				t.Errorf("it has problems: %q", problems)
			}
			if lines := strings.Split(tt.plan.String(), "\n"); len(lines) != len(terms)+1 || !strings.Contains(lines[len(terms)], tt.want.String()) {
				t.Errorf("it prints\n%s", tt.plan)
			}
		})
	}
}

func TestBadPlansAreRefused(t *testing.T) {
	good := func(change func(*recovery.Plan)) recovery.Plan {
		p := recovery.Plan{KeepAlive: time.Minute, Silence: time.Second}
		change(&p)
		return p
	}
	tests := []struct {
		name string
		plan recovery.Plan
		want []string // the start of each problem
	}{
		{"everything wrong", recovery.Plan{Check: recovery.Check{Path: "healthz", Interval: 20 * time.Second, Failures: 11}, TTL: -1, FirstByte: -1, Capacity: -1},
			[]string{`Check.Path: is "healthz", which does not start with a slash`, "Check.Interval: is 20s; Route 53 knows 10s and 30s",
				"Check.Failures: is 11", "TTL: is -1ns", "KeepAlive: is 0s", "Silence: is 0s", "FirstByte: is -1ns", "Capacity: is -1ns"}},
		{"a path that bills", good(func(p *recovery.Plan) { p.Check.Path = "/v1/messages" }), []string{`Check.Path: is "/v1/messages", which calls Amazon Bedrock and is billed; use /healthz`}},
		{"one below a stage, with a query", good(func(p *recovery.Plan) { p.Check.Path = "/live/v1/chat/completions?a=b" }), []string{`Check.Path: is "/live/v1/chat/completions?a=b", which calls`}},
		{"a path that wants a key", good(func(p *recovery.Plan) { p.Check.Path = "/v1/models" }), []string{`Check.Path: is "/v1/models", which asks callers who they are`}},
		{"one of a model", good(func(p *recovery.Plan) { p.Check.Path = "/v1/models/haiku" }), []string{`Check.Path: is "/v1/models/haiku", which asks`}},
		{"a blank", good(func(p *recovery.Plan) { p.Check.Path = "/a b" }), []string{`Check.Path: is "/a b", which is no path`}},
		{"too many failures for the limit", good(func(p *recovery.Plan) {
			p.Check = recovery.Check{Interval: 30 * time.Second, Failures: 10}
			p.Capacity = 7 * time.Minute
		}),
			[]string{"RTO: is up to 16m2s (judgement 1m0s + first byte 0s + detection 5m0s + checkers 1m0s + DNS 1m0s + connections 1m0s + silence 2s + capacity 7m0s); allowed is 15m0s"}},
		{"as slow, with a reason", good(func(p *recovery.Plan) { p.Capacity, p.SlowReason = 20*time.Minute, "batch only" }), nil},
		{"requests that wait too long", good(func(p *recovery.Plan) { p.Silence = 6 * time.Minute }), []string{"RTO: is up to 15m48s"}},
		{"an alarm and a question", good(func(p *recovery.Plan) { p.Alarm, p.Check.Failures = &recovery.Alarm{}, 3 }), []string{"Check: is set, and so is Alarm"}},
		{"an alarm that Route 53 does not follow", good(func(p *recovery.Plan) {
			p.Alarm = &recovery.Alarm{Shows: -1, Period: 10 * time.Second, Periods: 11}
		}), []string{"Alarm.Shows: is -1ns", "Alarm.Period: is 10s; allowed are whole minutes", "Alarm.Periods: is 11"}},
		{"an alarm that is too slow", good(func(p *recovery.Plan) { p.Alarm = &recovery.Alarm{Periods: 10, Shows: time.Minute} }),
			[]string{"RTO: is up to 15m2s (metric 1m0s + alarm 11m0s + delivery 1m0s +"}},
		{"a blank reason", good(func(p *recovery.Plan) { p.Capacity, p.SlowReason = 20*time.Minute, " " }), []string{"RTO: is up to"}},
		{"exactly the limit", good(func(p *recovery.Plan) { p.Capacity = 11*time.Minute + 10*time.Second }), nil},
		{"a reason without need", good(func(p *recovery.Plan) { p.SlowReason = "why not" }), []string{"SlowReason: is only for"}},
		{"the stage's own health", good(func(p *recovery.Plan) { p.Check.Path = "/live/healthz" }), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.plan.Problems()
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %d", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// What AWS promises and what we aim at must not be mixed up.
func TestLossesKeepObjectiveAndServiceApart(t *testing.T) {
	type figures struct{ Objective, Service time.Duration }
	got := map[string]figures{}
	for _, l := range []recovery.Loss{recovery.Objects(), recovery.Records(time.Minute), recovery.Secret(), recovery.Table()} {
		got[l.State] = figures{l.Objective, l.Service}
		if l.Reason == "" || !strings.Contains(l.String(), l.Reason) {
			t.Errorf("%s is without a reason", l)
		}
	}
	want := map[string]figures{
		"objects":       {5 * time.Minute, 15 * time.Minute},
		"usage records": {6 * time.Minute, 16 * time.Minute},
		"secrets":       {},
		"global tables": {5 * time.Minute, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := recovery.Secret().String(); !strings.HasPrefix(got, "secrets       objective none, service level none: ") {
		t.Error(got)
	}
}
