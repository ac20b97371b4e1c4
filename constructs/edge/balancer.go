package edge

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/shut"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// BalancerProps says what a Balancer is and who may reach it.
type BalancerProps struct {
	Vpc            awsec2.IVpc             // required
	Subnets        *awsec2.SubnetSelection // required; public ones for InternetFacing
	CertificateARN string                  // required; of AWS Certificate Manager, in the stack's Region

	// InternetFacing gives it a public address; default false: it is reached inside the VPC and what is connected to it.
	InternetFacing bool
	// CIDRs are the IPv4 ranges that may call it. Required. 0.0.0.0/0 only with InternetFacing and OpenReason.
	CIDRs []string
	// OpenReason is why the whole internet may call: required for 0.0.0.0/0, else empty; shown in the security group's
	// rule. Letters A to Z, digits, blanks and ._-:/()#,@[]+=&;{}!$* only.
	OpenReason string

	// StreamBudget is how long the gateway lets one answer take, streamed or not; more than two of PingInterval. Every
	// timeout follows from it in the order client > balancer > gateway > upstream, so that whoever knows most about a
	// late answer is the first to give up: see package budget. Default 300 s.
	StreamBudget time.Duration
	PingInterval time.Duration // silence on a stream before the gateway pings; default 15 s

	Firewall         WebACLProps // of the web ACL in front; the zero value is a good one
	NoFirewallReason string      // why there is none; kept in the balancer's metadata. Default empty: there is one

	LogRetention   int           // days that access logs are kept, at least 1; default 90
	ConnectionLogs bool          // also logs connections, with the TLS of each; default false
	LogBucket      awss3.IBucket // takes the logs, and must allow it; default: one of its own, which outlives the stack
	Production     bool          // protects it from deletion; default false
}

// Balancer is an Application Load Balancer that speaks nothing but HTTPS. It has no listener on port 80, not even one
// that redirects: a caller who sent a key there has lost it already. It is an IConnectable.
type Balancer interface {
	constructs.Construct
	awsec2.IConnectable
	// Balancer is the load balancer itself.
	Balancer() awselasticloadbalancingv2.ApplicationLoadBalancer
	// Listener is its one listener, on 443. It needs a target group: see AddTarget.
	Listener() awselasticloadbalancingv2.ApplicationListener
	// Firewall is the web ACL in front; nil with NoFirewallReason.
	Firewall() WebACL
	// LogBucket holds the access logs.
	LogBucket() awss3.IBucket
	// AddTarget makes a target group. The first takes every request; a further one takes none until a rule of the caller
	// sends it some, as a blue/green deployment does.
	AddTarget(id string, props TargetProps) awselasticloadbalancingv2.ApplicationTargetGroup
	// AddPair makes two target groups that take turns, as ECS deploys blue/green. It is instead of AddTarget.
	AddPair(id string, props PairProps) Pair
	// AddRecord points the name of a host, for which the certificate must be, at the balancer, in the Route 53 zone of the
	// id.
	AddRecord(id, name, hostedZoneID string) awsroute53.CfnRecordSet
	// MetricRequests is how many requests it passed on, over five minutes, as of the others. Options may be nil.
	MetricRequests(options *awscloudwatch.MetricOptions) awscloudwatch.Metric
	// MetricOwnErrors is how many answers with 5xx are the balancer's own: no healthy target, or one that hung up.
	MetricOwnErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric
	// MetricTargetErrors is how many answers with 5xx are the gateway's.
	MetricTargetErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric
	// MetricRejected is how many connections it refused because it was at its limit.
	MetricRejected(options *awscloudwatch.MetricOptions) awscloudwatch.Metric
}

type balancer struct {
	constructs.Construct
	balancer awselasticloadbalancingv2.ApplicationLoadBalancer
	listener awselasticloadbalancingv2.ApplicationListener
	firewall WebACL
	logs     awss3.IBucket
	vpc      awsec2.IVpc
	targets  int
	budget   time.Duration
}

// NewBalancer makes a Balancer. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewBalancer(scope constructs.Construct, id string, props BalancerProps) Balancer {
	props = props.filled()
	props.check(id, token.Region(scope) == "")
	b := &balancer{vpc: props.Vpc, budget: props.StreamBudget}
	constructs.NewConstruct_Override(b, scope, jsii.String(id))
	group := shut.NewGroup(b, "Group", props.Vpc, "Load balancer of the inference gateway")
	for _, cidr := range props.CIDRs {
		group.AddIngressRule(awsec2.Peer_Ipv4(jsii.String(cidr)), awsec2.Port_HTTPS(), jsii.String(props.ruleText(cidr)), nil)
	}
	b.balancer = awselasticloadbalancingv2.NewApplicationLoadBalancer(b, jsii.String("Balancer"), &awselasticloadbalancingv2.ApplicationLoadBalancerProps{
		Vpc: props.Vpc, VpcSubnets: props.Subnets, SecurityGroup: group,
		InternetFacing:          jsii.Bool(props.InternetFacing),
		DeletionProtection:      jsii.Bool(props.Production),
		DropInvalidHeaderFields: jsii.Bool(true),
		DesyncMitigationMode:    awselasticloadbalancingv2.DesyncMitigationMode_STRICTEST,
		IdleTimeout:             awscdk.Duration_Seconds(jsii.Number(budget.BalancerIdle(props.StreamBudget).Seconds())),
		ClientKeepAlive:         awscdk.Duration_Seconds(jsii.Number(budget.BalancerKeepAlive.Seconds())),
	})
	b.listener = b.balancer.AddListener(jsii.String("Https"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Port: jsii.Number(443), Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTPS, Open: jsii.Bool(false),
		SslPolicy:    awselasticloadbalancingv2.SslPolicy_TLS13_12_RES_PQ,
		Certificates: &[]awselasticloadbalancingv2.IListenerCertificate{awselasticloadbalancingv2.ListenerCertificate_FromArn(jsii.String(props.CertificateARN))},
	})
	b.keepLogs(props)
	b.protect(props)
	return b
}

// protect puts a web ACL in front, or says in the template why there is none.
func (b *balancer) protect(props BalancerProps) {
	if props.NoFirewallReason != "" {
		b.balancer.Node().DefaultChild().(awscdk.CfnResource).AddMetadata(jsii.String(NoFirewallMetadata), props.NoFirewallReason)
		return
	}
	b.firewall = NewWebACL(b, "Firewall", props.Firewall)
	b.firewall.Associate("Balancer", b.balancer.LoadBalancerArn())
}

// AddRecord makes an alias record of type A, which goes by the health of the targets. It panics on a name that DNS would
// not take.
func (b *balancer) AddRecord(id, name, hostedZoneID string) awsroute53.CfnRecordSet {
	var problems check.Problems
	(&Domain{Name: name, HostedZoneID: hostedZoneID}).checkName(&problems)
	problems.Panic(fmt.Sprintf("edge.Balancer.AddRecord(%q)", id))
	return awsroute53.NewCfnRecordSet(b, jsii.String(id), &awsroute53.CfnRecordSetProps{
		Name: jsii.String(name), Type: jsii.String("A"), HostedZoneId: jsii.String(hostedZoneID),
		AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
			DnsName: b.balancer.LoadBalancerDnsName(), HostedZoneId: b.balancer.LoadBalancerCanonicalHostedZoneId(),
			EvaluateTargetHealth: jsii.Bool(true),
		},
	})
}

// Balancer is the Application Load Balancer.
func (b *balancer) Balancer() awselasticloadbalancingv2.ApplicationLoadBalancer { return b.balancer }

// Listener is the one for HTTPS.
func (b *balancer) Listener() awselasticloadbalancingv2.ApplicationListener { return b.listener }

// Firewall is the web ACL that NewBalancer associated; nil where props gave a reason for none.
func (b *balancer) Firewall() WebACL { return b.firewall }

// LogBucket is the one that NewBalancer made, or that props named.
func (b *balancer) LogBucket() awss3.IBucket { return b.logs }

// Connections makes the balancer an IConnectable.
func (b *balancer) Connections() awsec2.Connections { return b.balancer.Connections() }

// MetricRequests is RequestCount, a sum over five minutes. Options may be nil.
func (b *balancer) MetricRequests(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.balancer.Metrics().RequestCount(options)
}

// MetricOwnErrors is HTTPCode_ELB_5XX_Count, a sum over five minutes. Options may be nil.
func (b *balancer) MetricOwnErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.balancer.Metrics().HttpCodeElb(awselasticloadbalancingv2.HttpCodeElb_ELB_5XX_COUNT, options)
}

// MetricTargetErrors is HTTPCode_Target_5XX_Count, a sum over five minutes. Options may be nil.
func (b *balancer) MetricTargetErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.balancer.Metrics().HttpCodeTarget(awselasticloadbalancingv2.HttpCodeTarget_TARGET_5XX_COUNT, options)
}

// MetricRejected is RejectedConnectionCount, a sum over five minutes. Options may be nil.
func (b *balancer) MetricRejected(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.balancer.Metrics().RejectedConnectionCount(options)
}
