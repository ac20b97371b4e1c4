// Package observability watches over the gateway: dashboards of what it costs, how well it performs and what it is used
// for, alarms that say what to do, and a topic that takes them to people.
//
// It looks at names of what runs, whether a stack here made it or somebody else: it must know neither the constructs that
// run the gateway nor the environment files. Which metrics the program has is runtime/metric's to say.
package observability

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/emitted"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// What is aimed at. The dashboards draw these lines, and the alarms keep to AnswerTarget and ErrorTarget. How long a whole
// stream takes is the caller's to choose, so no alarm is on that.
const (
	AnswerTarget    = 2 * time.Second         // an answer that is not a stream, the first token of one that is; p95
	ColdStartTarget = time.Second             // a program's start
	BedrockTarget   = 1500 * time.Millisecond // a call of Bedrock; p95
	EndToEndTarget  = 3 * time.Second         // all of an answer; p95
	ErrorTarget     = 1                       // percent of requests
)

// Gateway is one way that the gateway runs in a Region, by the names of what it stands on. What is nil is not looked at.
type Gateway struct {
	Variant  string  // required; as the program is told, such as settings.VariantContainers
	LogGroup *string // name of the group with the program's log
	Archives bool    // the program keeps usage records in a bucket
	Function *Function
	Tasks    *Tasks
	Group    *Group
	Balancer *Balancer
	API      *API
}

// Function is an AWS Lambda function.
type Function struct {
	Name     *string
	MemoryMB int
	Reserved int // executions that are reserved for it, and its most; 0: none
}

// Tasks is a service of Amazon ECS on Fargate, in a cluster with Container Insights.
type Tasks struct {
	Cluster, Service *string // names
	CPU              int     // units of a task, 1024 a vCPU
	MemoryMB         int     // of a task
}

// Group is an Auto Scaling group that collects its group metrics.
type Group struct {
	Name   *string
	Type   string // the instance type that it prefers, such as c8g.large
	DiskGB int    // gp3 of each instance
}

// Balancer is an Application Load Balancer.
type Balancer struct {
	FullName *string // as in app/name/0123456789abcdef
}

// API is a REST API of Amazon API Gateway.
type API struct {
	Name, Stage *string
}

// Profile is an application inference profile that a model is called through. Bedrock's own metrics then have the profile's
// id as their ModelId (docs/adr/0016-application-profiles.md).
type Profile struct {
	Model string  // id of what it is copied from; required
	Name  string  // of its line in a graph, such as "containers haiku"; required
	ID    *string // required
}

// scope is whose metrics are named: an environment's, in the stack's own Region or another.
type scope struct {
	environment string
	region      *string // nil: the stack's
}

// of is a metric of a variant over all models, by the statistic; empty for the usual one of its unit.
func (s scope) of(variant string, m metric.Metric, statistic string, period time.Duration) awscloudwatch.IMetric {
	return s.ofModel(variant, "", m, statistic, period)
}

func (s scope) ofModel(variant, model string, m metric.Metric, statistic string, period time.Duration) awscloudwatch.IMetric {
	options := &awscloudwatch.MetricOptions{Period: duration(period), Region: s.region, Label: jsii.String(m.Name)}
	if statistic != "" {
		options.Statistic = jsii.String(statistic)
	}
	return emitted.Metric(s.environment, variant, model, m, options)
}

// dimension is one of a metric of AWS.
type dimension struct {
	name  string
	value *string
}

// aws is a metric of AWS.
func (s scope) aws(namespace, name, statistic string, period time.Duration, dimensions ...dimension) awscloudwatch.IMetric {
	by := map[string]*string{}
	for _, d := range dimensions {
		by[d.name] = d.value
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(namespace), MetricName: jsii.String(name), Statistic: jsii.String(statistic), Label: jsii.String(name),
		Period: duration(period), DimensionsMap: &by, Region: s.region,
	})
}

func (f *Function) metric(s scope, name, statistic string, period time.Duration) awscloudwatch.IMetric {
	return s.aws("AWS/Lambda", name, statistic, period, dimension{"FunctionName", f.Name})
}

func (t *Tasks) metric(s scope, namespace, name, statistic string, period time.Duration) awscloudwatch.IMetric {
	return s.aws(namespace, name, statistic, period, dimension{"ClusterName", t.Cluster}, dimension{"ServiceName", t.Service})
}

func (g *Group) metric(s scope, namespace, name, statistic string, period time.Duration) awscloudwatch.IMetric {
	return s.aws(namespace, name, statistic, period, dimension{"AutoScalingGroupName", g.Name})
}

func (b *Balancer) metric(s scope, name string, period time.Duration) awscloudwatch.IMetric {
	return s.aws("AWS/ApplicationELB", name, "Sum", period, dimension{"LoadBalancer", b.FullName})
}

func (a *API) metric(s scope, name string, period time.Duration) awscloudwatch.IMetric {
	return s.aws("AWS/ApiGateway", name, "Sum", period, dimension{"ApiName", a.Name}, dimension{"Stage", a.Stage})
}

// modelMetric is a metric of Bedrock itself, by the id that is called.
func (s scope) modelMetric(id *string, name, statistic string, period time.Duration) awscloudwatch.IMetric {
	return s.aws("AWS/Bedrock", name, statistic, period, dimension{"ModelId", id})
}

// called is something that Bedrock is called with: a model's own id, or a profile of it.
type called struct {
	model, label string
	id           *string
}

// calledWith are the models by their own ids and then the profiles.
func calledWith(models []string, profiles []Profile) []called {
	var all []called
	for _, id := range models {
		all = append(all, called{id, id, jsii.String(id)})
	}
	for _, p := range profiles {
		all = append(all, called{p.Model, p.Name + " " + p.Model, p.ID})
	}
	return all
}

// metrics are those of an expression by their ids in it.
type metrics map[string]awscloudwatch.IMetric

func expression(label, text string, using metrics, period time.Duration) awscloudwatch.MathExpression {
	by := map[string]awscloudwatch.IMetric(using)
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Label: jsii.String(label), Expression: jsii.String(text), UsingMetrics: &by, Period: duration(period),
	})
}

// share is so many percent of a whole, and 0 where there is nothing to be a part of: both are emitted together or not at
// all. Suffix keeps the ids of several shares in one graph apart.
func share(label string, part, whole awscloudwatch.IMetric, suffix string, period time.Duration) awscloudwatch.MathExpression {
	part, whole, p, w := part, whole, "part"+suffix, "whole"+suffix
	return expression(label, fmt.Sprintf("IF(%s > 0, 100 * %s / %s, 0)", w, p, w), metrics{p: part, w: whole}, period)
}

func duration(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}

func regionOf(of constructs.Construct) *string { return awscdk.Stack_Of(of).Region() }

// idOf is a name as ids in expressions take it.
func idOf(name string) string { return "_" + strings.ReplaceAll(name, "-", "_") }

// nameForm is what CloudWatch takes for a dashboard's name, and we for the parts of names.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// modelForm is what an id of a model or profile consists of.
var modelForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:/_-]*$`)

// checkModels records what is wrong with ids of models as they are called.
func checkModels(problems *check.Problems, ids []string) {
	for i, id := range ids {
		problems.If(!modelForm.MatchString(id), "Models[%d]: is %q; give an id as it is called, such as global.anthropic.claude-haiku-5-5", i, id)
		problems.If(slices.Contains(ids[:i], id), "Models[%d]: is %q, as another", i, id)
	}
}

// checkProfiles records what is wrong with profiles.
func checkProfiles(problems *check.Problems, profiles []Profile) {
	for i, p := range profiles {
		problems.If(!modelForm.MatchString(p.Model), "Profiles[%d].Model: is %q; give the id of what it is copied from", i, p.Model)
		problems.If(p.Name == "", "Profiles[%d].Name: is empty; say what its line is called", i)
		problems.If(p.ID == nil, "Profiles[%d].ID: is nil; give the profile's id", i)
	}
}

// checkGateways records what is wrong with gateways.
func checkGateways(problems *check.Problems, environment string, gateways []Gateway) {
	problems.If(!nameForm.MatchString(environment), "Environment: is %q; allowed are letters, digits and -", environment)
	problems.If(len(gateways) == 0, "Gateways: are none; give at least one")
	met := map[string]bool{}
	for i, g := range gateways {
		problems.If(!nameForm.MatchString(g.Variant), "Gateways[%d].Variant: is %q; allowed are letters, digits and -", i, g.Variant)
		problems.If(met[g.Variant], "Gateways[%d].Variant: is %q, as that of another", i, g.Variant)
		met[g.Variant] = true
		problems.If(g.Function != nil && (g.Function.Name == nil || g.Function.MemoryMB < 128), "Gateways[%d].Function: needs Name, and MemoryMB of 128 or more", i)
		problems.If(g.Function != nil && g.Function.Reserved < 0, "Gateways[%d].Function: has a Reserved below 0; allowed is 0, for none, or more", i)
		problems.If(g.Tasks != nil && (g.Tasks.Cluster == nil || g.Tasks.Service == nil || g.Tasks.CPU < 256 || g.Tasks.MemoryMB < 512),
			"Gateways[%d].Tasks: needs Cluster, Service, CPU of 256 or more and MemoryMB of 512 or more", i)
		problems.If(g.Group != nil && (g.Group.Name == nil || g.Group.Type == ""), "Gateways[%d].Group: needs Name and Type", i)
		problems.If(g.Balancer != nil && g.Balancer.FullName == nil, "Gateways[%d].Balancer: needs FullName", i)
		problems.If(g.API != nil && (g.API.Name == nil || g.API.Stage == nil), "Gateways[%d].API: needs Name and Stage", i)
	}
}
