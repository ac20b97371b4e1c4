package synth

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
	"github.com/genai-pipeline/genai-pipeline/constructs/spend"
)

const billTopic = "arn:aws:sns:us-east-1:123456789012:chat-alarms"

func leastSpend() spend.Props {
	return spend.Props{Name: "chat-spend", Monthly: 100, Anomaly: 10, TopicARN: billTopic}
}

// written as JSON in a property.
func inText(t *testing.T, value any) any {
	t.Helper()
	var read any
	if err := json.Unmarshal([]byte(value.(string)), &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// All of the account is watched and nothing is asked for by the name of a service, by which Claude is not billed.
func TestSpendSeesAllThatTheAccountIsBilled(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	spend.New(stack, "Spend", leastSpend())
	tp := benchTemplate(t, app, out)
	budget := at(tp.only(t, "AWS::Budgets::Budget").Properties, "Budget")
	got := []any{at(budget, "BudgetName"), at(budget, "BudgetType"), at(budget, "TimeUnit"), at(budget, "BudgetLimit"), at(budget, "CostFilters"), at(budget, "CostTypes")}
	want := []any{"chat-spend-to-chat-alarms", "COST", "MONTHLY", map[string]any{"Amount": 100.0, "Unit": "USD"}, map[string]any{"LinkedAccount": []any{benchAccount}},
		map[string]any{"IncludeCredit": false, "IncludeRefund": false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	monitor, subscription := tp.only(t, "AWS::CE::AnomalyMonitor").Properties, tp.only(t, "AWS::CE::AnomalySubscription").Properties
	if diff := cmp.Diff(map[string]any{"Dimensions": map[string]any{"Key": "LINKED_ACCOUNT", "Values": []any{benchAccount}}}, inText(t, monitor["MonitorSpecification"])); diff != "" || monitor["MonitorType"] != "CUSTOM" {
		t.Errorf("the monitor is %v: %s", monitor["MonitorType"], diff)
	}
	if got := compact(t, []any{subscription["Frequency"], subscription["Subscribers"], at(subscription, "MonitorArnList", 0, "Fn::GetAtt", 1)}); got !=
		`["IMMEDIATE",[{"Address":"`+billTopic+`","Type":"SNS"}],"MonitorArn"]` {
		t.Errorf("the subscription is %s", got)
	}
	over := map[string]any{"Dimensions": map[string]any{"Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": []any{"GREATER_THAN_OR_EQUAL"}, "Values": []any{"10"}}}
	if diff := cmp.Diff(over, inText(t, subscription["ThresholdExpression"])); diff != "" {
		t.Error(diff)
	}
	if text := compact(t, tp.Resources); strings.Contains(text, "SERVICE") || strings.Contains(text, "Bedrock") {
		t.Errorf("something is asked for by a service: %s", text)
	}
}

// The topic hears of half the budget, of most and of all of it, and of a forecast above it: four of the five notifications
// that AWS allows, each with one topic.
func TestBudgetsTellInTime(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	spend.New(stack, "Spend", leastSpend())
	var got []string
	for _, raw := range benchTemplate(t, app, out).only(t, "AWS::Budgets::Budget").Properties["NotificationsWithSubscribers"].([]any) {
		if to := compact(t, at(raw, "Subscribers")); to != `[{"Address":"`+billTopic+`","SubscriptionType":"SNS"}]` {
			t.Errorf("told is %s", to)
		}
		n := at(raw, "Notification")
		got = append(got, strings.Join([]string{at(n, "NotificationType").(string), at(n, "ComparisonOperator").(string), compact(t, at(n, "Threshold")), at(n, "ThresholdType").(string)}, " "))
	}
	want := []string{"ACTUAL GREATER_THAN 50 PERCENTAGE", "ACTUAL GREATER_THAN 80 PERCENTAGE", "ACTUAL GREATER_THAN 100 PERCENTAGE", "FORECASTED GREATER_THAN 100 PERCENTAGE"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// With a tag both look at what carries it, in this account.
func TestSpendOfATag(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	props := leastSpend()
	props.Of, props.Tags = spend.Tag{Key: "environment", Value: "chat"}, map[string]string{"team": "blue"}
	spend.New(stack, "Spend", props)
	tp := benchTemplate(t, app, out)
	budget := tp.only(t, "AWS::Budgets::Budget").Properties
	if got := compact(t, at(budget, "Budget", "CostFilters")); got != `{"LinkedAccount":["`+benchAccount+`"],"TagKeyValue":["user:environment$chat"]}` {
		t.Errorf("the budget is of %s", got)
	}
	if got := compact(t, budget["ResourceTags"]); got != `[{"Key":"team","Value":"blue"}]` {
		t.Errorf("its tags are %s", got)
	}
	if got := compact(t, inText(t, tp.only(t, "AWS::CE::AnomalyMonitor").Properties["MonitorSpecification"])); got != `{"Tags":{"Key":"environment","Values":["chat"]}}` {
		t.Errorf("the monitor is of %s", got)
	}
}

func TestNoDetectionWhereNoneIsAskedFor(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	props := leastSpend()
	props.Anomaly = 0
	if made := spend.New(stack, "Spend", props); made.Monitor() != nil || made.Budget() == nil {
		t.Error("there is a monitor, or no budget")
	}
	if tp := benchTemplate(t, app, out); len(tp.Resources) != 1 {
		t.Errorf("there are %d resources", len(tp.Resources))
	}
}

func TestBadSpendIsRefused(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	refused(t, []string{`spend.New("Bad"): 3 problems`, `Name: is ""`, "Monthly: is 0 US dollars; allowed is 1 or more", `TopicARN: is ""`}, func() {
		spend.New(stack, "Bad", spend.Props{})
	})
	refused(t, []string{`spend.New("Worse"): 5 problems`, `Name: is "my spend"`, "Monthly: is -5", "Anomaly: is -1", `TopicARN: is "arn:aws:sqs:us-east-1:123456789012:queue"`,
		`Of: has the key "team" and the value ""; give both`}, func() {
		spend.New(stack, "Worse", spend.Props{Name: "my spend", Monthly: -5, Anomaly: -1, TopicARN: "arn:aws:sqs:us-east-1:123456789012:queue", Of: spend.Tag{Key: "team"}})
	})
}

// What watches the bill may publish and encrypt on behalf of the topic's own account, and where there is no budget not
// at all.
func TestTheTopicHearsOfTheBill(t *testing.T) {
	for _, costs := range []bool{true, false} {
		app, stack, out := benchIn(t, "us-east-1")
		observability.NewTopic(stack, "Topic", observability.TopicProps{Costs: costs})
		tp := benchTemplate(t, app, out)
		may := map[string][]string{}
		for _, of := range []struct {
			action   string
			document any
		}{{"sns:Publish", tp.only(t, "AWS::SNS::TopicPolicy").Properties["PolicyDocument"]}, {"kms:Decrypt", tp.only(t, "AWS::KMS::Key").Properties["KeyPolicy"]}} {
			for _, raw := range at(of.document, "Statement").([]any) {
				named, _ := at(raw, "Principal").(map[string]any)
				if named["Service"] == nil || at(raw, "Effect") != "Allow" || !slices.Contains(texts(t, at(raw, "Action")), of.action) {
					continue
				}
				for _, service := range texts(t, named["Service"]) {
					if service != "cloudwatch.amazonaws.com" {
						may[service] = append(may[service], of.action+" "+compact(t, at(raw, "Condition")))
					}
				}
			}
		}
		own := `"StringEquals":{"aws:SourceAccount":"` + benchAccount + `"}`
		want := map[string][]string{}
		if costs {
			want = map[string][]string{
				"budgets.amazonaws.com":    {`sns:Publish {` + own + `,"ArnLike":{"aws:SourceArn":"arn:aws:budgets::` + benchAccount + `:*"}}`, `kms:Decrypt {` + own + `}`},
				"costalerts.amazonaws.com": {`sns:Publish {` + own + `}`, `kms:Decrypt {` + own + `}`},
			}
		}
		if diff := cmp.Diff(normal(t, want), normal(t, may)); diff != "" {
			t.Errorf("costs %t: %s", costs, diff)
		}
	}
}

// normal brings the members of objects in one order.
func normal(t *testing.T, by map[string][]string) map[string][]string {
	t.Helper()
	same := map[string][]string{}
	for service, list := range by {
		for _, entry := range list {
			action, condition, _ := strings.Cut(entry, " ")
			same[service] = append(same[service], action+" "+compact(t, inText(t, condition)))
		}
	}
	return same
}

// Both shipped environments that are deployed watch their bill once, whatever their Regions, by a topic of that Region that
// lets them; so does one whose Region is another.
func TestEveryEnvironmentWatchesItsBillOnce(t *testing.T) {
	abroad := written(t, "abroad", "account: \"123456789012\"\nregions: [eu-west-1]\nserverless: {}\nmodels: {lite: {targets: [{model: amazon.nova-lite-v1:0}]}}\n"+
		"observability: {emails: [a@example.com], budget: {monthly: 50}}\n")
	dev, prod := shipped(t, "dev"), shipped(t, "prod")
	a := assemblyOf(t, synthesize(t, stub(t), dev, prod, abroad))
	for name, topicIn := range map[string]string{"dev": "dev-us-east-1/observability", "prod": "prod-us-east-1/observability", "abroad": "abroad-global/observability"} {
		budgets := 0
		for _, s := range a.Stacks {
			if !strings.HasPrefix(s.ID, name+"-") {
				continue
			}
			for _, r := range s.ByType("AWS::Budgets::Budget") {
				budgets++
				if s.ID != name+"-global/spend" || s.Region != "us-east-1" {
					t.Errorf("%s: the budget is in %s, %s", name, s.ID, s.Region)
				}
				told := compact(t, r.Properties["NotificationsWithSubscribers"])
				if want := "arn:aws:sns:us-east-1:" + s.Account + ":" + name + "-gateway-alarms"; strings.Count(told, want) != 4 {
					t.Errorf("%s: told is %s", name, told)
				}
			}
			may := strings.Contains(compact(t, s.Template), "costalerts.amazonaws.com")
			if may != (s.ID == topicIn) {
				t.Errorf("%s: Cost Anomaly Detection may publish: %t", s.ID, may)
			}
		}
		if budgets != 1 {
			t.Errorf("%s has %d budgets", name, budgets)
		}
	}
	if dev.Observability.Budget.Anomaly != 10 || prod.Observability.Budget.Anomaly != 500 {
		t.Error("the anomaly is not a tenth by default, or not what is said")
	}
}
