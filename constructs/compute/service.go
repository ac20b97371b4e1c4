package compute

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// ServerPackage is the Go package of the program that Containers and Instances run.
const ServerPackage = "./runtime/cmd/server"

// TracedServerPackage is that of the one that can trace requests, if its settings say where to.
const TracedServerPackage = "./runtime/cmd/tracedserver"

// Service is what every way to run the gateway has in common. It is an IGrantable: what is granted to it is granted to
// its role.
type Service interface {
	constructs.Construct
	awsiam.IGrantable
	// Role is what the program runs with.
	Role() awsiam.Role
	// LogGroup holds the program's JSON logs and its metrics in EMF.
	LogGroup() awslogs.LogGroup
	// Metric is a metric that the program emits, over all models: counts summed, milliseconds at p95, over five minutes.
	// Options, which may be nil, change that.
	Metric(m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric
}

// Placed is a Service with network interfaces in a VPC, so that it has connections to allow.
type Placed interface {
	Service
	awsec2.IConnectable
}

var (
	_ Service = Function(nil)
	_ Placed  = Containers(nil)
	_ Placed  = Instances(nil)
)

// Placement says where in a network a service stands, and what sends it requests.
type Placement struct {
	Vpc     awsec2.IVpc             // required
	Subnets *awsec2.SubnetSelection // default: the private subnets, else the isolated ones
	// SecurityGroup is that of the network interfaces; default: one of their own that may call HTTPS anywhere, nothing
	// else. A caller who knows the endpoints gives a narrower one.
	SecurityGroup awsec2.ISecurityGroup
	// TargetGroup sends the requests; required. A listener must already forward to it, for CDK reads the balancer's name
	// from it, and opens the security groups of both to each other on the program's port. Its health check decides what
	// is healthy: there is none in a container, since an image from scratch holds no second program to ask the first. Its
	// deregistration delay is how long a stream may go on when its target leaves: give it Settings.RequestTimeout.
	TargetGroup awselasticloadbalancingv2.ApplicationTargetGroup
}

// Scaling says how many tasks or instances there are, and what changes that. A program that waits for Bedrock uses
// little CPU, so the requests count beside it.
type Scaling struct {
	Min     int // default 2, for two zones
	Max     int // default 20
	Desired int // set at every deployment; default 0: left to the scaling, so that a deployment does not shrink a busy service
	CPU     int // percent that is aimed at, 10 to 95; default 80
	// Requests is how many requests a minute each task or instance is aimed at; default 600. With answers of 10 s that
	// is 100 at the same time.
	Requests int
}

// Spot says what runs on spare capacity, which AWS takes back with two minutes' notice.
type Spot struct {
	Share        int // percent of what is above OnDemandBase; default 0: none
	OnDemandBase int // how many are on demand in any case; default 0
}

func (s Scaling) filled() Scaling {
	if s.Min == 0 {
		s.Min = 2
	}
	if s.Max == 0 {
		s.Max = 20
	}
	if s.CPU == 0 {
		s.CPU = 80
	}
	if s.Requests == 0 {
		s.Requests = 600
	}
	return s
}

func (s Scaling) check(problems *check.Problems) {
	problems.If(s.Min < 1 || s.Max < s.Min, "Scaling: min and max are %d and %d; allowed is 1 <= min <= max", s.Min, s.Max)
	problems.If(s.Desired != 0 && (s.Desired < s.Min || s.Desired > s.Max), "Scaling: desired is %d; allowed is 0, or %d to %d",
		s.Desired, s.Min, s.Max)
	problems.If(s.CPU < 10 || s.CPU > 95, "Scaling: CPU is %d %%; allowed is 10 to 95", s.CPU)
	problems.If(s.Requests < 1, "Scaling: requests are %d a minute; allowed is 1 or more", s.Requests)
}

// acknowledgeAll says why a statement of a role's own policy is on all resources.
func acknowledgeAll(role awsiam.Role, reason string) {
	nag.Acknowledge(role.Node().FindChild(jsii.String("DefaultPolicy")), nag.Rules{"AwsSolutions-IAM5[Resource::*]": reason})
}

func (s Spot) check(problems *check.Problems) {
	problems.If(s.Share < 0 || s.Share > 100, "Spot: share is %d %%; allowed is 0 to 100", s.Share)
	problems.If(s.OnDemandBase < 0, "Spot: on-demand base is %d; allowed is 0 or more", s.OnDemandBase)
}

func (p Placement) check(problems *check.Problems) {
	problems.If(p.Vpc == nil, "Placement: Vpc is nil")
	problems.If(p.TargetGroup == nil, "Placement: TargetGroup is nil")
}

// targetPort is where the target group sends requests; false when it does not say, as one made elsewhere.
func (p Placement) targetPort() (int, bool) {
	if p.TargetGroup == nil {
		return 0, false
	}
	made, ok := p.TargetGroup.Node().DefaultChild().(awselasticloadbalancingv2.CfnTargetGroup)
	if !ok || made.Port() == nil {
		return 0, false
	}
	return int(*made.Port()), true
}

// securityGroup is the one given, or a new one.
func (p Placement) securityGroup(scope constructs.Construct) awsec2.ISecurityGroup {
	if p.SecurityGroup != nil {
		return p.SecurityGroup
	}
	group := awsec2.NewSecurityGroup(scope, jsii.String("SecurityGroup"), &awsec2.SecurityGroupProps{
		Vpc:              p.Vpc,
		Description:      jsii.String("Inference gateway"),
		AllowAllOutbound: jsii.Bool(false),
	})
	group.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_HTTPS(), jsii.String("AWS APIs"), nil)
	return group
}

// program is what Containers and Instances check alike of what they run.
type program struct {
	told         settings.Settings
	models       []access.Target
	variant      string
	logRetention int
}

func (p program) check(problems *check.Problems, account string, accessErr error) {
	checkOff(problems, p.told.Auth, account)
	problems.If(accessErr != nil, "Models: %v", accessErr)
	for _, problem := range wrong(p.told, covers(p.models)) {
		problems.If(true, "%s", problem)
	}
	problems.If(p.told.Variant != p.variant, "Settings: variant is %q; here it is %q", p.told.Variant, p.variant)
	problems.If(p.told.Auth.Mode == settings.AuthGateway, "Settings: authentication is %q, which API Gateway does; behind a balancer "+
		"it would refuse everyone, so take %q", settings.AuthGateway, settings.AuthKeys)
	_, err := port(p.told)
	problems.If(err != nil, "Settings: %v", err)
	_, offered := retention(p.logRetention)
	problems.If(!offered, "LogRetention: is %d days, which CloudWatch Logs does not offer", p.logRetention)
}

// checkOff refuses unknown callers in what could be deployed.
func checkOff(problems *check.Problems, told settings.Auth, account string) {
	problems.If(told.Mode == settings.AuthOff && account != settings.LocalAccount, "Settings: authentication is %q, which is for the local run "+
		"in account %s alone; take %q", settings.AuthOff, settings.LocalAccount, settings.AuthKeys)
}

// covers tells of a target that is called whether the permission to call it is among the models.
func covers(models []access.Target) func(settings.Target) bool {
	return func(called settings.Target) bool {
		for _, t := range models {
			if t.Model == called.Model && t.Region == called.Region && t.Profile == called.Profile {
				return true
			}
		}
		return false
	}
}

// port is where the program listens, if a balancer can reach it there and a program without privileges may.
func port(told settings.Settings) (int, error) {
	host, text, err := net.SplitHostPort(told.Listen)
	if err != nil {
		return 0, fmt.Errorf("listen: %w", err)
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1024 || number > 65535 {
		return 0, fmt.Errorf("listen is %q; a program without privileges may use the ports 1024 to 65535", told.Listen)
	}
	if host != "" && host != "0.0.0.0" && host != "::" {
		return 0, fmt.Errorf("listen is %q; a balancer reaches only a program that listens on every address, such as \":8080\"", told.Listen)
	}
	return number, nil
}

func newLogGroup(scope constructs.Construct, days int, retain bool) awslogs.LogGroup {
	kept, _ := retention(days) // checked
	return awslogs.NewLogGroup(scope, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention:     kept,
		RemovalPolicy: removal(retain),
	})
}

// wholeSeconds tells whether a duration lies within bounds and AWS can be told it.
func wholeSeconds(d, least, most time.Duration) bool {
	return d >= least && d <= most && d%time.Second == 0
}

func account(scope constructs.Construct) string { return *awscdk.Stack_Of(scope).Account() }

func region(scope constructs.Construct) string { return *awscdk.Stack_Of(scope).Region() }
