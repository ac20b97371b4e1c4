package edge

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// maxDrain is the longest deregistration delay that a target group takes.
const maxDrain = time.Hour

// TargetProps says what a target group sends requests to.
type TargetProps struct {
	// Targets are services or Auto Scaling groups. They may be attached later, by their own means. Attaching opens the
	// port between the two security groups, and nothing else.
	Targets []awselasticloadbalancingv2.IApplicationLoadBalancerTarget
	Type    awselasticloadbalancingv2.TargetType // required: TargetType_IP for containers, TargetType_INSTANCE for instances
	Port    int                                  // where the gateway listens; default 8080
	// Drain is how long a target that leaves may go on with its answers before the balancer cuts them; whole seconds, at
	// most 1 h. Default: the stream budget, so that none is cut.
	Drain time.Duration
}

// AddTarget makes the listener's default action forward to the first target. It panics with what is wrong with props.
func (b *balancer) AddTarget(id string, props TargetProps) awselasticloadbalancingv2.ApplicationTargetGroup {
	made := b.newTarget(id, props)
	if b.targets++; b.targets == 1 {
		b.listener.AddTargetGroups(jsii.String("Default"), &awselasticloadbalancingv2.AddApplicationTargetGroupsProps{
			TargetGroups: &[]awselasticloadbalancingv2.IApplicationTargetGroup{made},
		})
	}
	made.AddTarget(props.Targets...)
	return made
}

// newTarget makes a target group that nothing sends to.
func (b *balancer) newTarget(id string, props TargetProps) awselasticloadbalancingv2.ApplicationTargetGroup {
	props = props.filled(b.budget)
	props.check(id)
	return awselasticloadbalancingv2.NewApplicationTargetGroup(b, jsii.String(id), &awselasticloadbalancingv2.ApplicationTargetGroupProps{
		Vpc: b.vpc, TargetType: props.Type, Port: jsii.Number(props.Port),
		// Inside the VPC a balancer does not check certificates, so that TLS there would prove nothing. Server-sent events
		// are HTTP/1.1.
		Protocol:            awselasticloadbalancingv2.ApplicationProtocol_HTTP,
		ProtocolVersion:     awselasticloadbalancingv2.ApplicationProtocolVersion_HTTP1,
		DeregistrationDelay: awscdk.Duration_Seconds(jsii.Number(props.Drain.Seconds())),
		// A stream lasts minutes, a refusal none: turns would pile streams up on one target. AWS allows no slow start with
		// this, and none is set: a new target, with the fewest requests, is to be used at once.
		LoadBalancingAlgorithmType: awselasticloadbalancingv2.TargetGroupLoadBalancingAlgorithmType_LEAST_OUTSTANDING_REQUESTS,
		// Liveness, not readiness: what makes one target unready, such as Bedrock or a secret out of reach, makes all of them
		// so at once, and a balancer without targets answers 503 where the gateway would say why. A target that drains leaves
		// by deregistration, not by its health.
		HealthCheck: &awselasticloadbalancingv2.HealthCheck{
			Path: jsii.String(endpoint.Livez), HealthyHttpCodes: jsii.String("200"),
			Interval: awscdk.Duration_Seconds(jsii.Number(budget.TargetInterval.Seconds())), Timeout: awscdk.Duration_Seconds(jsii.Number(budget.TargetTimeout.Seconds())),
			HealthyThresholdCount: jsii.Number(2), UnhealthyThresholdCount: jsii.Number(budget.TargetFailures),
		},
	})
}

func (p TargetProps) filled(budget time.Duration) TargetProps {
	if p.Port == 0 {
		p.Port = 8080
	}
	if p.Drain == 0 {
		p.Drain = min(budget, maxDrain)
	}
	return p
}

func (p TargetProps) check(id string) {
	var problems check.Problems
	problems.If(p.Type != awselasticloadbalancingv2.TargetType_IP && p.Type != awselasticloadbalancingv2.TargetType_INSTANCE,
		"Type: is %q; allowed are %q for containers and %q for instances", p.Type,
		awselasticloadbalancingv2.TargetType_IP, awselasticloadbalancingv2.TargetType_INSTANCE)
	problems.If(p.Port < 1 || p.Port > 65535, "Port: is %d; allowed is 1 to 65535", p.Port)
	problems.If(p.Drain < 0 || p.Drain > maxDrain || p.Drain%time.Second != 0,
		"Drain: is %s; allowed are whole seconds to %s", p.Drain, maxDrain)
	problems.Panic(fmt.Sprintf("edge.Balancer.AddTarget(%q)", id))
}
