package synth

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// worded is what a dashboard says, without where on the screen and in which colour: so a golden of it changes when the
// meaning does.
func worded(d dashboards.Dashboard) string {
	var b strings.Builder
	fmt.Fprintf(&b, "dashboard %s\n", d.Name)
	for _, v := range d.Variables {
		fmt.Fprintf(&b, "  choose %s, which stands for %s: %s; at first %s\n", v.Label, v.Pattern, strings.Join(v.Values, ", "), v.Default)
	}
	for _, w := range d.Widgets {
		switch {
		case w.Type == "text":
			fmt.Fprintf(&b, "\n  text %q\n", w.Text)
			continue
		case w.Type == "alarm":
			fmt.Fprintf(&b, "\n  state of %d alarms %q\n", w.Alarms, w.Title)
			continue
		case w.Type == "log":
			fmt.Fprintf(&b, "\n  query %q\n    %s\n", w.Title, strings.ReplaceAll(w.Text, "\n", "\n    "))
			continue
		case w.View == "singleValue":
			fmt.Fprintf(&b, "\n  figures %q\n", w.Title)
		default:
			fmt.Fprintf(&b, "\n  graph %q in %s\n", w.Title, w.Unit)
		}
		for _, l := range w.Lines {
			fmt.Fprintf(&b, "    %s\n", lineMeaning(l, d.Region))
		}
		for _, target := range w.Targets {
			fmt.Fprintf(&b, "    line at %v: %s\n", target.Value, target.Label)
		}
	}
	return b.String()
}

func lineMeaning(l dashboards.Line, home string) string {
	said := l.Label + " = "
	if l.Hidden {
		said = "(" + l.ID + ") = "
	} else if l.ID != "" {
		said = l.Label + " (" + l.ID + ") = "
	}
	if l.Expression != "" {
		return said + l.Expression
	}
	if said += metricMeaning(l.Metric, l.Statistic, l.Period); l.Metric.Region != home {
		said += " in " + l.Metric.Region
	}
	return said
}

// metricMeaning leaves the namespace out where it is the program's own.
func metricMeaning(m dashboards.Metric, statistic string, seconds int) string {
	var by []string
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		by = append(by, name+"="+m.Dimensions[name])
	}
	name := strings.TrimPrefix(m.Namespace+" "+m.Name, metric.Namespace+" ")
	period := (time.Duration(seconds) * time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if short, ok := strings.CutSuffix(period, zero); ok {
			period = short + zero[:1]
		}
	}
	return fmt.Sprintf("%s(%s{%s}) %s", statistic, name, strings.Join(by, " "), period)
}

// assemblyOf reads what was synthesized as the command line does.
func assemblyOf(t *testing.T, out string) *assembly.Assembly {
	t.Helper()
	a, err := assembly.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func dashboardsOf(t *testing.T, out, stack string) string {
	t.Helper()
	s, err := assemblyOf(t, out).Stack(stack)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dashboards.Read(s)
	if err != nil || len(read) == 0 {
		t.Fatalf("%s has %d dashboards, %v", stack, len(read), err)
	}
	var texts []string
	for _, d := range read {
		texts = append(texts, worded(d))
	}
	return strings.Join(texts, "\n")
}

func TestGoldenDashboards(t *testing.T) {
	golden(t, "dashboards-dev", dashboardsOf(t, synthesize(t, stub(t), shipped(t, "dev")), "dev-us-east-1/observability"))
	golden(t, "dashboards-regions", dashboardsOf(t, synthesize(t, stub(t), shipped(t, "prod")), "prod-global/observability"))
}

// alarmMeaning is what an alarm says: when it goes off, whom it tells, and the runbook.
func alarmMeaning(s *assembly.Stack, r assembly.Resource) string {
	p := r.Properties
	name := "(named by CloudFormation)"
	for _, key := range []string{"AlarmName", "CompositeAlarmName"} {
		if p[key] != nil {
			name = dashboards.Text(s, p[key])
		}
	}
	says, link, _ := strings.Cut(dashboards.Text(s, p["AlarmDescription"]), ". What to do: ")
	lines := []string{name, says}
	if rule := p["AlarmRule"]; rule != nil {
		// The rule names alarms by their ARN; a person by their logical ids, without CDK's number.
		named := regexp.MustCompile(`ALARM\("<Fn::GetAtt:\[Alarms(\w+?)[0-9A-F]{8},Arn\]>"\)`)
		lines = append(lines, "when "+named.ReplaceAllString(strings.NewReplacer("{", "", "}", "").Replace(dashboards.Text(s, rule)), "$1"))
	} else {
		lines = append(lines, condition(s, p)...)
	}
	told := map[string][]string{}
	for _, on := range []string{"AlarmActions", "OKActions", "InsufficientDataActions"} {
		list, _ := p[on].([]any)
		for _, to := range list {
			told[dashboards.Text(s, to)] = append(told[dashboards.Text(s, to)], strings.TrimSuffix(on, "Actions"))
		}
	}
	for _, to := range slices.Sorted(maps.Keys(told)) {
		lines = append(lines, fmt.Sprintf("tells %s: %s", to, strings.Join(told[to], ", ")))
	}
	return strings.Join(append(lines, "runbook "+strings.TrimPrefix(link, observability.Runbooks)), "\n    ") + "\n"
}

// compared are CloudWatch's words for how a value is held against a threshold.
var compared = map[any]string{"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": ">=", "LessThanThreshold": "<", "LessThanOrEqualToThreshold": "<=",
	"LessThanLowerOrGreaterThanUpperThreshold": "outside of"}

// condition is when an alarm goes off, and on a line each what its expression is of.
func condition(s *assembly.Stack, p map[string]any) []string {
	threshold, of := fmt.Sprint(p["Threshold"]), ""
	var parts []string
	list, _ := p["Metrics"].([]any)
	for _, entry := range list {
		id, text := at(entry, "Id"), at(entry, "Expression")
		switch {
		case text != nil && id == p["ThresholdMetricId"]:
			threshold = fmt.Sprint(text)
		case text != nil:
			of = fmt.Sprint(text)
		default:
			stat := at(entry, "MetricStat")
			parts = append(parts, fmt.Sprintf("%s = %s%s", id, metricMeaning(queried(s, at(stat, "Metric").(map[string]any)), fmt.Sprint(at(stat, "Stat")), number(at(stat, "Period"))), unitOf(at(stat, "Unit"))))
		}
	}
	switch slices.Sort(parts); {
	case list == nil:
		of = metricMeaning(queried(s, p), fmt.Sprint(first(p["Statistic"], p["ExtendedStatistic"])), number(p["Period"])) + unitOf(p["Unit"])
	case of == "" && p["ThresholdMetricId"] == nil: // one metric as it is
		_, of, _ = strings.Cut(parts[0], " = ")
		parts = nil
	case of == "":
		of, _, _ = strings.Cut(parts[0], " = ")
	}
	return append([]string{fmt.Sprintf("when %s %s %s, in %v of %v; missing data: %v", of, compared[p["ComparisonOperator"]], threshold,
		first(p["DatapointsToAlarm"], p["EvaluationPeriods"]), p["EvaluationPeriods"], p["TreatMissingData"])}, parts...)
}

func queried(s *assembly.Stack, p map[string]any) dashboards.Metric {
	m := dashboards.Metric{Namespace: fmt.Sprint(p["Namespace"]), Name: fmt.Sprint(p["MetricName"]), Dimensions: map[string]string{}}
	list, _ := p["Dimensions"].([]any)
	for _, d := range list {
		m.Dimensions[fmt.Sprint(at(d, "Name"))] = dashboards.Text(s, at(d, "Value"))
	}
	return m
}

func first(values ...any) any {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

func number(value any) int { n, _ := value.(float64); return int(n) }

func unitOf(value any) string {
	if value == nil {
		return ""
	}
	return " " + fmt.Sprint(value)
}

// The alarms of one Region, and one stack of each that has others. Those of instances are those of containers, but for what
// is in both and busy.
func TestGoldenAlarms(t *testing.T) {
	a := assemblyOf(t, synthesize(t, stub(t), shipped(t, "prod")))
	var b strings.Builder
	for _, id := range []string{"prod-us-east-1/observability", "prod-us-east-1/data", "prod-us-west-2-copies/data", "prod-us-west-2/containers", "prod-global/watch"} {
		s, err := a.Stack(id)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n\n", id)
		var said []string
		for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} {
			for _, r := range s.ByType(kind) {
				if text := alarmMeaning(s, r); !strings.Contains(text, "-instances-") || strings.Contains(text, "-instances-busy") {
					said = append(said, text)
				}
			}
		}
		slices.Sort(said)
		fmt.Fprintln(&b, strings.Join(said, "\n"))
	}
	golden(t, "alarms", b.String())
}

// theirs are gateways that somebody else runs, by the names that they have.
func theirs() []observability.Gateway {
	return []observability.Gateway{
		{Variant: settings.VariantServerless, LogGroup: jsii.String("/aws/lambda/chat"), Function: &observability.Function{Name: jsii.String("chat"), MemoryMB: 1024, Reserved: 50},
			API: &observability.API{Name: jsii.String("chat-api"), Stage: jsii.String("live")}},
		{Variant: settings.VariantContainers, LogGroup: jsii.String("chat-tasks"), Archives: true, Balancer: &observability.Balancer{FullName: jsii.String("app/chat/0123456789abcdef")},
			Tasks: &observability.Tasks{Cluster: jsii.String("shared"), Service: jsii.String("chat"), CPU: 512, MemoryMB: 1024}},
		{Variant: settings.VariantInstances, Group: &observability.Group{Name: jsii.String("chat-group"), Type: "c8g.large", DiskGB: 12}},
	}
}

func leastAlarms(stack awscdk.Stack) observability.AlarmsProps {
	return observability.AlarmsProps{Environment: "chat", Gateways: theirs(), Actions: actionsOf(stack)}
}

// A platform team watches over what others made: nothing is made but what watches, and it reads just those names.
func TestWhatOthersMadeIsWatchedByItsNames(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	props := leastAlarms(stack)
	props.Runbooks = "https://wiki.example.com/chat/"
	alarms := observability.NewAlarms(stack, "Alarms", props)
	observability.NewDashboards(stack, "Dashboards", observability.DashboardsProps{Environment: "chat", Gateways: theirs(), Aliases: []string{"fast"},
		Alarms: []awscloudwatch.IAlarm{alarms.Page()}})
	tp := benchTemplate(t, app, out)
	for _, r := range tp.Resources {
		if !strings.HasPrefix(r.Type, "AWS::CloudWatch::") && !strings.HasPrefix(r.Type, "AWS::SNS::") {
			t.Errorf("there is %s", r.Type)
		}
	}
	s, err := assemblyOf(t, out).Stack("bench")
	if err != nil {
		t.Fatal(err)
	}
	read, err := dashboards.Read(s)
	if err != nil || len(read) != 3 {
		t.Fatalf("there are %d dashboards, %v", len(read), err)
	}
	said := ""
	for _, d := range read {
		said += worded(d)
	}
	for _, r := range s.ByType("AWS::CloudWatch::Alarm") {
		text := alarmMeaning(s, r)
		if said += text; !strings.Contains(text, "runbook https://wiki.example.com/chat/") {
			t.Errorf("it links to another's runbook: %s", text)
		}
	}
	for _, name := range []string{"FunctionName=chat}", "ApiName=chat-api Stage=live", "LoadBalancer=app/chat/0123456789abcdef", "ClusterName=shared ServiceName=chat",
		"AutoScalingGroupName=chat-group", "Environment=chat Model=fast Variant=ChosenVariant", "SOURCE '/aws/lambda/chat' | SOURCE 'chat-tasks'"} {
		if !strings.Contains(said, name) {
			t.Errorf("nothing reads %s", name)
		}
	}
	if alarms.All()["serverless-busy"] == nil || alarms.All()["instances-archive"] != nil {
		t.Errorf("the alarms are %v", slices.Sorted(maps.Keys(alarms.All())))
	}
}

// Only alarms of the topic's own account tell it, and it is encrypted by a key that they may use.
func TestTheTopicOfAlarms(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	observability.NewTopic(stack, "Topic", observability.TopicProps{Name: "chat-alarms", Emails: []string{"team@example.com"}})
	tp := benchTemplate(t, app, out)
	if key, _ := at(tp.only(t, "AWS::SNS::Topic").Properties, "KmsMasterKeyId").(map[string]any); key == nil {
		t.Error("the topic has no key of its own")
	}
	if p := tp.only(t, "AWS::SNS::Subscription").Properties; p["Protocol"] != "email" || p["Endpoint"] != "team@example.com" {
		t.Errorf("the subscription is %s", compact(t, p))
	}
	policy, key := compact(t, tp.only(t, "AWS::SNS::TopicPolicy").Properties["PolicyDocument"]), compact(t, tp.only(t, "AWS::KMS::Key").Properties["KeyPolicy"])
	for _, want := range []string{`"cloudwatch.amazonaws.com"`, `{"StringEquals":{"aws:SourceAccount":"` + benchAccount + `"}}`, `"aws:SecureTransport":"false"`} {
		if !strings.Contains(policy, want) {
			t.Errorf("the topic's policy has no %s: %s", want, policy)
		}
	}
	if !strings.Contains(key, `"kms:Decrypt","kms:GenerateDataKey*"`) {
		t.Errorf("the key's policy lets no publisher encrypt: %s", key)
	}
	if got, want := observability.TopicARN("us-east-1", benchAccount, "chat-alarms"), "arn:aws:sns:us-east-1:"+benchAccount+":chat-alarms"; got != want {
		t.Errorf("its ARN is %s", got)
	}
}

func TestBadObservabilityIsRefused(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	ids := 0
	alarms := func(change func(*observability.AlarmsProps)) func() {
		return func() {
			ids++
			props := observability.AlarmsProps{Environment: "chat", Gateways: theirs()}
			change(&props)
			observability.NewAlarms(stack, "Bad"+strconv.Itoa(ids), props)
		}
	}
	shown := func(change func(*observability.DashboardsProps)) func() {
		return func() {
			ids++
			props := observability.DashboardsProps{Environment: "chat", Gateways: theirs(), Aliases: []string{"fast"}}
			change(&props)
			observability.NewDashboards(stack, "Bad"+strconv.Itoa(ids), props)
		}
	}
	tests := []struct {
		name string
		make func()
		want []string
	}{
		{"nothing at all", func() { observability.NewAlarms(stack, "Bad", observability.AlarmsProps{}) }, []string{`observability.NewAlarms("Bad"): 2 problems`,
			`Environment: is ""; allowed are letters, digits and -`, "Gateways: are none; give at least one"}},
		{"gateways without what they are known by", alarms(func(p *observability.AlarmsProps) {
			p.Gateways = []observability.Gateway{{Variant: "a b"}, {Variant: "x", Function: &observability.Function{MemoryMB: 64}}, {Variant: "x", Tasks: &observability.Tasks{}},
				{Variant: "y", Group: &observability.Group{}, Balancer: &observability.Balancer{}, API: &observability.API{}}}
		}), []string{"7 problems", `Gateways[0].Variant: is "a b"`, "Gateways[1].Function: needs Name, and MemoryMB of 128 or more", `Gateways[2].Variant: is "x", as that of another`,
			"Gateways[2].Tasks: needs Cluster, Service, CPU of 256", "Gateways[3].Group: needs Name and Type", "Gateways[3].Balancer: needs FullName", "Gateways[3].API: needs Name and Stage"}},
		{"executions that cannot be reserved", alarms(func(p *observability.AlarmsProps) { p.Gateways[0].Function.Reserved = -1 }),
			[]string{"1 problems", "Gateways[0].Function: has a Reserved below 0"}},
		{"silence that is too short", alarms(func(p *observability.AlarmsProps) { p.Quiet = time.Minute }), []string{"1 problems", "Quiet: is 1m0s; allowed are 0, and whole times of 5m0s to a day"}},
		{"silence that is no silence", alarms(func(p *observability.AlarmsProps) { p.Quiet = -time.Hour }), []string{"1 problems", "Quiet: is -1h0m0s"}},
		{"silence beside the periods", alarms(func(p *observability.AlarmsProps) { p.Quiet = 7 * time.Minute }), []string{"1 problems", "Quiet: is 7m0s"}},
		{"runbooks that are nowhere", alarms(func(p *observability.AlarmsProps) { p.Runbooks = "http://wiki.example.com/chat" }), []string{"1 problems", `Runbooks: is "http://wiki.example.com/chat"; give a URL with https`}},
		{"a model that cannot be", alarms(func(p *observability.AlarmsProps) { p.Models = []string{"global.anthropic.claude haiku", "a", "a"} }), []string{"2 problems",
			`Models[0]: is "global.anthropic.claude haiku"; give an id as it is called`, `Models[2]: is "a", as another`}},
		{"dashboards of nothing", shown(func(p *observability.DashboardsProps) { p.Environment, p.Gateways, p.Aliases = "my env", nil, nil }), []string{"observability.NewDashboards", "3 problems",
			`Environment: is "my env"`, "Gateways: are none", "Aliases: are none; name the models that callers name"}},
		{"an overview of nothing", func() { observability.NewOverview(stack, "Bad", observability.OverviewProps{}) }, []string{`observability.NewOverview("Bad"): 3 problems`, `Environment: is ""`,
			"Regions: are none", "Variants: are none"}},
		{"a topic that nobody can be told by", func() {
			observability.NewTopic(stack, "Bad", observability.TopicProps{Name: "my topic", Emails: []string{"team@example.com", "team", "a b@example.com"}})
		}, []string{`observability.NewTopic("Bad"): 3 problems`, `Name: is "my topic"; allowed are letters, digits, _ and -`, `Emails[1]: is "team"; give an address such as team@example.com`, `Emails[2]: is "a b@example.com"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.want, tt.make) })
	}
}
