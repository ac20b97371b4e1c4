package compute

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/runbook"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// AlarmsProps says what the alarms of NewAlarms watch.
type AlarmsProps struct {
	Settings settings.Settings // required; whose metrics
	Front    *Front            // default nil: nothing stands before the program that fails on its own
	// ErrorPercent is how many of a minute's requests may fail, 1 to 99; default 5. While a canary has a tenth of the
	// requests, half of its answers are that many.
	ErrorPercent int
	Overhead     time.Duration // what the gateway itself may take at p95, whole milliseconds; default 500 ms
}

// Front are the counts of what stands before the program. Their names and dimensions must be known without the
// program's alias or service, which waits for the alarms.
type Front struct {
	Errors   awscloudwatch.IMetric // answers with 5xx
	Requests awscloudwatch.IMetric
}

// NewAlarms makes the alarms that roll a deployment back: too many errors, too much of the gateway's own time and, with
// a front, too many errors of that. Each looks at single minutes, and two of three must be bad. Fewer than three errors
// in a minute, and no requests at all, are never bad.
func NewAlarms(scope constructs.Construct, id string, props AlarmsProps) []awscloudwatch.IAlarm {
	if props.ErrorPercent == 0 {
		props.ErrorPercent = 5
	}
	if props.Overhead == 0 {
		props.Overhead = 500 * time.Millisecond
	}
	var problems check.Problems
	problems.If(props.ErrorPercent < 1 || props.ErrorPercent > 99, "ErrorPercent: is %d; allowed is 1 to 99", props.ErrorPercent)
	problems.If(props.Overhead < time.Millisecond, "Overhead: is %s; allowed is 1ms or more", props.Overhead)
	problems.If(props.Front != nil && (props.Front.Errors == nil || props.Front.Requests == nil), "Front: Errors or Requests is nil; give both, or no front")
	problems.Panic("compute.NewAlarms(\"" + id + "\")")

	within := constructs.NewConstruct(scope, jsii.String(id))
	minute := &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(1))}
	told := func(m metric.Metric) awscloudwatch.IMetric { return gatewayMetric(props.Settings, m, minute) }
	alarms := []awscloudwatch.IAlarm{
		newAlarm(within, "Errors", "Percent of the gateway's requests that failed",
			share("IF(errors >= 3, 100 * errors / requests, 0)", told(metric.Errors), told(metric.Requests)), props.ErrorPercent),
		newAlarm(within, "Overhead", "Milliseconds that the gateway itself takes, at p95", told(metric.GatewayOverhead), int(props.Overhead.Milliseconds())),
	}
	if props.Front == nil {
		return alarms
	}
	// A balancer counts no request for which it found no target, so its errors are not among its requests.
	front := share("IF(errors >= 3, 100 * errors / (errors + FILL(requests, 0)), 0)", props.Front.Errors, props.Front.Requests)
	return append(alarms, newAlarm(within, "Front", "Percent of errors in front of the gateway", front, props.ErrorPercent))
}

func share(expression string, errors, requests awscloudwatch.IMetric) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String(expression),
		UsingMetrics: &map[string]awscloudwatch.IMetric{"errors": errors, "requests": requests},
		Period:       awscdk.Duration_Minutes(jsii.Number(1)),
		Label:        jsii.String("percent"),
	})
}

func newAlarm(scope constructs.Construct, id, description string, watched awscloudwatch.IMetric, most int) awscloudwatch.Alarm {
	return awscloudwatch.NewAlarm(scope, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(runbook.Describe(description, "", runbook.BadRelease)),
		Metric:             watched,
		Threshold:          jsii.Number(most),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		EvaluationPeriods:  jsii.Number(3),
		DatapointsToAlarm:  jsii.Number(2),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
}

// balancerFront are the balancer's own errors, such as for want of a target, and its requests.
func balancerFront(group awselasticloadbalancingv2.ApplicationTargetGroup) *Front {
	count := func(name string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/ApplicationELB"), MetricName: jsii.String(name), Statistic: jsii.String("Sum"),
			Period:        awscdk.Duration_Minutes(jsii.Number(1)),
			DimensionsMap: &map[string]*string{"LoadBalancer": group.FirstLoadBalancerFullName()},
		})
	}
	return &Front{Errors: count("HTTPCode_ELB_5XX_Count"), Requests: count("RequestCount")}
}

// serverAlarms are the ones given, or new ones.
func serverAlarms(scope constructs.Construct, given []awscloudwatch.IAlarm, told settings.Settings, placed Placement) []awscloudwatch.IAlarm {
	if given != nil {
		return given
	}
	return NewAlarms(scope, "Alarms", AlarmsProps{Settings: told, Front: balancerFront(placed.TargetGroup)})
}

func alarmRefs(alarms []awscloudwatch.IAlarm) *[]interfacesawscloudwatch.IAlarmRef {
	var refs []interfacesawscloudwatch.IAlarmRef
	for _, alarm := range alarms {
		refs = append(refs, alarm)
	}
	return &refs
}
