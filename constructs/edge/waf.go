package edge

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/text"
)

// WebACLProps says what a WebACL lets through; the zero value is a good one.
type WebACLProps struct {
	// RequestsPerIP is how many requests one address may send in five minutes before it is blocked, until it falls below
	// again: 10 to 2,000,000,000. Default 2000, about seven a second; raise it for callers behind one address.
	RequestsPerIP int
	Description   string // letters A to Z, digits, blanks and _+=:#@/-,. only; default says what it protects
}

// WebACL is a regional web ACL: AWS's managed rules, and a limit for each address. What its rules find in a body is
// counted, not blocked, for a prompt may hold any text: a page, a program, an attack to be explained. A body is data to
// the gateway, which bounds its size itself.
type WebACL interface {
	constructs.Construct
	// Arn is the web ACL's.
	Arn() *string
	// Associate protects a load balancer or a REST API's stage. The id tells the associations apart.
	Associate(id string, arn *string) awswafv2.CfnWebACLAssociation
	// MetricBlocked is how many requests were blocked, by all rules, over five minutes. Options, which may be nil, change
	// that.
	MetricBlocked(options *awscloudwatch.MetricOptions) awscloudwatch.Metric
}

type webACL struct {
	constructs.Construct
	acl    awswafv2.CfnWebACL
	metric string
}

// rateRule is the name of the rule that limits each address.
const rateRule = "RequestsPerIP"

// managed are AWS's rule groups in the order in which they are asked, and of each the rules that read bodies.
var managed = []struct {
	name   string
	bodies []string
}{
	{"AWSManagedRulesAmazonIpReputationList", nil},
	{"AWSManagedRulesCommonRuleSet", []string{"SizeRestrictions_BODY", "CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY",
		"GenericLFI_BODY", "GenericRFI_BODY"}},
	{"AWSManagedRulesKnownBadInputsRuleSet", []string{"JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"}},
}

// NewWebACL makes a WebACL. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewWebACL(scope constructs.Construct, id string, props WebACLProps) WebACL {
	props = props.filled()
	props.check(id)
	w := &webACL{}
	constructs.NewConstruct_Override(w, scope, jsii.String(id))
	// The metric's name must be told apart from that of other web ACLs of the account, as a logical id is not.
	w.metric = *w.Node().Addr()
	// The limit comes first: who is over it costs no further rule.
	rules := []any{w.rateRule(props.RequestsPerIP)}
	for i, group := range managed {
		var counted []any
		for _, name := range group.bodies {
			counted = append(counted, &awswafv2.CfnWebACL_RuleActionOverrideProperty{
				Name: jsii.String(name), ActionToUse: &awswafv2.CfnWebACL_RuleActionProperty{Count: map[string]any{}},
			})
		}
		statement := &awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{VendorName: jsii.String("AWS"), Name: jsii.String(group.name)}
		if counted != nil {
			statement.RuleActionOverrides = &counted
		}
		rules = append(rules, &awswafv2.CfnWebACL_RuleProperty{
			Name: jsii.String(group.name), Priority: jsii.Number(i + 1), VisibilityConfig: visible(group.name),
			OverrideAction: &awswafv2.CfnWebACL_OverrideActionProperty{None: map[string]any{}},
			Statement:      &awswafv2.CfnWebACL_StatementProperty{ManagedRuleGroupStatement: statement},
		})
	}
	w.acl = awswafv2.NewCfnWebACL(w, jsii.String("Acl"), &awswafv2.CfnWebACLProps{
		Scope:            jsii.String("REGIONAL"),
		Description:      jsii.String(props.Description),
		DefaultAction:    &awswafv2.CfnWebACL_DefaultActionProperty{Allow: map[string]any{}},
		VisibilityConfig: visible(w.metric),
		Rules:            &rules,
	})
	return w
}

func (w *webACL) rateRule(limit int) *awswafv2.CfnWebACL_RuleProperty {
	return &awswafv2.CfnWebACL_RuleProperty{
		Name: jsii.String(rateRule), Priority: jsii.Number(0), VisibilityConfig: visible(rateRule),
		Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: map[string]any{}},
		Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: &awswafv2.CfnWebACL_RateBasedStatementProperty{
			AggregateKeyType: jsii.String("IP"), Limit: jsii.Number(limit), EvaluationWindowSec: jsii.Number(300),
		}},
	}
}

// visible keeps metrics and no samples: a sample would show headers, and with them what callers authenticate by.
func visible(metric string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
	return &awswafv2.CfnWebACL_VisibilityConfigProperty{
		CloudWatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(metric), SampledRequestsEnabled: jsii.Bool(false),
	}
}

// Arn is known at deployment only.
func (w *webACL) Arn() *string { return w.acl.AttrArn() }

// Associate makes the association in the web ACL's stack. What is protected must be in the same Region.
func (w *webACL) Associate(id string, arn *string) awswafv2.CfnWebACLAssociation {
	return awswafv2.NewCfnWebACLAssociation(w, jsii.String(id), &awswafv2.CfnWebACLAssociationProps{
		WebAclArn: w.acl.AttrArn(), ResourceArn: arn,
	})
}

// MetricBlocked is BlockedRequests, a sum over five minutes. Options may be nil.
func (w *webACL) MetricBlocked(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	blocked := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/WAFV2"), MetricName: jsii.String("BlockedRequests"), Statistic: jsii.String("Sum"),
		DimensionsMap: &map[string]*string{"WebACL": jsii.String(w.metric), "Rule": jsii.String("ALL"), "Region": w.acl.Stack().Region()},
	})
	if options == nil {
		return blocked
	}
	return blocked.With(options)
}

func (p WebACLProps) filled() WebACLProps {
	if p.RequestsPerIP == 0 {
		p.RequestsPerIP = 2000
	}
	if p.Description == "" {
		p.Description = "Inference gateway in front of Amazon Bedrock"
	}
	return p
}

func (p WebACLProps) check(id string) {
	var problems check.Problems
	p.collect(&problems, "")
	problems.Panic(fmt.Sprintf("edge.NewWebACL(%q)", id))
}

// collect adds what is wrong to the problems of a construct that makes a web ACL, whose prop the prefix names.
func (p WebACLProps) collect(problems *check.Problems, prefix string) {
	p = p.filled()
	problems.If(p.RequestsPerIP < 10 || p.RequestsPerIP > 2_000_000_000,
		"%sRequestsPerIP: is %d; allowed is 10 to 2000000000", prefix, p.RequestsPerIP)
	problems.Text(prefix+"Description", p.Description, text.WAF)
}
