package synth

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// placement is a network of somebody else, with a target group behind a listener.
func placement(stack awscdk.Stack, kind elb.TargetType) compute.Placement {
	vpc := awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId:             jsii.String("vpc-00000000000000001"),
		AvailabilityZones: jsii.Strings("us-east-1a", "us-east-1b"),
		IsolatedSubnetIds: jsii.Strings("subnet-0000000000000000a", "subnet-0000000000000000b"), IsolatedSubnetRouteTableIds: jsii.Strings("rtb-0000000000000000a", "rtb-0000000000000000b"),
	})
	balancer := elb.NewApplicationLoadBalancer(stack, jsii.String("Balancer"), &elb.ApplicationLoadBalancerProps{
		Vpc: vpc, VpcSubnets: &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED},
	})
	group := elb.NewApplicationTargetGroup(stack, jsii.String("Targets"), &elb.ApplicationTargetGroupProps{
		Vpc: vpc, Port: jsii.Number(8080), Protocol: elb.ApplicationProtocol_HTTP, TargetType: kind,
	})
	balancer.AddListener(jsii.String("Listener"), &elb.BaseApplicationListenerProps{
		Protocol: elb.ApplicationProtocol_HTTP, Open: jsii.Bool(false), DefaultTargetGroups: &[]elb.IApplicationTargetGroup{group},
	})
	return compute.Placement{Vpc: vpc, TargetGroup: group}
}

// at walks into a template by names and indices; nil where there is nothing.
func at(from any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			fields, _ := from.(map[string]any)
			from = fields[key]
		case int:
			list, _ := from.([]any)
			if key >= len(list) {
				return nil
			}
			from = list[key]
		}
	}
	return from
}

// own keeps of a template what a construct with the id Gateway made, but for security groups, which a test looks at.
func own(tp template) template {
	kept := template{Resources: map[string]resource{}}
	for id, r := range tp.Resources {
		if strings.HasPrefix(id, "Gateway") && !strings.HasPrefix(r.Type, "AWS::EC2::SecurityGroup") {
			kept.Resources[id] = r
		}
	}
	return kept
}

// starred are the actions that IAM lets nobody name a resource for, each with the reason why a role has it.
var starred = map[string]string{
	"ecr:GetAuthorizationToken":        "a token is for the registry of the account; what it pulls is decided by the repository's statement",
	"ssm:UpdateInstanceInformation":    "Session Manager: the agent registers before it has a name",
	"ssmmessages:CreateControlChannel": "Session Manager", "ssmmessages:CreateDataChannel": "Session Manager",
	"ssmmessages:OpenControlChannel": "Session Manager", "ssmmessages:OpenDataChannel": "Session Manager",
}

// checkStars fails for every statement on everything that is not in starred, and every managed policy.
func checkStars(t *testing.T, tp template) {
	t.Helper()
	for _, policy := range tp.all("AWS::IAM::Policy") {
		for _, s := range statementsOf(t, policy.Properties["PolicyDocument"]) {
			for _, action := range s.Actions {
				if strings.Contains(action, "*") {
					t.Errorf("an action has a wildcard: %v", s)
				}
				if slices.Contains(s.Resources, "*") && starred[action] == "" {
					t.Errorf("%s is allowed on everything, without a reason", action)
				}
			}
		}
	}
	for _, role := range tp.all("AWS::IAM::Role") {
		if managed := role.Properties["ManagedPolicyArns"]; managed != nil {
			t.Errorf("a role has managed policies: %v", managed)
		}
	}
}

func TestContainersAreAService(t *testing.T) {
	app, stack, out := bench(t)
	gateway := compute.NewContainers(stack, "Gateway", leastContainers(t, stack))
	checkService(t, stack, gateway, "containers")
	if got := *gateway.ExecutionRole().RoleArn(); got == *gateway.Role().RoleArn() {
		t.Error("ECS and the program share a role")
	}
	if gateway.Service() == nil {
		t.Error("no service")
	}
	benchTemplate(t, app, out)
}

// checkService uses a service as someone does who does not know which it is.
func checkService(t *testing.T, stack awscdk.Stack, gateway compute.Placed, variant string) {
	t.Helper()
	bucket := awss3.NewBucket(stack, jsii.String("Bucket"), nil)
	if !*bucket.GrantPut(gateway, nil).Success() {
		t.Error("granting a bucket fails")
	}
	if !*gateway.LogGroup().GrantRead(gateway.Role()).Success() {
		t.Error("granting to the role fails")
	}
	gateway.Connections().AllowFrom(awsec2.Peer_Ipv4(jsii.String("10.0.0.0/8")), awsec2.Port_Tcp(jsii.Number(9090)), nil)
	want := map[string]any{metric.DimEnvironment: "bench", metric.DimVariant: variant}
	if diff := cmp.Diff(want, *gateway.Metric(metric.Requests, nil).Dimensions()); diff != "" {
		t.Error(diff)
	}
}

func TestInstancesAreAService(t *testing.T) {
	app, stack, out := bench(t)
	gateway := compute.NewInstances(stack, "Gateway", leastInstances(t, stack))
	checkService(t, stack, gateway, "instances")
	if gateway.Group() == nil {
		t.Error("no group")
	}
	benchTemplate(t, app, out)
}
