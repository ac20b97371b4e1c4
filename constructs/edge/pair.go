package edge

import (
	"fmt"
	"net/netip"

	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// MaxTesters is how many ranges fit beside the header into the five values that a rule may have.
const MaxTesters = 4

// PairProps says what two target groups send requests to.
type PairProps struct {
	Target TargetProps // of both; without Targets, for ECS registers them
	// Testers are the IPv4 ranges, at most 4, from which a request with settings.TestHeader reaches the new version.
	// Default: all that the balancer admits; whoever they are, the program asks them for credentials as always.
	Testers []string
}

// Pair is two target groups, and the rules of the listener that forward to them. Who deploys moves the weights of the
// rules; the template keeps those of the first deployment, and CloudFormation leaves the rules alone as long as nothing
// else of them changes.
type Pair struct {
	Blue, Green awselasticloadbalancingv2.ApplicationTargetGroup
	Rule        awselasticloadbalancingv2.ApplicationListenerRule // of the callers
	TestRule    awselasticloadbalancingv2.ApplicationListenerRule // of requests with the header
}

// AddPair takes the listener's default action, so it panics where the balancer has a target already.
func (b *balancer) AddPair(id string, props PairProps) Pair {
	props.check(id, b.targets)
	b.targets += 2
	// The first has the name that AddTarget would give it, so that its targets go on when a balancer gets a pair.
	p := Pair{Blue: b.newTarget(id, props.Target), Green: b.newTarget(id+"Green", props.Target)}
	// Callers are the rules'; only a request that no rule knows would end here.
	b.listener.AddAction(jsii.String("Default"), &awselasticloadbalancingv2.AddApplicationActionProps{
		Action: awselasticloadbalancingv2.ListenerAction_FixedResponse(jsii.Number(503), nil),
	})
	conditions := []awselasticloadbalancingv2.ListenerCondition{
		awselasticloadbalancingv2.ListenerCondition_HttpHeader(jsii.String(settings.TestHeader), jsii.Strings(settings.TestHeaderValue)),
	}
	if len(props.Testers) > 0 {
		conditions = append(conditions, awselasticloadbalancingv2.ListenerCondition_SourceIps(jsii.Strings(props.Testers...)))
	}
	p.TestRule = b.newRule(id+"Test", 1, p, conditions...)
	p.Rule = b.newRule(id+"Rule", 2, p, awselasticloadbalancingv2.ListenerCondition_PathPatterns(jsii.Strings("/*")))
	return p
}

// newRule forwards to both groups, so that ECS finds both with the balancer; all go to the first at first.
func (b *balancer) newRule(id string, priority int, p Pair, conditions ...awselasticloadbalancingv2.ListenerCondition) awselasticloadbalancingv2.ApplicationListenerRule {
	return awselasticloadbalancingv2.NewApplicationListenerRule(b, jsii.String(id), &awselasticloadbalancingv2.ApplicationListenerRuleProps{
		Listener: b.listener, Priority: jsii.Number(priority), Conditions: &conditions,
		Action: awselasticloadbalancingv2.ListenerAction_WeightedForward(&[]*awselasticloadbalancingv2.WeightedTargetGroup{
			{TargetGroup: p.Blue, Weight: jsii.Number(100)}, {TargetGroup: p.Green, Weight: jsii.Number(0)},
		}, nil),
	})
}

func (p PairProps) check(id string, targets int) {
	var problems check.Problems
	problems.If(targets > 0, "the balancer has %d target groups already, which the listener's first rule would take the callers from", targets)
	problems.If(len(p.Target.Targets) > 0, "Target: has targets; attach none, for who deploys registers them")
	problems.If(len(p.Testers) > MaxTesters, "Testers: are %d ranges; beside the header a rule has room for %d", len(p.Testers), MaxTesters)
	for _, cidr := range p.Testers {
		_, err := netip.ParsePrefix(cidr)
		problems.If(err != nil && !token.In(cidr), "Testers: %q is no IPv4 range", cidr)
	}
	problems.Panic(fmt.Sprintf("edge.Balancer.AddPair(%q)", id))
}
