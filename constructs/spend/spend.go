// Package spend tells people when an environment costs more than they meant: a monthly budget, and AWS's detection of
// what is unusual.
//
// Both look at what the bill says, hours to a day late, and see tokens too: Claude is billed through AWS Marketplace under
// its provider's name, and never as the service "Amazon Bedrock" (AWS's documents, read 2026-11-22). So nothing here looks
// at a service, but at all of an account or at what carries a tag. It must know neither the gateway nor its metrics.
package spend

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsce"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
)

// Props says what may be spent, on what, and who is told.
type Props struct {
	Name    string // required; of what is made, in the account: letters, digits, - and _
	Monthly int    // US dollars that a calendar month may cost; required, 1 or more
	// Anomaly is from how many US dollars over what was expected somebody is told, within a day; default 0: nothing looks
	// for it.
	Anomaly int
	// TopicARN is of the SNS topic that is told, of the stack's account. Required. Its policy, and that of its key, must
	// let AWS Budgets and Cost Anomaly Detection publish: observability.TopicProps.Costs.
	TopicARN string
	// Of narrows what is looked at to what carries a tag with a value; default: all that the account is billed. Nothing is
	// seen before the key is activated as a cost allocation tag, and no tokens but those that were asked for through
	// application inference profiles with the tag.
	Of   Tag
	Tags map[string]string // of the budget, to which CDK's own tags do not reach; default none
}

// Tag is a key and a value.
type Tag struct{ Key, Value string }

// Spend is a budget of a month, and detection of what is unusual.
type Spend interface {
	constructs.Construct
	// Budget is of each calendar month; it stops nothing, it only tells.
	Budget() awsbudgets.CfnBudget
	// Monitor is nil without Props.Anomaly.
	Monitor() awsce.CfnAnomalyMonitor
}

type spend struct {
	constructs.Construct
	budget  awsbudgets.CfnBudget
	monitor awsce.CfnAnomalyMonitor
}

// actual and forecast are at which percents of the month's budget somebody is told.
var actual, forecast = []float64{50, 80, 100}, []float64{100}

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	topicForm = regexp.MustCompile(`^arn:aws:sns:[a-z0-9-]+:[^:]+:[A-Za-z0-9_-]+$`)
)

// New makes a Spend. CDK constructs do not return errors: with bad props it panics with one message that names everything
// that is wrong.
func New(scope constructs.Construct, id string, props Props) Spend {
	props.check(id)
	s := &spend{}
	constructs.NewConstruct_Override(s, scope, jsii.String(id))
	s.budget = awsbudgets.NewCfnBudget(s, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			// Notifications are replaced with the budget, and two budgets cannot have one name: another topic is another name.
			BudgetName: jsii.String(props.Name + "-to-" + props.TopicARN[strings.LastIndex(props.TopicARN, ":")+1:]),
			BudgetType: jsii.String("COST"), TimeUnit: jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(props.Monthly), Unit: jsii.String("USD")},
			CostFilters: props.filters(s),
			// Credits and refunds would hide what is used.
			CostTypes: &awsbudgets.CfnBudget_CostTypesProperty{IncludeCredit: jsii.Bool(false), IncludeRefund: jsii.Bool(false)},
		},
		NotificationsWithSubscribers: append(props.notifications("ACTUAL", actual), props.notifications("FORECASTED", forecast)...),
		ResourceTags:                 props.tags(),
	})
	if props.Anomaly > 0 {
		s.watch(props)
	}
	return s
}

func (p Props) check(id string) {
	var problems check.Problems
	problems.If(!nameForm.MatchString(p.Name), "Name: is %q; allowed are 1 to 80 letters, digits, - and _", p.Name)
	problems.If(p.Monthly < 1, "Monthly: is %d US dollars; allowed is 1 or more", p.Monthly)
	problems.If(p.Anomaly < 0, "Anomaly: is %d US dollars; allowed is 0, for no detection, or more", p.Anomaly)
	problems.If(!topicForm.MatchString(p.TopicARN), "TopicARN: is %q; give the ARN of an SNS topic of the account", p.TopicARN)
	problems.If((p.Of.Key == "") != (p.Of.Value == ""), "Of: has the key %q and the value %q; give both, or none for all of the account", p.Of.Key, p.Of.Value)
	problems.Panic(fmt.Sprintf("spend.New(%q)", id))
}

// filters are what the budget is of: always this account alone, for one that pays for others would see them all.
func (p Props) filters(scope constructs.Construct) map[string]any {
	filters := map[string]any{"LinkedAccount": []any{awscdk.Stack_Of(scope).Account()}}
	if p.Of != (Tag{}) {
		filters["TagKeyValue"] = []any{"user:" + p.Of.Key + "$" + p.Of.Value}
	}
	return filters
}

// notifications tell the topic when spending is over each of some percents.
func (p Props) notifications(kind string, percents []float64) []any {
	var list []any
	for _, percent := range percents {
		list = append(list, &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType: jsii.String(kind), ComparisonOperator: jsii.String("GREATER_THAN"),
				Threshold: jsii.Number(percent), ThresholdType: jsii.String("PERCENTAGE"),
			},
			Subscribers: []any{&awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: jsii.String("SNS"), Address: jsii.String(p.TopicARN)}},
		})
	}
	return list
}

func (p Props) tags() []any {
	var list []any
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		list = append(list, &awsbudgets.CfnBudget_ResourceTagProperty{Key: jsii.String(key), Value: jsii.String(p.Tags[key])})
	}
	return list
}

// watch makes the monitor and tells of what it finds at once: only by SNS does AWS do so, mails come daily or weekly.
func (s *spend) watch(p Props) {
	stack := awscdk.Stack_Of(s)
	of := map[string]any{"Dimensions": map[string]any{"Key": "LINKED_ACCOUNT", "Values": []any{stack.Account()}}}
	if p.Of != (Tag{}) {
		of = map[string]any{"Tags": map[string]any{"Key": p.Of.Key, "Values": []any{p.Of.Value}}}
	}
	s.monitor = awsce.NewCfnAnomalyMonitor(s, jsii.String("Monitor"), &awsce.CfnAnomalyMonitorProps{
		MonitorName: jsii.String(p.Name), MonitorType: jsii.String("CUSTOM"), MonitorSpecification: stack.ToJsonString(of, nil),
	})
	over := map[string]any{"Dimensions": map[string]any{"Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": []any{"GREATER_THAN_OR_EQUAL"},
		"Values": []any{strconv.Itoa(p.Anomaly)}}}
	awsce.NewCfnAnomalySubscription(s, jsii.String("Subscription"), &awsce.CfnAnomalySubscriptionProps{
		SubscriptionName: jsii.String(p.Name), Frequency: jsii.String("IMMEDIATE"), MonitorArnList: &[]any{s.monitor.AttrMonitorArn()},
		Subscribers:         []any{&awsce.CfnAnomalySubscription_SubscriberProperty{Type: jsii.String("SNS"), Address: jsii.String(p.TopicARN)}},
		ThresholdExpression: stack.ToJsonString(over, nil),
	})
}

// Budget is of each calendar month, of this account alone.
func (s *spend) Budget() awsbudgets.CfnBudget { return s.budget }

// Monitor is nil without Props.Anomaly.
func (s *spend) Monitor() awsce.CfnAnomalyMonitor { return s.monitor }
