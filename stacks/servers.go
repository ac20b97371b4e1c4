package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/image"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// place is where a variant of servers stands: a network, a balancer before it, and what it is told.
type place struct {
	e      environment.Environment
	region string
	net    network.Network
	kept   kept
	code   binary.Asset
}

// containers is the variant of Fargate tasks behind a load balancer.
func containers(scope constructs.Construct, p place) {
	asked := p.e.Containers
	stack := awscdk.NewStack(scope, jsii.String(settings.VariantContainers), stackProps(p.e, "Inference gateway on AWS Fargate"))
	balancer := p.balancer(stack, asked.Domain)
	built := image.NewAsset(stack, "Image", image.Props{Code: p.code})
	gateway := compute.NewContainers(stack, "Gateway", compute.ContainersProps{
		Image:        awsecs.ContainerImage_FromDockerImageAsset(built),
		Settings:     p.kept.settings(p.e, settings.VariantContainers, p.region),
		Models:       models(p.e, p.region),
		Placement:    p.placement(stack, balancer, awselasticloadbalancingv2.TargetType_IP),
		Package:      p.code.Package,
		CPU:          asked.CPU,
		Memory:       asked.Memory,
		Scaling:      compute.Scaling{Min: asked.Scaling.Min, Max: asked.Scaling.Max, CPU: asked.Scaling.CPU, Requests: asked.Scaling.Requests},
		Spot:         compute.Spot(asked.Spot),
		LogRetention: asked.LogRetention,
		Retain:       p.e.Production,
	})
	p.kept.grant(gateway)
	p.watchArrivals(stack, gateway, asked.Domain)
	output(stack, OutputURL, url(balancer, asked.Domain))
	output(stack, OutputClusterName, gateway.Service().Cluster().ClusterName())
	output(stack, OutputServiceName, gateway.Service().ServiceName())
}

// instances is the variant of an Auto Scaling group behind a load balancer.
func instances(scope constructs.Construct, p place) {
	asked := p.e.Instances
	stack := awscdk.NewStack(scope, jsii.String(settings.VariantInstances), stackProps(p.e, "Inference gateway on Amazon EC2"))
	balancer := p.balancer(stack, asked.Domain)
	gateway := compute.NewInstances(stack, "Gateway", compute.InstancesProps{
		Code:         p.code,
		Settings:     p.kept.settings(p.e, settings.VariantInstances, p.region),
		Models:       models(p.e, p.region),
		Placement:    p.placement(stack, balancer, awselasticloadbalancingv2.TargetType_INSTANCE),
		Types:        asked.Types,
		Disk:         asked.Disk,
		Scaling:      compute.Scaling{Min: asked.Scaling.Min, Max: asked.Scaling.Max, CPU: asked.Scaling.CPU, Requests: asked.Scaling.Requests},
		Spot:         compute.Spot(asked.Spot),
		LogRetention: asked.LogRetention,
		Retain:       p.e.Production,
	})
	p.kept.grant(gateway)
	p.watchArrivals(stack, gateway, asked.Domain)
	output(stack, OutputURL, url(balancer, asked.Domain))
	output(stack, OutputGroupName, gateway.Group().AutoScalingGroupName())
}

func (p place) balancer(stack awscdk.Stack, domain string) edge.Balancer {
	asked := p.e.Edge
	subnets := p.net.WorkloadSubnets()
	if asked.InternetFacing {
		subnets = p.net.BalancerSubnets()
	}
	props := edge.BalancerProps{
		Vpc:              p.net.Vpc(),
		Subnets:          subnets,
		CertificateARN:   asked.Certificates[p.region],
		InternetFacing:   asked.InternetFacing,
		CIDRs:            asked.Callers,
		OpenReason:       asked.OpenReason,
		StreamBudget:     p.e.Gateway.StreamBudget,
		PingInterval:     p.e.Gateway.PingInterval,
		NoFirewallReason: asked.NoFirewallReason,
		LogRetention:     asked.AccessLogRetention,
		Production:       p.e.Production,
	}
	if firewall := firewall(p.e); firewall != nil {
		props.Firewall = *firewall
	}
	made := edge.NewBalancer(stack, "Edge", props)
	p.nameBalancer(stack, made, domain)
	return made
}

func (p place) placement(stack awscdk.Stack, balancer edge.Balancer, kind awselasticloadbalancingv2.TargetType) compute.Placement {
	return compute.Placement{
		Vpc:           p.net.Vpc(),
		Subnets:       p.net.WorkloadSubnets(),
		SecurityGroup: p.net.NewWorkloadGroup(stack, "Workload"),
		TargetGroup:   balancer.AddTarget("Gateway", edge.TargetProps{Type: kind, Drain: p.e.Gateway.StreamBudget}),
	}
}

// firewall is the web ACL in front of every way in; nil where the environment says why there is none.
func firewall(e environment.Environment) *edge.WebACLProps {
	if e.Edge.NoFirewallReason != "" {
		return nil
	}
	return &edge.WebACLProps{RequestsPerIP: e.Edge.RequestsPerIP}
}

func url(balancer edge.Balancer, domain string) *string {
	if domain != "" {
		return jsii.String("https://" + domain + "/")
	}
	return jsii.String("https://" + *balancer.Balancer().LoadBalancerDnsName() + "/")
}
