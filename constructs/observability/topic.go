package observability

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
)

// TopicProps says who is told.
type TopicProps struct {
	Name   string   // default: CloudFormation makes one. With a name, stacks that come before the topic's can name it: TopicARN
	Emails []string // addresses that are told; each must be confirmed once by who reads it. Default: none
	Costs  bool     // AWS Budgets and Cost Anomaly Detection may publish too, as spend.Props.TopicARN needs; default false
}

// Topic takes alarms to people. It is encrypted with a key of its own, for CloudWatch may not use the one of AWS, and only
// alarms, and with Costs budgets, of its own account may publish to it.
type Topic interface {
	constructs.Construct
	// Topic is Amazon SNS's.
	Topic() awssns.ITopic
	// Key encrypts what is published.
	Key() awskms.IKey
}

type topic struct {
	constructs.Construct
	topic awssns.Topic
	key   awskms.Key
}

var (
	topicForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
	emailForm = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
)

// The services that tell of something.
const (
	alarmsService    = "cloudwatch.amazonaws.com"
	budgetsService   = "budgets.amazonaws.com"
	anomaliesService = "costalerts.amazonaws.com"
)

// TopicARN is the ARN of a topic with a name.
func TopicARN(region, account, name string) string {
	return strings.Join([]string{"arn:aws:sns", region, account, name}, ":")
}

// NewTopic makes a Topic. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewTopic(scope constructs.Construct, id string, props TopicProps) Topic {
	var problems check.Problems
	problems.If(props.Name != "" && !topicForm.MatchString(props.Name), "Name: is %q; allowed are letters, digits, _ and -", props.Name)
	for i, email := range props.Emails {
		problems.If(!emailForm.MatchString(email), "Emails[%d]: is %q; give an address such as team@example.com", i, email)
	}
	problems.Panic(fmt.Sprintf("observability.NewTopic(%q)", id))
	t := &topic{}
	constructs.NewConstruct_Override(t, scope, jsii.String(id))
	t.key = awskms.NewKey(t, jsii.String("Key"), &awskms.KeyProps{
		Description:       jsii.String("Encrypts what alarms of the inference gateway tell"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY, // nothing that lasts is encrypted with it
	})
	made := &awssns.TopicProps{MasterKey: t.key, EnforceSSL: jsii.Bool(true)}
	if props.Name != "" {
		made.TopicName = jsii.String(props.Name)
	}
	t.topic = awssns.NewTopic(t, jsii.String("Topic"), made)
	t.allow("Alarms", alarmsService, nil, nil)
	if props.Costs {
		t.allowCosts()
	}
	for _, email := range props.Emails {
		t.topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(email), nil))
	}
	return t
}

// allow lets a service encrypt and publish. Of alarms the account is asked where they publish alone: AWS's guides show the
// key's statement without a condition, and one that a service does not meet would silence every alarm.
func (t *topic) allow(sid, service string, encrypts, publishes map[string]any) {
	own := awscdk.Stack_Of(t).Account()
	if publishes == nil {
		publishes = map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": own}}
	}
	principals := []awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(service), nil)}
	key := &awsiam.PolicyStatementProps{Principals: &principals, Actions: jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"), Resources: jsii.Strings("*")}
	if encrypts != nil {
		key.Conditions = &encrypts
	}
	t.key.AddToResourcePolicy(awsiam.NewPolicyStatement(key), nil)
	t.topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Principals: &principals, Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{t.topic.TopicArn()}, Conditions: &publishes,
	}))
}

// allowCosts lets what watches the bill publish, on behalf of the topic's own account (AWS Cost Management User Guide,
// "Creating an Amazon SNS topic for budget notifications" and "… for anomaly notifications", read 2026-11-23).
func (t *topic) allowCosts() {
	own := awscdk.Stack_Of(t).Account()
	account := map[string]any{"aws:SourceAccount": own}
	t.allow("Budgets", budgetsService, map[string]any{"StringEquals": account},
		map[string]any{"StringEquals": account, "ArnLike": map[string]any{"aws:SourceArn": "arn:aws:budgets::" + *own + ":*"}})
	t.allow("Anomalies", anomaliesService, map[string]any{"StringEquals": account}, nil)
}

// Topic takes what CloudWatch publishes, with Costs what watches the bill does, and nothing over plain HTTP.
func (t *topic) Topic() awssns.ITopic { return t.topic }

// Key lets those services use it that may publish, and goes with the stack.
func (t *topic) Key() awskms.IKey { return t.key }
