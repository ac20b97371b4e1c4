package observability

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/runbook"
)

// Runbooks is where the runbooks are that the alarms name.
const Runbooks = runbook.Folder

// AlarmsProps says what is watched, and who is told.
type AlarmsProps struct {
	Environment string    // required; as the programs are told
	Gateways    []Gateway // required
	// Models are ids as they are called in the stack's Region, to be told when one of them is legacy; default none.
	Models []string
	// Profiles are what else is called there: each counts for its model. Default none.
	Profiles []Profile
	// Quiet is how long no request at all may come before somebody is told: 5 minutes to a day, in whole times of 5
	// minutes. Default 0: silence is no alarm.
	Quiet time.Duration

	Actions []awscloudwatch.IAlarmAction // told of every alarm, and when it is over; topics must be in the stack's Region
	// PageActions are told of Page, besides Actions; default none.
	PageActions []awscloudwatch.IAlarmAction
	Runbooks    string // URL of a folder, with a slash at its end, that has runbooks of these names; default Runbooks
}

// Alarms are on what callers feel, on what is about to run out, and on what is lost in silence. Each says in its
// description what happened, and links to what to do.
type Alarms interface {
	constructs.Construct
	// All are the alarms by the last part of their names, such as "containers-errors", without Page.
	All() map[string]awscloudwatch.IAlarm
	// Page is raised when somebody should get up: callers get errors, or none of them is served in time.
	Page() awscloudwatch.IAlarm
}

type alarms struct {
	constructs.Construct
	scope
	props AlarmsProps
	all   map[string]awscloudwatch.IAlarm
	rules []awscloudwatch.IAlarmRule // of what pages
	page  awscloudwatch.CompositeAlarm
}

// rule is one alarm: when Metric is over a threshold in so many of the last periods, which are the metric's own. Where
// there is no data, nothing is wrong.
type rule struct {
	name    string // what is after the variant, and the runbook unless one is named
	runbook string
	says    string
	metric  awscloudwatch.IMetric
	over    float64
	of      [2]int // that many, of so many
	pages   bool
}

// PageName is the name of an environment's Page in a Region, which other Regions' dashboards show.
func PageName(environment, region string) string { return environment + "-" + region + "-page" }

// NewAlarms makes Alarms. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewAlarms(parent constructs.Construct, id string, props AlarmsProps) Alarms {
	if props.Runbooks == "" {
		props.Runbooks = Runbooks
	}
	props.check(id)
	a := &alarms{scope: scope{environment: props.Environment}, props: props, all: map[string]awscloudwatch.IAlarm{}}
	constructs.NewConstruct_Override(a, parent, jsii.String(id))
	for _, g := range props.Gateways {
		for _, rules := range [][]rule{a.answers(g), a.platform(g), a.losses(g)} {
			for _, r := range rules {
				a.add(g.Variant, r)
			}
		}
		a.unusual(g)
	}
	a.legacy(calledWith(props.Models, props.Profiles))
	a.quiet()
	a.page = awscloudwatch.NewCompositeAlarm(a, jsii.String("Page"), &awscloudwatch.CompositeAlarmProps{
		CompositeAlarmName: jsii.String(PageName(props.Environment, *regionOf(a))),
		AlarmRule:          awscloudwatch.AlarmRule_AnyOf(a.rules...),
		AlarmDescription:   jsii.String(a.description("Callers are not served as they should be: see which alarms are raised", runbook.Errors)),
	})
	a.page.AddAlarmAction(props.PageActions...)
	a.page.AddOkAction(props.PageActions...)
	return a
}

func (p AlarmsProps) check(id string) {
	var problems check.Problems
	checkGateways(&problems, p.Environment, p.Gateways)
	checkModels(&problems, p.Models)
	checkProfiles(&problems, p.Profiles)
	problems.If(p.Quiet != 0 && (p.Quiet < quietPeriod || p.Quiet > 24*time.Hour || p.Quiet%quietPeriod != 0),
		"Quiet: is %s; allowed are 0, and whole times of %s to a day", p.Quiet, quietPeriod)
	at, err := url.Parse(p.Runbooks)
	problems.If(err != nil || at.Scheme != "https" || !strings.HasSuffix(p.Runbooks, "/"), "Runbooks: is %q; give a URL with https and a slash at its end", p.Runbooks)
	problems.Panic(fmt.Sprintf("observability.NewAlarms(%q)", id))
}

// All is the map itself and no copy: who changes it changes what others see.
func (a *alarms) All() map[string]awscloudwatch.IAlarm { return a.all }

// Page is a composite of those alarms that should wake somebody.
func (a *alarms) Page() awscloudwatch.IAlarm { return a.page }

func (a *alarms) description(says, name string) string {
	return runbook.Describe(says, a.props.Runbooks, name)
}

// add makes an alarm of a subject: a variant or a model.
func (a *alarms) add(subject string, r rule) {
	if r.runbook == "" {
		r.runbook = r.name
	}
	name := subject + "-" + r.name
	made := awscloudwatch.NewAlarm(a, jsii.String(name), &awscloudwatch.AlarmProps{
		AlarmName:          jsii.String(a.environment + "-" + *regionOf(a) + "-" + name),
		AlarmDescription:   jsii.String(a.description(r.says, r.runbook)),
		Metric:             r.metric,
		Threshold:          jsii.Number(r.over),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		DatapointsToAlarm:  jsii.Number(r.of[0]),
		EvaluationPeriods:  jsii.Number(r.of[1]),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	made.AddAlarmAction(a.props.Actions...)
	made.AddOkAction(a.props.Actions...)
	a.all[name] = made
	if r.pages {
		a.rules = append(a.rules, awscloudwatch.AlarmRule_FromAlarm(interfacesawscloudwatch.IAlarmRef(made), awscloudwatch.AlarmState_ALARM))
	}
}

// mostInExpression is how many metrics the expression of an alarm may have (Amazon CloudWatch User Guide, "Using metric
// math", read 2026-11-23).
const mostInExpression = 10

// legacy makes an alarm for each model, on all that it is called with: more alarms where that is more than one may look at.
func (a *alarms) legacy(all []called) {
	byModel, order := map[string][]*string{}, []string{}
	for _, c := range all {
		if byModel[c.model] == nil {
			order = append(order, c.model)
		}
		byModel[c.model] = append(byModel[c.model], c.id)
	}
	for _, model := range order {
		part := 0
		for ids := range slices.Chunk(byModel[model], mostInExpression) {
			r := rule{name: "legacy", runbook: runbook.LegacyModel, says: "Calls of " + model + " are of a legacy model, which will be refused one day",
				metric: a.legacyCalls(ids), of: [2]int{1, 1}}
			if part++; part > 1 {
				r.name = fmt.Sprintf("legacy-%d", part)
			}
			a.add(modelName(model), r)
		}
	}
}

func (a *alarms) legacyCalls(ids []*string) awscloudwatch.IMetric {
	const name = "LegacyModelInvocations"
	if len(ids) == 1 {
		return a.modelMetric(ids[0], name, "Sum", time.Hour)
	}
	using, terms := metrics{}, []string{}
	for i, id := range ids {
		key := fmt.Sprintf("called%d", i)
		using[key] = a.modelMetric(id, name, "Sum", time.Hour)
		terms = append(terms, "FILL("+key+", 0)")
	}
	return expression(name, strings.Join(terms, " + "), using, time.Hour)
}

// unusual tells of many more or fewer requests than at this time of other days. It needs no threshold, and so it is no
// reason to get up.
func (a *alarms) unusual(g Gateway) {
	const name = "unusual"
	made := awscloudwatch.NewAnomalyDetectionAlarm(a, jsii.String(g.Variant+"-"+name), &awscloudwatch.AnomalyDetectionAlarmProps{
		AlarmName:          jsii.String(a.environment + "-" + *regionOf(a) + "-" + g.Variant + "-" + name),
		AlarmDescription:   jsii.String(a.description("Many more or fewer requests come than at this time of other days", runbook.UnusualTraffic)),
		Metric:             a.of(g.Variant, requests, "", anomalyPeriod),
		StdDevs:            jsii.Number(anomalyBand),
		ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
		DatapointsToAlarm:  jsii.Number(3),
		EvaluationPeriods:  jsii.Number(3),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	made.AddAlarmAction(a.props.Actions...)
	made.AddOkAction(a.props.Actions...)
	a.all[g.Variant+"-"+name] = made
}

// quiet tells when no variant gets a request. Each variant has an alarm that tells nobody, for callers may all use another.
func (a *alarms) quiet() {
	if a.props.Quiet == 0 {
		return
	}
	var silent []awscloudwatch.IAlarmRule
	for _, g := range a.props.Gateways {
		name := g.Variant + "-quiet"
		made := awscloudwatch.NewAlarm(a, jsii.String(name), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(a.environment + "-" + *regionOf(a) + "-" + name),
			AlarmDescription:   jsii.String(a.description(fmt.Sprintf("No request came through %s for %s; the alarm quiet tells when none came at all", g.Variant, a.props.Quiet), runbook.NoTraffic)),
			Metric:             a.of(g.Variant, requests, "", quietPeriod),
			Threshold:          jsii.Number(1),
			ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
			EvaluationPeriods:  jsii.Number(int(a.props.Quiet / quietPeriod)),
			TreatMissingData:   awscloudwatch.TreatMissingData_BREACHING, // no line, no metric
		})
		a.all[name] = made
		silent = append(silent, awscloudwatch.AlarmRule_FromAlarm(interfacesawscloudwatch.IAlarmRef(made), awscloudwatch.AlarmState_ALARM))
	}
	all := awscloudwatch.NewCompositeAlarm(a, jsii.String("Quiet"), &awscloudwatch.CompositeAlarmProps{
		CompositeAlarmName: jsii.String(a.environment + "-" + *regionOf(a) + "-quiet"),
		AlarmRule:          awscloudwatch.AlarmRule_AllOf(silent...),
		AlarmDescription:   jsii.String(a.description(fmt.Sprintf("No request came for %s", a.props.Quiet), runbook.NoTraffic)),
	})
	all.AddAlarmAction(a.props.Actions...)
	all.AddOkAction(a.props.Actions...)
	a.all["quiet"] = all
}

// modelName is a model's id as a construct's id and an alarm's name take it.
func modelName(id string) string {
	return strings.NewReplacer("/", "-", ":", "-", ".", "-").Replace(id)
}
