package synth

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// behindAlarms is the plan of an endpoint that no checker reaches.
var behindAlarms = recovery.Plan{Alarm: &recovery.Alarm{Shows: budget.TargetSick, Periods: 2}, KeepAlive: time.Minute, Silence: 235 * time.Second}

func healthyTargets(statistic string, period float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: jsii.String("AWS/ApplicationELB"), MetricName: jsii.String("HealthyHostCount"),
		DimensionsMap: &map[string]*string{"LoadBalancer": jsii.String("app/a/1"), "TargetGroup": jsii.String("targetgroup/b/2")},
		Statistic:     jsii.String(statistic), Period: awscdk.Duration_Seconds(jsii.Number(period))})
}

// alarmedPair is a pair of internal balancers: each Region's health check follows alarms there.
func alarmedPair() failover.PairProps {
	props := leastPair()
	props.Recovery = behindAlarms
	props.Primary.CheckName, props.Secondary.CheckName = "", ""
	props.Primary.CheckAlarms, props.Secondary.CheckAlarms = []string{"east-healthy"}, []string{"west-blue", "west-green"}
	return props
}

// What no checker can reach is judged by alarms of its own Region: by one, or healthy while one of several is quiet.
func TestHealthChecksFollowAlarms(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	made := failover.NewPair(stack, "Failover", alarmedPair())
	if got := made.Recovery().RTO(); got != 45*time.Second+3*time.Minute+time.Minute+time.Minute+time.Minute+470*time.Second {
		t.Errorf("RTO is %s", got)
	}
	tp := benchTemplate(t, app, out)
	follows := func(id any) string {
		c := tp.Resources[fmt.Sprint(id)].Properties["HealthCheckConfig"]
		if c == nil {
			return fmt.Sprint("nothing: ", id)
		}
		return fmt.Sprint(at(c, "Type"), " ", at(c, "AlarmIdentifier", "Region"), "/", at(c, "AlarmIdentifier", "Name"), " else ", at(c, "InsufficientDataHealthStatus"))
	}
	got := map[string][]string{}
	for _, record := range tp.all("AWS::Route53::RecordSet") {
		region, id := record.Properties["SetIdentifier"].(string), at(record.Properties, "HealthCheckId", "Ref")
		c := tp.Resources[id.(string)].Properties["HealthCheckConfig"]
		if at(c, "Type") != "CALCULATED" {
			got[region] = []string{follows(id)}
			continue
		}
		got[region] = append(got[region], fmt.Sprint("any ", at(c, "HealthThreshold"), " of"))
		for _, child := range list(at(c, "ChildHealthChecks")) {
			got[region] = append(got[region], follows(at(child, "Ref")))
		}
	}
	want := map[string][]string{
		"us-east-1": {"CLOUDWATCH_METRIC us-east-1/east-healthy else Unhealthy"},
		"us-west-2": {"any 1 of", "CLOUDWATCH_METRIC us-west-2/west-blue else Unhealthy", "CLOUDWATCH_METRIC us-west-2/west-green else Unhealthy"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(tp.all("AWS::CloudWatch::Alarm")); n != 2 {
		t.Errorf("%d alarms tell of two Regions", n)
	}
}

// The alarm itself: silence is as bad as bad news, and the plan says for how long.
func TestHealthAlarm(t *testing.T) {
	app, stack, out := benchIn(t, "us-west-2")
	failover.NewHealthAlarm(stack, "Healthy", failover.HealthAlarmProps{Name: "west-healthy", Healthy: healthyTargets("Maximum", 60), Recovery: behindAlarms, Actions: actionsOf(stack)})
	p := benchTemplate(t, app, out).only(t, "AWS::CloudWatch::Alarm").Properties
	got := []any{p["AlarmName"], p["MetricName"], p["Statistic"], p["Period"], p["EvaluationPeriods"], p["ComparisonOperator"], p["Threshold"], p["TreatMissingData"],
		len(list(p["AlarmActions"])), len(list(p["OKActions"]))}
	want := []any{"west-healthy", "HealthyHostCount", "Maximum", 60.0, 2.0, "LessThanThreshold", 1.0, "breaching", 1, 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWatchFollowsAlarms(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	failover.NewWatch(stack, "Watch", failover.WatchProps{Name: "gateway.example.com", Recovery: behindAlarms,
		Alarms: map[string][]string{"us-east-1": {"east-healthy"}, "us-west-2": {"west-healthy"}}})
	tp := benchTemplate(t, app, out)
	for _, alarm := range tp.all("AWS::CloudWatch::Alarm") {
		id, _ := at(alarm.Properties, "Dimensions", 0, "Value", "Ref").(string)
		if at(tp.Resources[id].Properties, "HealthCheckConfig", "Type") != "CLOUDWATCH_METRIC" {
			t.Errorf("an alarm watches %s", id)
		}
	}
	if n := len(tp.all("AWS::CloudWatch::Alarm")); n != 2 {
		t.Errorf("%d alarms for two Regions", n)
	}
}

func TestBadHealthAlarmsAreRefused(t *testing.T) {
	_, east, _ := benchIn(t, "us-east-1")
	pair := func(change func(*failover.PairProps)) func() {
		return func() {
			props := alarmedPair()
			change(&props)
			failover.NewPair(east, "Bad", props)
		}
	}
	alarm := func(change func(*failover.HealthAlarmProps)) func() {
		return func() {
			props := failover.HealthAlarmProps{Name: "healthy", Healthy: healthyTargets("Maximum", 60), Recovery: behindAlarms}
			change(&props)
			failover.NewHealthAlarm(east, "Bad", props)
		}
	}
	math := awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{Expression: jsii.String("a+a"),
		UsingMetrics: &map[string]awscloudwatch.IMetric{"a": healthyTargets("Maximum", 60)}})
	tests := []struct {
		name string
		make func()
		want []string
	}{
		{"alarms on one side alone", pair(func(p *failover.PairProps) { p.Secondary = leastPair().Secondary }), []string{"1 problems",
			"Recovery.Alarm: is set, and Secondary.CheckName has no alarms to follow"}},
		{"a host and alarms", pair(func(p *failover.PairProps) { p.Primary.CheckName = "a.example.com" }), []string{"1 problems", "Primary.CheckName: has a host and alarms"}},
		{"no plan for alarms", pair(func(p *failover.PairProps) { p.Recovery = leastPair().Recovery }), []string{"2 problems",
			"Recovery.Alarm: is nil, and Primary.CheckName follows alarms", "Recovery.Alarm: is nil, and Secondary.CheckName follows alarms"}},
		{"a question beside the alarm", pair(func(p *failover.PairProps) { p.Recovery.Check.Path = "/healthz" }), []string{"1 problems", "Recovery.Check: is set, and so is Alarm"}},
		{"no alarm's name", pair(func(p *failover.PairProps) { p.Primary.CheckAlarms = []string{"a b"} }), []string{"1 problems", `Primary.CheckName: "a b" is no alarm's name`}},
		{"alarms that break the RTO", pair(func(p *failover.PairProps) { p.Recovery.Alarm = &recovery.Alarm{Periods: 5} }), []string{"1 problems",
			"Recovery.RTO: is up to 16m50s (metric 0s + alarm 6m0s + delivery 1m0s + DNS 1m0s + connections 1m0s + silence 7m50s + capacity 0s); allowed is 15m0s"}},
		{"a watch of both", func() {
			failover.NewWatch(east, "Bad", failover.WatchProps{Name: "gateway.example.com", Recovery: behindAlarms,
				Hosts: map[string]string{"us-east-1": "a.example.com"}, Alarms: map[string][]string{"us-west-2": {"west"}}})
		}, []string{"2 problems", "Hosts: is set, and so is Alarms", "Recovery.Alarm: is set, and Alarms[us-east-1] has no alarms"}},
		{"nothing at all", func() { failover.NewHealthAlarm(east, "Bad", failover.HealthAlarmProps{}) }, []string{`failover.NewHealthAlarm("Bad"): 5 problems`, `Name: is ""`,
			"Recovery.KeepAlive", "Recovery.Silence", "Recovery.Alarm: is nil", "Healthy: is nil"}},
		{"metric math", alarm(func(p *failover.HealthAlarmProps) { p.Healthy = math }), []string{"1 problems", "Healthy: is of metric math"}},
		{"a percentile", alarm(func(p *failover.HealthAlarmProps) { p.Healthy = healthyTargets("p99", 60) }), []string{"1 problems", "Healthy: has the statistic p99"}},
		{"another period", alarm(func(p *failover.HealthAlarmProps) { p.Healthy = healthyTargets("Maximum", 300) }), []string{"1 problems",
			"Healthy: has a period of 300 s, and Recovery.Alarm.Period is 1m0s"}},
		{"less than nothing", alarm(func(p *failover.HealthAlarmProps) { p.Least = -1 }), []string{"1 problems", "Least: is -1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.want, tt.make) })
	}
}

// Balancers that no checker reaches are judged by their targets, from both target groups where two take turns; the API
// of the same environment is asked as ever.
func TestInternalBalancersAreJudgedByAlarms(t *testing.T) {
	e := shipped(t, "prod")
	internal(&e)
	out := synthesize(t, stub(t), e)
	for region, role := range map[string]string{"us-east-1": "PRIMARY", "us-west-2": "SECONDARY"} {
		for variant, want := range map[string][]string{
			settings.VariantServerless: {"HTTPS"},
			settings.VariantContainers: {"any 1 of", "healthy of Gateway, " + region, "healthy of GatewayGreen, " + region},
			settings.VariantInstances:  {"healthy of Gateway, " + region},
		} {
			tp := stackOf(t, out, "prod-"+region, variant)
			byName := map[any]resource{}
			for _, alarm := range tp.all("AWS::CloudWatch::Alarm") {
				byName[alarm.Properties["AlarmName"]] = alarm
			}
			follows := func(check any) string {
				p := byName[at(check, "AlarmIdentifier", "Name")].Properties
				group, _ := at(list(p["Dimensions"])[1], "Value", "Fn::GetAtt", 0).(string)
				if p["MetricName"] != "HealthyHostCount" || p["Statistic"] != "Maximum" || p["EvaluationPeriods"] != 1.0 || p["Period"] != 60.0 || p["TreatMissingData"] != "breaching" {
					t.Errorf("%s in %s follows %s", variant, region, compact(t, p))
				}
				return fmt.Sprint("healthy of ", strings.TrimPrefix(regexp.MustCompile(`[0-9A-F]{8}$`).ReplaceAllString(group, ""), "Edge"), ", ", at(check, "AlarmIdentifier", "Region"))
			}
			for _, record := range tp.all("AWS::Route53::RecordSet") {
				if record.Properties["Failover"] == nil {
					continue
				}
				check := tp.Resources[at(record.Properties, "HealthCheckId", "Ref").(string)].Properties["HealthCheckConfig"]
				got := []string{fmt.Sprint(at(check, "Type"))}
				switch got[0] {
				case "CLOUDWATCH_METRIC":
					got = []string{follows(check)}
				case "CALCULATED":
					got = []string{fmt.Sprint("any ", at(check, "HealthThreshold"), " of")}
					for _, child := range list(at(check, "ChildHealthChecks")) {
						got = append(got, follows(tp.Resources[at(child, "Ref").(string)].Properties["HealthCheckConfig"]))
					}
				}
				if diff := cmp.Diff(want, got); diff != "" || record.Properties["Failover"] != role {
					t.Errorf("%s in %s is %v: %s", variant, region, record.Properties["Failover"], diff)
				}
			}
			for _, rule := range tp.all("AWS::EC2::SecurityGroupIngress") {
				if rule.Properties["SourcePrefixListId"] != nil && strings.Contains(compact(t, rule.Properties["Description"]), "checkers") {
					t.Errorf("%s in %s lets checkers in that cannot come", variant, region)
				}
			}
		}
	}
	kinds := map[any]int{}
	for _, r := range stackOf(t, out, "prod-global", "watch").all("AWS::Route53::HealthCheck") {
		kinds[at(r.Properties, "HealthCheckConfig", "Type")]++
	}
	if diff := cmp.Diff(map[any]int{"HTTPS": 2, "CALCULATED": 2, "CLOUDWATCH_METRIC": 6}, kinds); diff != "" {
		t.Errorf("the global stage watches %s", diff)
	}
}
