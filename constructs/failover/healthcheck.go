package failover

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

type healthCheckConfig = awsroute53.CfnHealthCheck_HealthCheckConfigProperty

// newHealthCheck makes what decides on an endpoint: a health check of its host, or of its alarms.
func newHealthCheck(scope constructs.Construct, id, name string, at Endpoint, plan recovery.Plan) awsroute53.CfnHealthCheck {
	if len(at.CheckAlarms) == 0 {
		asks := plan.Filled().Check
		return newCheck(scope, id, name, at.Region, &healthCheckConfig{
			Type: jsii.String("HTTPS"), FullyQualifiedDomainName: jsii.String(at.CheckName), Port: jsii.Number(443), EnableSni: jsii.Bool(true),
			ResourcePath: jsii.String(asks.Path), RequestInterval: jsii.Number(asks.Interval.Seconds()), FailureThreshold: jsii.Number(asks.Failures),
		})
	}
	var followed []*string
	var last awsroute53.CfnHealthCheck
	for i, alarm := range at.CheckAlarms {
		one := id
		if len(at.CheckAlarms) > 1 {
			one = fmt.Sprintf("%s-%d", id, i)
		}
		last = newCheck(scope, one, name, at.Region, &healthCheckConfig{
			Type:            jsii.String("CLOUDWATCH_METRIC"),
			AlarmIdentifier: &awsroute53.CfnHealthCheck_AlarmIdentifierProperty{Name: jsii.String(alarm), Region: jsii.String(at.Region)},
			// A Region of which nothing is heard is not healthy.
			InsufficientDataHealthStatus: jsii.String("Unhealthy"),
		})
		followed = append(followed, last.Ref())
	}
	if len(followed) == 1 {
		return last
	}
	return newCheck(scope, id, name, at.Region, &healthCheckConfig{
		Type: jsii.String("CALCULATED"), ChildHealthChecks: &followed, HealthThreshold: jsii.Number(1),
	})
}

func newCheck(scope constructs.Construct, id, name, region string, config *healthCheckConfig) awsroute53.CfnHealthCheck {
	return awsroute53.NewCfnHealthCheck(scope, jsii.String(id), &awsroute53.CfnHealthCheckProps{
		HealthCheckConfig: config,
		// A health check has no name but this tag, which the console shows as one.
		HealthCheckTags: &[]*awsroute53.CfnHealthCheck_HealthCheckTagProperty{
			{Key: jsii.String("Name"), Value: jsii.String(fmt.Sprintf("%s in %s", name, region))},
		},
	})
}

// HealthAlarmProps says when a Region is unhealthy by a metric of its own.
type HealthAlarmProps struct {
	Name string // required; of the alarm, as in CheckAlarms of an Endpoint
	// Healthy counts what is well, such as the healthy targets of a target group. Required: one metric of the stack's
	// Region, of Recovery.Alarm.Period, without metric math; its statistic Average, Minimum, Maximum, Sum or SampleCount.
	Healthy  awscloudwatch.IMetric
	Least    float64       // under which the Region is unhealthy, more than 0; default 1
	Recovery recovery.Plan // as that of the records; its Alarm is required
	// Actions are told when the Region turns unhealthy, and when it is healthy again. Topics must be in the stack's Region.
	Actions []awscloudwatch.IAlarmAction
}

// NewHealthAlarm makes an alarm that a health check can follow, in the stack of its Region. No data is as bad as bad
// data. Route 53 follows the alarm's metric and settings, not its state: to call a Region unhealthy by hand, invert the
// health check. CDK constructs do not return errors: with bad props it panics with one message that names everything
// that is wrong.
func NewHealthAlarm(scope constructs.Construct, id string, props HealthAlarmProps) awscloudwatch.Alarm {
	if props.Least == 0 {
		props.Least = 1
	}
	props.check(id)
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmName:        jsii.String(props.Name),
		AlarmDescription: jsii.String("The health check that follows this alarm finds its Region unhealthy; callers go to another while that is healthy"),
		Metric:           props.Healthy, Threshold: jsii.Number(props.Least), ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		EvaluationPeriods: jsii.Number(props.Recovery.Filled().Alarm.Periods), TreatMissingData: awscloudwatch.TreatMissingData_BREACHING,
	})
	alarm.AddAlarmAction(props.Actions...)
	alarm.AddOkAction(props.Actions...)
	return alarm
}

// followable are the statistics of alarms that Route 53 follows (Amazon Route 53 API Reference, "AlarmIdentifier", read
// 2026-11-23). It follows none of metric math.
var followable = []string{"Average", "Minimum", "Maximum", "Sum", "SampleCount"}

func (p HealthAlarmProps) check(id string) {
	var problems check.Problems
	problems.If(!token.In(p.Name) && !alarmName.MatchString(p.Name), "Name: is %q; an alarm's name has 1 to 255 letters, digits and ._-/", p.Name)
	problems.If(p.Least < 0, "Least: is %g; it must be more than 0", p.Least)
	checkPlan(&problems, p.Recovery)
	problems.If(p.Recovery.Alarm == nil, "Recovery.Alarm: is nil; say in it what the alarm looks at")
	p.checkMetric(&problems)
	problems.Panic(fmt.Sprintf("failover.NewHealthAlarm(%q)", id))
}

func (p HealthAlarmProps) checkMetric(problems *check.Problems) {
	if p.Healthy == nil {
		problems.If(true, "Healthy: is nil; give the metric that counts what is well")
		return
	}
	one := p.Healthy.ToMetricConfig().MetricStat
	if one == nil {
		problems.If(true, "Healthy: is of metric math, and Route 53 follows no alarm on that; give one metric")
		return
	}
	problems.If(!slices.Contains(followable, *one.Statistic), "Healthy: has the statistic %s; Route 53 follows alarms on %v", *one.Statistic, followable)
	if p.Recovery.Alarm == nil {
		return
	}
	want, got := p.Recovery.Filled().Alarm.Period, *one.Period.ToSeconds(&awscdk.TimeConversionOptions{})
	problems.If(got != want.Seconds(), "Healthy: has a period of %g s, and Recovery.Alarm.Period is %s; give both the same", got, want)
}
