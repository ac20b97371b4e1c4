package compute

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
)

// The longest that ECS watches, AWS's bound.
const maxWatch = 24 * time.Hour

// BlueGreen starts all new tasks beside the old ones, tests them, moves a part of the callers over, then the rest, and
// only then stops the old tasks. An alarm in between moves everyone back at once.
//
// From then on the rules and target groups are ECS's: it moves the weights of both rules with every deployment.
// CloudFormation resets them if it has anything of a rule to change, so whoever changes a rule moves every caller to the
// target group that the template names, which may be empty. Do that with the service on Placement.TargetGroup.
type BlueGreen struct {
	// Alternate takes turns with Placement.TargetGroup; required.
	Alternate awselasticloadbalancingv2.ApplicationTargetGroup
	// Rule forwards callers to both groups, TestRule the smoke test; required.
	Rule, TestRule awselasticloadbalancingv2.ApplicationListenerRule
	// Hook tests the new tasks through TestRule before callers reach them; default nil: nobody does.
	Hook     Hook
	Percent  int           // of the callers in the first step, 1 to 99; default 10
	StepTime time.Duration // until the rest follows; whole minutes, 1 min to 24 h; default 5 min
	BakeTime time.Duration // that the old tasks are kept after that; whole minutes, 1 min to 24 h; default 5 min
}

func (b BlueGreen) filled() BlueGreen {
	if b.Percent == 0 {
		b.Percent = 10
	}
	if b.StepTime == 0 {
		b.StepTime = 5 * time.Minute
	}
	if b.BakeTime == 0 {
		b.BakeTime = 5 * time.Minute
	}
	return b
}

func (b BlueGreen) check(problems *check.Problems) {
	problems.If(b.Alternate == nil || b.Rule == nil || b.TestRule == nil, "BlueGreen: Alternate, Rule or TestRule is nil; a balancer of constructs/edge makes them")
	problems.If(b.Percent < 1 || b.Percent > 99, "BlueGreen: percent is %d; allowed is 1 to 99", b.Percent)
	for name, d := range map[string]time.Duration{"step time": b.StepTime, "bake time": b.BakeTime} {
		problems.If(d < time.Minute || d > maxWatch || d%time.Minute != 0, "BlueGreen: %s is %s; allowed are whole minutes to %s", name, d, maxWatch)
	}
}

// strategy adds to the service how it is deployed.
func (b *BlueGreen) strategy(service *awsecs.FargateServiceProps) {
	if b == nil {
		service.CircuitBreaker = &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)}
		return
	}
	service.DeploymentStrategy = awsecs.DeploymentStrategy_CANARY
	service.CanaryConfiguration = &awsecs.TrafficShiftConfig{StepPercent: jsii.Number(b.Percent), StepBakeTime: seconds(b.StepTime)}
	service.BakeTime = seconds(b.BakeTime)
}

// place puts the service behind both target groups.
func (c *containers) place(props ContainersProps, service awsecs.FargateService) {
	if props.BlueGreen == nil {
		props.Placement.TargetGroup.AddTarget(service)
		return
	}
	b := *props.BlueGreen
	role := c.newShifter(props)
	number, _ := port(props.Settings) // checked
	props.Placement.TargetGroup.AddTarget(service.LoadBalancerTarget(&awsecs.LoadBalancerTargetOptions{
		ContainerName: jsii.String(containerName),
		ContainerPort: jsii.Number(number),
		AlternateTarget: awsecs.NewAlternateTarget(jsii.String("Alternate"), &awsecs.AlternateTargetProps{
			AlternateTargetGroup: b.Alternate,
			ProductionListener:   awsecs.ListenerRuleConfiguration_ApplicationListenerRule(b.Rule),
			TestListener:         awsecs.ListenerRuleConfiguration_ApplicationListenerRule(b.TestRule),
			Role:                 role,
		}),
	}))
	service.Node().AddDependency(role, b.Rule, b.TestRule)
	awscdk.Annotations_Of(service).AcknowledgeWarning(jsii.String("@aws-cdk/aws-ecs:shouldUseCircuitBreaker"),
		jsii.String("The circuit breaker is of rolling updates"))
	if b.Hook == nil {
		return
	}
	tester := awsiam.NewRole(c, jsii.String("TesterRole"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs.amazonaws.com"), nil),
		Description: jsii.String("What ECS may do to have new tasks of the inference gateway tested"),
	})
	tester.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: jsii.Strings(*b.Hook.Function().FunctionArn()),
	}))
	service.AddLifecycleHook(awsecs.NewDeploymentLifecycleLambdaTarget(b.Hook.Function(), jsii.String("SmokeTest"), &awsecs.DeploymentLifecycleLambdaTargetProps{
		LifecycleStages: &[]awsecs.DeploymentLifecycleStage{awsecs.DeploymentLifecycleStage_POST_TEST_TRAFFIC_SHIFT},
		Role:            tester,
	}))
	service.Node().AddDependency(b.Hook, tester)
}

// newShifter is what ECS moves callers with: the part of AmazonECSInfrastructureRolePolicyForLoadBalancers that these
// rules and groups need, on them alone. The actions that describe know no resource to name.
func (c *containers) newShifter(props ContainersProps) awsiam.Role {
	b := props.BlueGreen
	role := awsiam.NewRole(c, jsii.String("ShifterRole"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs.amazonaws.com"), nil),
		Description: jsii.String("What ECS may do to move callers of the inference gateway to new tasks"),
	})
	allow := func(resources []string, actions ...string) {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: jsii.Strings(resources...)}))
	}
	allow([]string{"*"}, "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
		"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth")
	acknowledgeAll(role, "The actions that describe balancers know no resource")
	allow([]string{*props.Placement.TargetGroup.TargetGroupArn(), *b.Alternate.TargetGroupArn()},
		"elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets")
	allow([]string{*b.Rule.ListenerRuleArn(), *b.TestRule.ListenerRuleArn()}, "elasticloadbalancing:ModifyRule")
	return role
}

// scaleOnBoth lets the number of tasks follow the requests of two target groups. The metric that Application Auto
// Scaling knows of itself is one group's, and callers change groups with every deployment. Per task, the sum over both
// is right at any weights, for each group has all tasks of its version; an empty group counts nothing.
func (c *containers) scaleOnBoth(props ContainersProps, scaling awsecs.ScalableTaskCount, cooldown float64) {
	perTarget := func(id string, group awselasticloadbalancingv2.ApplicationTargetGroup) any {
		return &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDataQueryProperty{
			Id: jsii.String(id), ReturnData: jsii.Bool(false),
			MetricStat: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricStatProperty{
				Stat: jsii.String("Sum"),
				Metric: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricProperty{
					Namespace: jsii.String("AWS/ApplicationELB"), MetricName: jsii.String("RequestCountPerTarget"),
					Dimensions: &[]any{
						&awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDimensionProperty{Name: jsii.String("LoadBalancer"), Value: group.FirstLoadBalancerFullName()},
						&awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDimensionProperty{Name: jsii.String("TargetGroup"), Value: group.TargetGroupFullName()},
					},
				},
			},
		}
	}
	target := scaling.Node().FindChild(jsii.String("Target")).(awsapplicationautoscaling.ScalableTarget)
	awsapplicationautoscaling.NewCfnScalingPolicy(c, jsii.String("Requests"), &awsapplicationautoscaling.CfnScalingPolicyProps{
		PolicyName:      awscdk.Names_UniqueId(c),
		PolicyType:      jsii.String("TargetTrackingScaling"),
		ScalingTargetId: target.ScalableTargetId(),
		TargetTrackingScalingPolicyConfiguration: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingScalingPolicyConfigurationProperty{
			TargetValue:      jsii.Number(props.Scaling.Requests),
			ScaleOutCooldown: jsii.Number(cooldown),
			CustomizedMetricSpecification: &awsapplicationautoscaling.CfnScalingPolicy_CustomizedMetricSpecificationProperty{
				Metrics: &[]any{
					perTarget("blue", props.Placement.TargetGroup), perTarget("green", props.BlueGreen.Alternate),
					&awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDataQueryProperty{
						Id: jsii.String("both"), Expression: jsii.String("SUM([FILL(blue, 0), FILL(green, 0)])"), ReturnData: jsii.Bool(true),
					},
				},
			},
		},
	})
}
