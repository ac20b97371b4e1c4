package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/image"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
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
	hook   binary.Asset // that tests a new version; empty where none does
	// watched takes what the variants make; it is shared by copies of the place.
	watched *watched
}

// containers is the variant of Fargate tasks behind a load balancer.
func containers(scope constructs.Construct, p place) {
	asked := p.e.Containers
	stack := newStack(scope, settings.VariantContainers, p.e, "Inference gateway on AWS Fargate")
	balancer := p.balancer(stack)
	told, models := p.told(stack, settings.VariantContainers)
	props := compute.ContainersProps{
		Image:        p.image(stack),
		Settings:     told,
		Models:       models,
		Placement:    p.placement(stack),
		Package:      p.code.Package,
		CPU:          asked.CPU,
		Memory:       asked.Memory,
		Scaling:      compute.Scaling{Min: asked.Scaling.Min, Max: asked.Scaling.Max, CPU: asked.Scaling.CPU, Requests: asked.Scaling.Requests},
		Spot:         compute.Spot(asked.Spot),
		LogRetention: asked.LogRetention,
		Retain:       p.e.Production,
	}
	target := p.target(awselasticloadbalancingv2.TargetType_IP)
	if asked.Rollout == environment.Canary {
		props.Placement.TargetGroup, props.BlueGreen = p.blueGreen(stack, balancer, target)
	} else {
		props.Placement.TargetGroup = balancer.AddTarget("Gateway", target)
	}
	groups := []awselasticloadbalancingv2.ApplicationTargetGroup{props.Placement.TargetGroup}
	if props.BlueGreen != nil {
		groups = append(groups, props.BlueGreen.Alternate)
	}
	p.nameBalancer(stack, balancer, settings.VariantContainers, asked.Domain, groups...)
	gateway := compute.NewContainers(stack, "Gateway", props)
	// The smoke test of the first tasks comes before the service is made.
	for _, group := range *balancer.Connections().SecurityGroups() {
		gateway.Service().Node().AddDependency(group)
	}
	p.kept.grant(gateway)
	p.watchArrivals(stack, gateway, asked.Domain)
	p.watched.add(observability.Gateway{
		Variant: settings.VariantContainers, LogGroup: gateway.LogGroup().LogGroupName(), Archives: p.e.Archive != nil, Balancer: balancerNames(balancer),
		Tasks: &observability.Tasks{Cluster: gateway.Service().Cluster().ClusterName(), Service: gateway.Service().ServiceName(), CPU: asked.CPU, MemoryMB: asked.Memory},
	})
	output(stack, OutputURL, url(balancer, asked.Domain))
	output(stack, OutputClusterName, gateway.Service().Cluster().ClusterName())
	output(stack, OutputServiceName, gateway.Service().ServiceName())
}

// image is the one that the environment names, or else one that is built at deployment.
func (p place) image(stack awscdk.Stack) awsecs.ContainerImage {
	if named := p.e.Containers.Image; named != nil {
		return image.FromRepository(awsecr.Repository_FromRepositoryName(stack, jsii.String("Repository"), jsii.String(named.Repository)), named.Digest)
	}
	return awsecs.ContainerImage_FromDockerImageAsset(image.NewAsset(stack, "Image", image.Props{Code: p.code}))
}

// instances is the variant of an Auto Scaling group behind a load balancer.
func instances(scope constructs.Construct, p place) {
	asked := p.e.Instances
	stack := newStack(scope, settings.VariantInstances, p.e, "Inference gateway on Amazon EC2")
	balancer := p.balancer(stack)
	told, models := p.told(stack, settings.VariantInstances)
	props := compute.InstancesProps{
		Code:         p.code,
		Settings:     told,
		Models:       models,
		Placement:    p.placement(stack),
		Types:        asked.Types,
		Disk:         asked.Disk,
		Scaling:      compute.Scaling{Min: asked.Scaling.Min, Max: asked.Scaling.Max, CPU: asked.Scaling.CPU, Requests: asked.Scaling.Requests},
		Spot:         compute.Spot(asked.Spot),
		LogRetention: asked.LogRetention,
		Retain:       p.e.Production,
	}
	props.Placement.TargetGroup = balancer.AddTarget("Gateway", p.target(awselasticloadbalancingv2.TargetType_INSTANCE))
	p.nameBalancer(stack, balancer, settings.VariantInstances, asked.Domain, props.Placement.TargetGroup)
	if asked.Rollout == environment.Canary {
		props.Update.Percent = 10
	}
	gateway := compute.NewInstances(stack, "Gateway", props)
	p.kept.grant(gateway)
	p.watchArrivals(stack, gateway, asked.Domain)
	p.watched.add(observability.Gateway{
		Variant: settings.VariantInstances, LogGroup: gateway.LogGroup().LogGroupName(), Archives: p.e.Archive != nil, Balancer: balancerNames(balancer),
		Group: &observability.Group{Name: gateway.Group().AutoScalingGroupName(), Type: slices.Concat(asked.Types, compute.DefaultTypes())[0], DiskGB: asked.Disk},
	})
	output(stack, OutputURL, url(balancer, asked.Domain))
	output(stack, OutputGroupName, gateway.Group().AutoScalingGroupName())
}

func (p place) balancer(stack awscdk.Stack) edge.Balancer {
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
	return edge.NewBalancer(stack, "Edge", props)
}

// placement is without its target group.
func (p place) placement(stack awscdk.Stack) compute.Placement {
	return compute.Placement{
		Vpc:           p.net.Vpc(),
		Subnets:       p.net.WorkloadSubnets(),
		SecurityGroup: p.net.NewWorkloadGroup(stack, "Workload"),
	}
}

func (p place) target(kind awselasticloadbalancingv2.TargetType) edge.TargetProps {
	return edge.TargetProps{Type: kind, Drain: p.e.Gateway.StreamBudget}
}

// blueGreen makes the two groups that take turns, and the first of them, with the smoke test if it can reach them.
func (p place) blueGreen(stack awscdk.Stack, balancer edge.Balancer, target edge.TargetProps) (awselasticloadbalancingv2.ApplicationTargetGroup, *compute.BlueGreen) {
	tested := p.e.TestsContainers(p.region)
	props := edge.PairProps{Target: target}
	if tested {
		props.Testers = p.testers()
	}
	pair := balancer.AddPair("Gateway", props)
	deployed := &compute.BlueGreen{Alternate: pair.Green, Rule: pair.Rule, TestRule: pair.TestRule}
	if tested {
		deployed.Hook = p.newHook(stack, balancer)
	}
	return pair.Blue, deployed
}

// testers are the ranges that the smoke test calls the balancer from, where they are known and a rule has room for them.
func (p place) testers() []string {
	addresses := p.net.Addresses()
	switch _, imported := p.e.Network.Import[p.region]; {
	case !p.e.Edge.InternetFacing && !imported:
		return []string{p.e.Network.CIDR}
	case p.e.Edge.InternetFacing && len(addresses) <= edge.MaxTesters:
		return hosts(addresses)
	}
	return nil
}

func hosts(addresses []string) []string {
	var ranges []string
	for _, address := range addresses {
		ranges = append(ranges, address+"/32")
	}
	return ranges
}

// newHook makes the smoke test of containers, and opens the way between it and the balancer alone: to public addresses
// through NAT, to private ones directly.
func (p place) newHook(stack awscdk.Stack, balancer edge.Balancer) compute.Hook {
	hook := compute.NewHook(stack, "Hook", compute.HookProps{
		Code:         p.hook,
		Settings:     p.kept.settings(p.e, settings.VariantContainers, p.region),
		KeySecret:    p.e.Auth.SmokeKey,
		Address:      *balancer.Balancer().LoadBalancerDnsName() + ":443",
		Host:         p.e.Containers.Domain,
		Vpc:          p.net.Vpc(),
		Subnets:      p.net.WorkloadSubnets(),
		ThroughNAT:   p.e.Edge.InternetFacing,
		LogRetention: p.e.Containers.LogRetention,
		Retain:       p.e.Production,
	})
	if p.e.Auth.SmokeKey != "" {
		p.net.AllowService(network.SecretsManager, hook)
	}
	text := jsii.String("Smoke test of new tasks")
	if !p.e.Edge.InternetFacing {
		balancer.Connections().AllowFrom(hook, awsec2.Port_HTTPS(), text)
		return hook
	}
	for _, group := range *balancer.Connections().SecurityGroups() {
		nag.Acknowledge(group, nag.Rules{"CdkNagValidationFailure[AwsSolutions-EC23]": "the addresses of the NAT gateways are known at deployment; each is one host"})
	}
	for _, address := range hosts(p.net.Addresses()) {
		balancer.Connections().AllowFrom(awsec2.Peer_Ipv4(jsii.String(address)), awsec2.Port_HTTPS(), text)
	}
	return hook
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
