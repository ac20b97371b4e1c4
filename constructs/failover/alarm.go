package failover

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/runbook"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// WatchProps says what a Watch looks at.
type WatchProps struct {
	Name     string                       // required; the name that callers use
	Hosts    map[string]string            // by Region, the host that health checks ask, as CheckName of an Endpoint
	Alarms   map[string][]string          // instead of Hosts: by Region, the alarms that health checks follow, as CheckAlarms
	Recovery recovery.Plan                // as that of the records
	Actions  []awscloudwatch.IAlarmAction // told when a Region turns unhealthy or healthy; topics must be in us-east-1
}

// Watch is an alarm for each Region, on health checks of its own: for records that stand in stacks of their Regions, since
// only us-east-1 has the metrics. Its stack must be there.
type Watch interface {
	constructs.Construct
	// Alarms are by Region.
	Alarms() map[string]awscloudwatch.Alarm
}

type watch struct {
	constructs.Construct
	alarms map[string]awscloudwatch.Alarm
}

// NewWatch makes a Watch. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewWatch(scope constructs.Construct, id string, props WatchProps) Watch {
	props.check(id, scope)
	w := &watch{alarms: map[string]awscloudwatch.Alarm{}}
	constructs.NewConstruct_Override(w, scope, jsii.String(id))
	for _, region := range props.regions() {
		at := Endpoint{Region: region, CheckName: props.Hosts[region], CheckAlarms: props.Alarms[region]}
		asks := newHealthCheck(w, "HealthCheck-"+region, props.Name, at, props.Recovery)
		w.alarms[region] = newAlarm(w, "Alarm-"+region, props.Name, region, asks, props.Actions)
	}
	return w
}

// regions are those of Hosts and of Alarms.
func (p WatchProps) regions() []string {
	known := map[string]bool{}
	for region := range p.Hosts {
		known[region] = true
	}
	for region := range p.Alarms {
		known[region] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// Alarms are by Region, one for each that NewWatch was given.
func (w *watch) Alarms() map[string]awscloudwatch.Alarm { return w.alarms }

// newAlarm is raised when Route 53 finds a Region unhealthy, or says nothing about it.
func newAlarm(scope constructs.Construct, id, name, region string, asks awsroute53.CfnHealthCheck, actions []awscloudwatch.IAlarmAction) awscloudwatch.Alarm {
	status := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/Route53"), MetricName: jsii.String("HealthCheckStatus"),
		DimensionsMap: &map[string]*string{"HealthCheckId": asks.Ref()},
		Statistic:     jsii.String("Minimum"), Period: awscdk.Duration_Minutes(jsii.Number(1)),
	})
	alarm := status.CreateAlarm(scope, jsii.String(id), &awscloudwatch.CreateAlarmOptions{
		AlarmDescription: jsii.String(runbook.Describe(fmt.Sprintf("Route 53 finds %s in %s unhealthy, and sends it no callers while another Region is healthy", name, region), "", runbook.Failover)),
		Threshold:        jsii.Number(1), ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		EvaluationPeriods: jsii.Number(1), TreatMissingData: awscloudwatch.TreatMissingData_BREACHING,
	})
	alarm.AddAlarmAction(actions...)
	alarm.AddOkAction(actions...)
	return alarm
}

// ArrivalsProps says what an alarm on arrivals looks at.
type ArrivalsProps struct {
	// Requests counts inference requests in the alarm's Region, such as metric.Requests of a variant. Required. Not those
	// of a balancer, among which are the health checks.
	Requests awscloudwatch.IMetric
	Primary  string // required; the Region that the callers come from
	// Actions are told when callers arrive, and when they are gone again. Topics must be in the alarm's Region.
	Actions []awscloudwatch.IAlarmAction
}

// NewArrivals makes the alarm about a primary that does not depend on its Region: it stands with the secondary of an
// ActivePassive pair, and is raised when callers arrive there, since then Route 53 has found the primary unhealthy.
// CDK constructs do not return errors: with bad props it panics with one message that names everything that is wrong.
func NewArrivals(scope constructs.Construct, id string, props ArrivalsProps) awscloudwatch.Alarm {
	var problems check.Problems
	problems.If(props.Requests == nil, "Requests: is nil; give the metric of requests in the secondary's Region")
	checkRegion(&problems, "Primary", props.Primary)
	own := token.Region(scope)
	problems.If(own != "" && own == props.Primary, "Primary: is %s, and so is the stack's Region; put the alarm about a Region into another", own)
	problems.Panic(fmt.Sprintf("failover.NewArrivals(%q)", id))
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(runbook.Describe("Callers arrive in the secondary Region, so Route 53 finds "+props.Primary+" unhealthy", "", runbook.Failover)),
		Metric:           props.Requests, Threshold: jsii.Number(0), ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		EvaluationPeriods: jsii.Number(1), TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	alarm.AddAlarmAction(props.Actions...)
	alarm.AddOkAction(props.Actions...)
	return alarm
}
