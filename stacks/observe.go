package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
	"github.com/genai-pipeline/genai-pipeline/constructs/spend"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// ObservabilityStack is the name of the stack of dashboards and alarms.
const ObservabilityStack = "observability"

// watched collects what the stacks of a Region's variants make, to be watched.
type watched struct {
	gateways []observability.Gateway
	profiles []observability.Profile
}

func (w *watched) add(g observability.Gateway) { w.gateways = append(w.gateways, g) }

// observe makes the stack that watches over a Region. It comes after the variants, and refers to them weakly: what it
// watches may be replaced or go, and nothing of it is held back by a dashboard.
func observe(scope constructs.Construct, p place) {
	if p.e.Observability == nil {
		return
	}
	stack := newStack(scope, ObservabilityStack, p.e, "Dashboards and alarms of the inference gateway")
	awscdk.CrossStackReferences_Of(stack).Consume(awscdk.ReferenceStrength_WEAK)
	alarmTopic(stack, p.e, p.region)
	props := observability.AlarmsProps{
		Environment: p.e.Name, Gateways: p.watched.gateways, Models: calledIn(p.e, p.region), Profiles: p.watched.profiles,
		Actions: alarmActions(stack, p.e, p.region),
	}
	if slices.Contains(p.e.Called(), p.region) {
		props.Quiet = p.e.Observability.Quiet // another Region may have no callers for months
	}
	if page := p.e.Observability.Pages[p.region]; page != "" {
		props.PageActions = actionsOf(stack, "Pages", page)
	} else {
		props.PageActions = props.Actions
	}
	alarms := observability.NewAlarms(stack, "Alarms", props)
	observability.NewDashboards(stack, "Dashboards", observability.DashboardsProps{
		Environment: p.e.Name, Gateways: p.watched.gateways, Aliases: aliases(p.e), Models: props.Models, Profiles: props.Profiles, Rated: p.e.Gateway.Feedback,
		Alarms: []awscloudwatch.IAlarm{alarms.Page()},
	})
}

// overview adds the dashboard across the Regions to the global stage.
func overview(scope constructs.Construct, e environment.Environment) {
	if e.Observability == nil {
		return
	}
	stack := newStack(scope, ObservabilityStack, e, "Dashboard of the inference gateway across its Regions")
	if e.TellsGlobally() {
		alarmTopic(stack, e, environment.GlobalRegion)
	}
	if budget := e.Observability.Budget; budget != nil {
		bill(scope, stack, e, *budget)
	}
	observability.NewOverview(stack, "Overview", observability.OverviewProps{Environment: e.Name, Regions: e.Regions, Variants: e.Variants(), Paged: true})
}

// bill adds what watches the bill, which AWS has in one Region only. It is a stack of its own, after that of the topic:
// what an account may not make here holds nothing else back.
func bill(scope constructs.Construct, topic awscdk.Stack, e environment.Environment, budget environment.Budget) {
	stack := newStack(scope, "spend", e, "What may be spent on the inference gateway")
	stack.AddStackDependency(topic, nil)
	tags := map[string]string{}
	for key, text := range tagsOf(e) {
		tags[key] = *text
	}
	spend.New(stack, "Spend", spend.Props{Name: e.Name + "-gateway-spend", Monthly: budget.Monthly, Anomaly: budget.Anomaly,
		TopicARN: e.AlarmTopic(environment.GlobalRegion), Tags: tags})
}

// alarmTopic makes the topic of a Region, unless the environment names one that exists.
func alarmTopic(stack awscdk.Stack, e environment.Environment, region string) {
	if e.Observability.Topics[region] == "" {
		observability.NewTopic(stack, "Topic", observability.TopicProps{
			Name: e.AlarmTopicName(), Emails: e.Observability.Emails, Costs: e.Observability.Budget != nil && region == environment.GlobalRegion,
		})
	}
}

// alarmActions tell the Region's topic, by its ARN: the stacks whose alarms tell it come before that of the topic.
func alarmActions(stack awscdk.Stack, e environment.Environment, region string) []awscloudwatch.IAlarmAction {
	if e.Observability == nil {
		return nil
	}
	return actionsOf(stack, "Alarmed", e.AlarmTopic(region))
}

func actionsOf(stack awscdk.Stack, id, arn string) []awscloudwatch.IAlarmAction {
	return []awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(awssns.Topic_FromTopicArn(stack, jsii.String(id), jsii.String(arn)))}
}

// aliases are the models as callers name them.
func aliases(e environment.Environment) []string {
	var names []string
	for _, m := range e.Models {
		names = append(names, m.Alias)
	}
	return names
}

// calledIn are the ids that are called in the Region itself, each once.
func calledIn(e environment.Environment, region string) []string {
	var ids []string
	for _, t := range modelsIn(e, region) {
		if !slices.Contains(ids, t.Model) {
			ids = append(ids, t.Model)
		}
	}
	return ids
}

// balancerNames are those of a balancer as its metrics have them.
func balancerNames(b edge.Balancer) *observability.Balancer {
	return &observability.Balancer{FullName: b.Balancer().LoadBalancerFullName()}
}
