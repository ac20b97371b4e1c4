package observability

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// OverviewProps says what an overview is of.
type OverviewProps struct {
	Environment string   // required; as the programs are told
	Regions     []string // required
	Variants    []string // required; those in each Region
	// Paged shows the state of the alarm Page of each Region, which must have one. Default false.
	Paged bool
}

// NewOverview makes the dashboard of an environment across its Regions, side by side. CDK constructs do not return errors:
// with bad props it panics with one message that names everything that is wrong.
func NewOverview(parent constructs.Construct, id string, props OverviewProps) awscloudwatch.Dashboard {
	var problems check.Problems
	problems.If(!nameForm.MatchString(props.Environment), "Environment: is %q; allowed are letters, digits and -", props.Environment)
	problems.If(len(props.Regions) == 0, "Regions: are none; name those of the environment")
	problems.If(len(props.Variants) == 0, "Variants: are none; name those of the environment")
	problems.Panic(fmt.Sprintf("observability.NewOverview(%q)", id))
	o := overview{props}
	var rows [][]awscloudwatch.IWidget
	if props.Paged {
		rows = append(rows, []awscloudwatch.IWidget{alarmStatus("Does somebody have to get up?", o.pages(parent, id))})
	}
	rows = append(rows, []awscloudwatch.IWidget{
		graph("Requests a minute", "requests", o.lines(metric.Requests, "", minute), nil),
		graph("Errors", "% of requests", o.errors(), target(ErrorTarget, fmt.Sprintf("target %d %%", ErrorTarget))),
		graph("Calls that Bedrock throttled", "calls", o.lines(metric.Throttles, "", minute), nil),
	}, []awscloudwatch.IWidget{
		graph("API response, not streamed, p95", "ms", o.lines(metric.ResponseLatency, "p95", latencyPeriod), targetOf(AnswerTarget)),
		graph("First token of a stream, p95", "ms", o.lines(metric.TimeToFirstToken, "p95", latencyPeriod), targetOf(AnswerTarget)),
		graph("Tokens", "US dollars an hour", o.lines(metric.EstimatedCost, "", costPeriod), nil),
	})
	return board(parent, id, props.Environment+"-regions", nil, rows)
}

type overview struct{ OverviewProps }

// each calls for every Region and variant.
func (o overview) each(call func(s scope, region, variant string)) {
	for _, region := range o.Regions {
		for _, variant := range o.Variants {
			call(scope{environment: o.Environment, region: jsii.String(region)}, region, variant)
		}
	}
}

func (o overview) lines(m metric.Metric, statistic string, period time.Duration) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	o.each(func(s scope, region, variant string) {
		lines = append(lines, line(region+" "+variant, s.of(variant, m, statistic, period)))
	})
	return lines
}

func (o overview) errors() []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	o.each(func(s scope, region, variant string) {
		lines = append(lines, share(region+" "+variant, s.of(variant, metric.Errors, "", minute), s.of(variant, requests, "", minute), idOf(region+"-"+variant), minute))
	})
	return lines
}

// pages are the alarms Page of the Regions, by name: a stack of one Region cannot refer to that of another.
func (o overview) pages(parent constructs.Construct, id string) []awscloudwatch.IAlarm {
	var all []awscloudwatch.IAlarm
	for _, region := range o.Regions {
		arn := "arn:aws:cloudwatch:" + region + ":" + *awscdk.Stack_Of(parent).Account() + ":alarm:" + PageName(o.Environment, region)
		all = append(all, awscloudwatch.Alarm_FromAlarmArn(parent, jsii.String(id+"Page-"+region), jsii.String(arn)))
	}
	return all
}

// alarmStatus shows in which state alarms are, over the whole width.
func alarmStatus(title string, alarms []awscloudwatch.IAlarm) awscloudwatch.IWidget {
	var shown []interfacesawscloudwatch.IAlarmRef
	for _, alarm := range alarms {
		shown = append(shown, alarm)
	}
	return awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String(title), Alarms: &shown, Width: jsii.Number(gridWidth), Height: jsii.Number(2 + len(alarms)/8),
	})
}
