package metrics_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// others are the metrics of AWS that dashboards and alarms read, with their dimensions. Nothing here emits them, so AWS's
// documents are what we can hold the readers to (each service's page on CloudWatch metrics, read 2026-11-23).
var others = map[string][]string{
	"AWS/ApiGateway 4XXError":                      {"ApiName Stage"},
	"AWS/ApiGateway 5XXError":                      {"ApiName Stage"},
	"AWS/ApiGateway Count":                         {"ApiName Stage"},
	"AWS/ApplicationELB HTTPCode_ELB_5XX_Count":    {"LoadBalancer"},
	"AWS/ApplicationELB HTTPCode_Target_5XX_Count": {"LoadBalancer", "LoadBalancer TargetGroup"},
	"AWS/ApplicationELB RejectedConnectionCount":   {"LoadBalancer"},
	"AWS/ApplicationELB RequestCount":              {"LoadBalancer", "LoadBalancer TargetGroup"},
	"AWS/ApplicationELB UnHealthyHostCount":        {"LoadBalancer TargetGroup"},
	"AWS/AutoScaling GroupInServiceInstances":      {"AutoScalingGroupName"},
	"AWS/Bedrock InvocationLatency":                {"ModelId"},
	"AWS/Bedrock InvocationThrottles":              {"ModelId"},
	"AWS/Bedrock LegacyModelInvocations":           {"ModelId"},
	"AWS/EC2 CPUUtilization":                       {"AutoScalingGroupName"},
	"AWS/ECS CPUUtilization":                       {"ClusterName ServiceName"},
	"AWS/ECS MemoryUtilization":                    {"ClusterName ServiceName"},
	"AWS/Lambda ConcurrentExecutions":              {"FunctionName"},
	"AWS/Lambda Duration":                          {"FunctionName"},
	"AWS/Lambda Errors":                            {"FunctionName", "ExecutedVersion FunctionName Resource", "FunctionName Resource"},
	"AWS/Lambda Invocations":                       {"FunctionName", "ExecutedVersion FunctionName Resource", "FunctionName Resource"},
	"AWS/Lambda Throttles":                         {"FunctionName"},
	"AWS/Route53 HealthCheckStatus":                {"HealthCheckId"},
	"AWS/S3 OperationsFailedReplication":           {"DestinationBucket RuleId SourceBucket"},
	"AWS/S3 ReplicationLatency":                    {"DestinationBucket RuleId SourceBucket"},
	"ECS/ContainerInsights RunningTaskCount":       {"ClusterName ServiceName"},
}

// emission is what a variant's program emitted of a metric: its unit, and the values that each set of dimensions had.
type emission struct {
	unit string
	sets map[string]bool // names of dimensions, in order
}

// contract is what was emitted, to hold readers against.
type contract struct {
	emitted map[string]emission // by variant and name
	models  map[string]bool
}

// contractOf collects it, and says where the programs did not keep to runtime/metric.
func contractOf(byVariant map[string][]dashboards.Point) (contract, []string) {
	c := contract{map[string]emission{}, map[string]bool{}}
	var problems []string
	units := map[string]string{}
	for _, m := range metric.All() {
		units[m.Name] = string(m.Unit)
	}
	for variant, points := range byVariant {
		for _, p := range points {
			unit, known := units[p.Metric.Name]
			if p.Metric.Namespace != metric.Namespace || !known {
				problems = append(problems, fmt.Sprintf("%s emits %s %s, which the contract does not know", variant, p.Metric.Namespace, p.Metric.Name))
				continue
			}
			if p.Unit != unit {
				problems = append(problems, fmt.Sprintf("%s emits %s in %s; by the contract it is in %s", variant, p.Metric.Name, p.Unit, unit))
			}
			if p.Metric.Dimensions[metric.DimVariant] != variant || p.Metric.Dimensions[metric.DimEnvironment] != "local" {
				problems = append(problems, fmt.Sprintf("%s emits %s as %v", variant, p.Metric.Name, p.Metric.Dimensions))
			}
			if model := p.Metric.Dimensions[metric.DimModel]; model != "" {
				c.models[model] = true
			}
			key := variant + " " + p.Metric.Name
			if c.emitted[key].sets == nil {
				c.emitted[key] = emission{p.Unit, map[string]bool{}}
			}
			c.emitted[key].sets[names(p.Metric.Dimensions)] = true
		}
	}
	return c, problems
}

func names(dimensions map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(dimensions)), " ")
}

// judge says what is wrong with a reader; nothing when its metric is emitted just so.
func (c contract) judge(u use) string {
	name := u.metric.Namespace + " " + u.metric.Name
	by := names(u.metric.Dimensions)
	if u.metric.Namespace != metric.Namespace {
		if !slices.Contains(others[name], by) {
			return fmt.Sprintf("%s reads %s by %q, which nobody is known to emit; known are %q", u.by, name, by, others[name])
		}
		return ""
	}
	variant := u.metric.Dimensions[metric.DimVariant]
	emitted, ok := c.emitted[variant+" "+u.metric.Name]
	model, byModel := u.metric.Dimensions[metric.DimModel]
	switch {
	case !ok:
		return fmt.Sprintf("%s reads %s of %q, which that program never emitted", u.by, u.metric.Name, variant)
	case !emitted.sets[by]:
		return fmt.Sprintf("%s reads %s by %q; it is emitted by %q", u.by, u.metric.Name, by, slices.Sorted(maps.Keys(emitted.sets)))
	case u.unit != "" && u.unit != emitted.unit:
		return fmt.Sprintf("%s reads %s in %s; it is emitted in %s", u.by, u.metric.Name, u.unit, emitted.unit)
	case u.metric.Dimensions[metric.DimEnvironment] != u.environment:
		return fmt.Sprintf("%s reads %s of the environment %q; it is of %q", u.by, u.metric.Name, u.metric.Dimensions[metric.DimEnvironment], u.environment)
	case byModel && !c.models[model]:
		return fmt.Sprintf("%s reads %s of the model %q, which no request named", u.by, u.metric.Name, model)
	}
	return ""
}

// unseen are the metrics that are emitted and that no dashboard shows.
func (c contract) unseen(uses []use) []string {
	shown := map[string]bool{}
	for _, u := range uses {
		shown[u.metric.Name] = shown[u.metric.Name] || u.shown && u.metric.Namespace == metric.Namespace
	}
	var missing []string
	for key := range c.emitted {
		if _, name, _ := strings.Cut(key, " "); !shown[name] && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

func emittedByAll(t *testing.T) map[string][]dashboards.Point {
	t.Helper()
	all := map[string][]dashboards.Point{}
	for _, variant := range variants() {
		all[variant] = emittedBy(t, variant)
	}
	return all
}

// Whatever a dashboard or an alarm of a shipped environment reads is emitted: by that variant, by these dimensions, in
// that unit. And whatever is emitted is shown.
func TestWhatIsReadIsWhatIsEmitted(t *testing.T) {
	c, problems := contractOf(emittedByAll(t))
	for _, problem := range problems {
		t.Error(problem)
	}
	for _, m := range metric.All() {
		if _, ok := c.emitted["containers "+m.Name]; !ok {
			t.Errorf("%s is in the contract, and no request of the run made a server emit it", m.Name)
		}
	}
	uses, err := usesOf(stacks(""))
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, u := range uses {
		if problem := c.judge(u); problem != "" {
			t.Error(problem)
		}
		if u.metric.Namespace == metric.Namespace {
			ours++
		}
	}
	if ours < 100 {
		t.Errorf("only %d readers of our metrics were found", ours)
	}
	for _, environment := range []string{"prod"} { // which has all there is
		own, _ := usesOf(stacks(environment))
		for _, name := range c.unseen(own) {
			t.Errorf("%s is emitted and paid for, and no dashboard of %s shows it", name, environment)
		}
	}
}

// Each kind of drift is found, on whichever side it happens.
func TestDriftOfEitherSideIsFound(t *testing.T) {
	points := emittedByAll(t)
	good, _ := contractOf(points)
	uses, err := usesOf(stacks("prod"))
	if err != nil {
		t.Fatal(err)
	}
	red := func(c contract, uses []use) []string {
		var problems []string
		for _, u := range uses {
			if problem := c.judge(u); problem != "" {
				problems = append(problems, problem)
			}
		}
		return append(problems, c.unseen(uses)...)
	}
	if problems := red(good, uses); len(problems) > 0 {
		t.Fatalf("before any drift: %q", problems)
	}
	// What a reader can get wrong.
	at := slices.IndexFunc(uses, func(u use) bool { return u.metric.Namespace == metric.Namespace && u.unit != "" })
	for name, drift := range map[string]func(*use){
		"the name":                 func(u *use) { u.metric.Name = "Requets" },
		"the namespace":            func(u *use) { u.metric.Namespace = "GenAI" },
		"the unit":                 func(u *use) { u.unit = "Seconds" },
		"a dimension more":         func(u *use) { u.metric.Dimensions["Tenant"] = "team-a" },
		"a dimension less":         func(u *use) { delete(u.metric.Dimensions, metric.DimEnvironment) },
		"a dimension's value":      func(u *use) { u.metric.Dimensions[metric.DimVariant] = "elsewhere" },
		"another environment":      func(u *use) { u.metric.Dimensions[metric.DimEnvironment] = "dev" },
		"a model that nobody asks": func(u *use) { u.metric.Dimensions[metric.DimModel] = "gpt" },
	} {
		changed := slices.Clone(uses)
		changed[at].metric.Dimensions = maps.Clone(uses[at].metric.Dimensions)
		drift(&changed[at])
		if len(red(good, changed)) == 0 {
			t.Errorf("a reader with %s changed is not found", name)
		}
	}
	// What a program can: its lines are changed before they are read.
	logs, _ := printed()
	for name, drift := range map[string][2]string{
		"the name":      {`"Errors"`, `"Failures"`},
		"the unit":      {`"Name":"GatewayOverhead","Unit":"Milliseconds"`, `"Name":"GatewayOverhead","Unit":"Microseconds"`},
		"the dimension": {`"Variant"`, `"Kind"`},
		"the namespace": {`"Namespace":"GenAI/ARM64"`, `"Namespace":"GenAI"`},
		"a metric more": {`"Metrics":[`, `"duration_ms":1,"Metrics":[{"Name":"stray","Unit":"Count"},`},
	} {
		changed := map[string][]dashboards.Point{}
		for variant, log := range logs {
			text := strings.ReplaceAll(log, drift[0], drift[1])
			if name == "a metric more" {
				text = strings.ReplaceAll(text, `"_aws"`, `"stray":1,"_aws"`)
			}
			if changed[variant], err = dashboards.Points(strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		c, problems := contractOf(changed)
		if len(problems)+len(red(c, uses)) == 0 {
			t.Errorf("a program with %s changed is not found", name)
		}
	}
	// And a metric that is taken from every dashboard.
	less := slices.DeleteFunc(slices.Clone(uses), func(u use) bool { return u.shown && u.metric.Name == metric.Failovers.Name })
	if got := good.unseen(less); !slices.Equal(got, []string{metric.Failovers.Name}) {
		t.Errorf("without Failovers on a dashboard, unseen are %q", got)
	}
}

var (
	ofField  = regexp.MustCompile(`(?:sum|avg|max|pct)\(([A-Za-z_.]+)`)
	byFields = regexp.MustCompile(` by ([A-Za-z_, ]+?)(?: \||$)`)
	wanted   = regexp.MustCompile(`filter ([a-z]+) = "([^"]+)"`)
)

// The queries of the log ask for what the lines of requests have.
func TestQueriesAskForFieldsThatLinesHave(t *testing.T) {
	logs, err := printed()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, s := range stacks("prod") {
		read, err := dashboards.Read(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range read {
			for _, w := range d.Widgets {
				if w.Type != "log" || strings.Contains(w.Text, "platform.report") { // Lambda's own lines
					continue
				}
				found++
				var fields []string
				for _, match := range ofField.FindAllStringSubmatch(w.Text, -1) {
					fields = append(fields, match[1])
				}
				if by := byFields.FindStringSubmatch(strings.ReplaceAll(w.Text, "\n", " ")); by != nil {
					fields = append(fields, strings.Split(by[1], ", ")...)
				}
				filter := wanted.FindStringSubmatch(w.Text)
				if filter == nil || !strings.Contains(logs["containers"], fmt.Sprintf(`"%s":"%s"`, filter[1], filter[2])) {
					t.Errorf("%s, %q: no line is what it filters for: %s", d.Name, w.Title, w.Text)
				}
				for _, field := range fields {
					// Nobody is known as a tenant in the local run; the record's own test has it.
					if field != "tenant" && !strings.Contains(logs["containers"], `"`+field+`":`) {
						t.Errorf("%s, %q asks for %s, which no line has", d.Name, w.Title, field)
					}
				}
				if len(fields) < 3 {
					t.Errorf("%s, %q: only %q were understood of %s", d.Name, w.Title, fields, w.Text)
				}
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d queries were found", found)
	}
}

// Every alarm of every environment says what to do, in a runbook that is there. It tells somebody, or another alarm or a
// deployment looks at it.
func TestEveryAlarmTellsAndSaysWhatToDo(t *testing.T) {
	link := regexp.MustCompile(`\. What to do: https://\S+/docs/runbooks/([a-z-]+\.md)$`)
	count := map[string]int{}
	for _, s := range stacks("") {
		for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} {
			for _, r := range s.ByType(kind) {
				count[environmentOf(s)]++
				says := dashboards.Text(s, r.Properties["AlarmDescription"])
				if found := link.FindStringSubmatch(says); found == nil {
					t.Errorf("%s, %s says only %q", s.ID, r.LogicalID, says)
				} else if _, err := os.Stat(filepath.Join("..", "..", "docs", "runbooks", found[1])); err != nil {
					t.Errorf("%s, %s: %v", s.ID, r.LogicalID, err)
				}
				if told, _ := r.Properties["AlarmActions"].([]any); len(told) == 0 && !lookedAt(s, r.LogicalID) {
					t.Errorf("%s, %s tells nobody, and nothing looks at it", s.ID, r.LogicalID)
				}
			}
		}
	}
	if count["prod"] < 100 || count["dev"] < 10 || count["local"] < 40 {
		t.Errorf("only these alarms were found: %v", count)
	}
}

// lookedAt tells whether a composite alarm or a deployment of the stack names an alarm.
func lookedAt(s *assembly.Stack, alarm string) bool {
	all, _ := s.Template["Resources"].(map[string]any)
	for id, r := range all {
		if id != alarm && object(r)["Type"] != "AWS::CloudWatch::Alarm" && strings.Contains(fmt.Sprint(r), alarm) {
			return true
		}
	}
	return false
}
