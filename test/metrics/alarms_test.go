package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// of is prod's metric of the containers, as they emit it.
func of(m metric.Metric) dashboards.Metric {
	return dashboards.Metric{Namespace: metric.Namespace, Name: m.Name,
		Dimensions: map[string]string{metric.DimEnvironment: "prod", metric.DimVariant: settings.VariantContainers}}
}

// serve adds what the recorder emits of so many equal requests in a minute.
func (s series) serve(minute, count int, r record.Request) {
	for range count {
		for _, v := range record.Values(&r) {
			s.add(of(v.Metric), minute, v.Value)
		}
	}
}

// The requests that happen here.
func fine() record.Request {
	return record.Request{Status: 200, Trail: inference.Trail{Calls: 1}, Duration: 900 * time.Millisecond, Upstream: 895 * time.Millisecond}
}

func failed() record.Request {
	r := fine()
	r.Status, r.Code = 502, inference.Upstream
	return r
}

func slow() record.Request {
	r := fine()
	r.Duration, r.Upstream = 2500*time.Millisecond, 2490*time.Millisecond
	return r
}

// stream lasts a minute, of which the client takes some.
func stream(firstToken time.Duration) record.Request {
	r := fine()
	r.Stream, r.FirstToken, r.Duration, r.Upstream, r.Client = true, firstToken, time.Minute, 50*time.Second, 9*time.Second
	return r
}

func throttled() record.Request {
	r := fine()
	r.Trail.Calls, r.Trail.Throttles = 2, 1
	return r
}

func stuck() record.Request {
	r := fine()
	r.Duration = 4 * time.Second
	return r
}

// now is the minute that is looked at; what happens comes before.
const at = 3000

// every minute of some before at.
func every(minutes int, happens func(s series, minute int)) func(series) {
	return func(s series) {
		for minute := at - minutes; minute < at; minute++ {
			happens(s, minute)
		}
	}
}

// mix is so many requests a minute, some of which are of another kind.
func mix(all, some int, other record.Request) func(series, int) {
	return func(s series, minute int) {
		s.serve(minute, all-some, fine())
		s.serve(minute, some, other)
	}
}

// minutes are those before at, counted back, in which every request fails; in the others of an hour all goes well.
func badMinutes(back ...int) func(series) {
	return func(s series) {
		bad := map[int]bool{}
		for _, b := range back {
			bad[at-b] = true
		}
		for minute := at - 60; minute < at; minute++ {
			if bad[minute] {
				s.serve(minute, 10, failed())
			} else {
				s.serve(minute, 10, fine())
			}
		}
	}
}

// happening is something that happens, and what goes off.
type happening struct {
	name    string
	happens func(series)
	raised  string // the names of the alarms, in their order
}

// happenings are all that is tried; balancer names the metrics of the balancer, as the alarm on it reads them.
func happenings(balancer func(name string) dashboards.Metric) []happening {
	return []happening{
		{"nothing ever came", func(series) {}, "quiet"},
		{"zero traffic for an hour and more", func(s series) { s.serve(at-100, 50, fine()) }, "quiet"},
		{"zero, said in so many words", every(120, func(s series, m int) {
			s.add(of(metric.Requests), m, 0)
			s.add(of(metric.Errors), m, 0)
			s.add(of(metric.Throttles), m, 0)
		}), "quiet"},
		{"all goes well", every(180, mix(20, 0, fine())), ""},
		{"one error in one request, the only one in hours", func(s series) { s.serve(at-3, 1, failed()) }, "errors-in-an-hour"},
		{"0.9 % of the requests fail", every(120, mix(1000, 9, failed())), ""},
		{"1 % of them, which is the target", every(120, mix(1000, 10, failed())), ""},
		{"1.1 % of them", every(120, mix(1000, 11, failed())), "errors errors-in-an-hour"},
		{"callers err", every(120, mix(10, 5, record.Request{Status: 400, Code: inference.InvalidRequest})), ""},
		{"callers leave", every(120, mix(10, 5, record.Request{Status: 499, Code: inference.Canceled, Trail: inference.Trail{Calls: 1}})), ""},
		{"two bad minutes of five", badMinutes(1, 4), "errors-in-an-hour"},
		{"three bad minutes of five", badMinutes(1, 3, 5), "errors errors-in-an-hour"},
		{"three bad minutes, six minutes ago", badMinutes(7, 8, 9), "errors-in-an-hour"},
		{"few requests, all of which fail, with gaps between", func(s series) {
			for _, back := range []int{7, 5, 3, 1} {
				s.serve(at-back, 1, failed())
			}
		}, "errors errors-in-an-hour"},
		{"a bad minute, and then a gap in the data", func(s series) {
			every(20, mix(10, 0, fine()))(s)
			delete(s, of(metric.Errors).Key())
			delete(s, of(metric.Requests).Key())
			s.add(of(metric.Requests), at-2, 10)
			s.add(of(metric.Errors), at-2, 10)
		}, "errors-in-an-hour"},
		{"a stream of a minute whose first token comes soon", every(60, func(s series, minute int) { s.serve(minute, 5, stream(400*time.Millisecond)) }), ""},
		{"a stream whose first token comes late", every(60, func(s series, minute int) { s.serve(minute, 5, stream(2500*time.Millisecond)) }), "first-token"},
		{"answers of 2.5 s", every(60, mix(20, 20, slow())), "answer"},
		{"4 % of the answers take 2.5 s", every(60, mix(100, 4, slow())), ""},
		{"6 % of the answers do", every(60, mix(100, 6, slow())), "answer"},
		{"slow for one period of three", func(s series) {
			every(60, mix(20, 0, fine()))(s)
			every(5, func(s series, m int) { s.serve(m, 200, slow()) })(s)
		}, ""},
		{"slow for two periods of three", func(s series) {
			every(60, mix(20, 0, fine()))(s)
			every(10, func(s series, m int) { s.serve(m, 200, slow()) })(s)
		}, "answer"},
		{"the gateway itself is stuck", every(60, mix(20, 20, stuck())), "overhead answer"},
		{"5 % of the calls are throttled", every(60, mix(100, 5, throttled())), ""},
		{"6 % of the calls are throttled", every(60, mix(100, 6, throttled())), "throttles"},
		{"a usage record is lost", func(s series) { every(60, mix(10, 0, fine()))(s); s.add(of(metric.ArchiveLost), at-1, 1) }, "archive"},
		{"a line of the log is lost", func(s series) { every(60, mix(10, 0, fine()))(s); s.add(of(metric.LogLost), at-1, 3) }, "log"},
		{"usage records are stored", every(60, func(s series, m int) {
			s.serve(m, 5, fine())
			s.add(of(metric.ArchiveLost), m, 0)
			s.add(of(metric.ArchiveWritten), m, 5)
		}), ""},
		{"the balancer answers itself, for no target is there", every(60, func(s series, m int) { s.add(balancer("HTTPCode_ELB_5XX_Count"), m, 10) }), "edge quiet"},
		{"the balancer answers one in a thousand", every(60, func(s series, m int) {
			s.serve(m, 10, fine())
			s.add(balancer("HTTPCode_ELB_5XX_Count"), m, 1)
			s.add(balancer("RequestCount"), m, 999)
		}), ""},
		{"silence for 25 minutes", func(s series) { s.serve(at-26, 10, fine()) }, ""},
		{"silence for 45 minutes", func(s series) { s.serve(at-46, 10, fine()) }, "quiet"},
	}
}

// Every alarm goes off exactly when it should, by the templates of prod and the recorder's own values.
func TestAlarmsGoOffWhenTheyShould(t *testing.T) {
	const ours = "prod-us-east-1-containers-"
	balancer := func(name string) dashboards.Metric {
		a, err := alarmNamed(ours + "edge")
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range a.queries {
			if q.metric.Name == name {
				return q.metric
			}
		}
		t.Fatalf("%s is not read by the alarm on the edge", name)
		return dashboards.Metric{}
	}
	tests := happenings(balancer)
	names := []string{"errors", "errors-in-an-hour", "throttles", "overhead", "answer", "first-token", "edge", "rejected", "busy", "memory", "archive", "log", "quiet"}
	ever := map[string]bool{"rejected": true, "busy": true, "memory": true} // thresholds on a metric of AWS as it is
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := series{}
			tt.happens(data)
			var raised []string
			for _, name := range names {
				a, err := alarmNamed(ours + name)
				if err != nil {
					t.Fatal(err)
				}
				is, err := a.raised(data, at)
				if err != nil {
					t.Fatal(err)
				}
				if is {
					raised, ever[name] = append(raised, name), true
				}
			}
			if got := strings.Join(raised, " "); got != tt.raised {
				t.Errorf("raised are %q, want %q", got, tt.raised)
			}
		})
	}
	for _, name := range names {
		if !ever[name] {
			t.Errorf("nothing that happens here raises %s", name)
		}
	}
}

// The page is of what callers feel, and of nothing that can wait.
func TestWhatPages(t *testing.T) {
	stack, err := built.assembly.Stack("prod-us-east-1/observability")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{}
	for _, r := range stack.ByType("AWS::CloudWatch::CompositeAlarm") {
		rules[text(r.Properties["AlarmName"])] = dashboards.Text(stack, r.Properties["AlarmRule"])
		if r.Properties["AlarmActions"] == nil {
			t.Errorf("%v tells nobody", r.Properties["AlarmName"])
		}
	}
	for rule, want := range map[string]map[string]bool{
		"prod-us-east-1-page": {"containers-errors": true, "containers-overhead": true, "containers-edge": true, "serverless-crashes": true, "serverless-no-execution": true,
			"containers-errors-in-an-hour": false, "containers-answer": false, "containers-unusual": false, "containers-quiet": false, "containers-archive": false},
		"prod-us-east-1-quiet": {"containers-quiet": true, "instances-quiet": true, "serverless-quiet": true, "containers-errors": false},
	} {
		for name, in := range want {
			a, err := alarmNamed("prod-us-east-1-" + name)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(rules[rule], "["+a.id+",Arn]"); got != in {
				t.Errorf("%s has %s: %t, want %t: %s", rule, name, got, in, rules[rule])
			}
		}
	}
	if strings.Contains(rules["prod-us-east-1-quiet"], " OR ") || strings.Contains(rules["prod-us-east-1-page"], " AND ") {
		t.Errorf("the rules are %v", rules)
	}
}
