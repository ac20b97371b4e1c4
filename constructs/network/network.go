// Package network is where the gateway runs: public subnets for a load balancer alone, isolated subnets for the
// workload, and the VPC endpoints through which a workload without a way to the internet reaches AWS. Whoever has a
// network brings it along instead (Import).
//
// It must not know what runs in it, nor what stands in front (constructs/edge): what a variant needs comes in as Needs,
// what may pass an endpoint as Policies.
package network

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/shut"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// Props says what a Network is made of. Exactly one of CIDR with Zones, and Import, describes it.
type Props struct {
	// Zones are the names of two to six availability zones of the stack's Region, as in us-east-1a. Nothing is looked
	// up, so that synthesis needs no credentials. Their order decides which subnet is where: append, do not reorder.
	// Required, unless Import is set. Every zone must offer the endpoints; aws ec2 describe-vpc-endpoint-services says.
	Zones []string
	// ZoneIDs are the zones' ids by name, as in us-east-1a: use1-az1. An account's names are shuffled, so only an id
	// tells where Fargate on Graviton is missing. Optional; what is given is checked.
	ZoneIDs map[string]string
	// CIDR is the VPC's IPv4 range, from /16 to /19. A sixteenth of it is a workload subnet, a sixteenth of that one a
	// balancer's. Default 10.0.0.0/16.
	CIDR string
	// NAT gives each zone a NAT gateway, and its workload a way out to all of the internet. Default false.
	NAT bool
	// FlowLogRetention is how long flow logs are kept: days, a number that CloudWatch Logs offers. Default 30.
	FlowLogRetention int
	// KeepDefaultGroup leaves the VPC's default security group as AWS makes it, which lets its members reach each other.
	// Default false: a custom resource takes its rules away.
	KeepDefaultGroup bool
	// Retain lets flow logs outlive the stack; default false.
	Retain bool

	// Import is a network that exists already; the props above must then be empty, for they are its owner's to decide.
	Import *Import

	Needs Needs // required; decides which endpoints there are
	// Also are endpoints beyond those that Needs comes to.
	Also []Service
	// Policies are what may pass each endpoint; always only for principals of the stack's account. Required for
	// BedrockRuntime, SecretsManager, S3 (unless only containers need it) and DynamoDB, where only the caller knows the
	// resources; the others have defaults, which an entry here replaces.
	Policies map[Service][]Statement
	// Endpoints says whose the endpoints are; default EndpointsCreated.
	Endpoints Endpoints
	// EndpointGroupIDs are the security groups of endpoints that exist; required for EndpointsExisting, else empty.
	EndpointGroupIDs []string
	// PrefixLists are the ids of AWS's prefix lists for S3 and DynamoDB in the Region, by which a security group names
	// a gateway endpoint; aws ec2 describe-managed-prefix-lists shows them. Known for us-east-1 and us-west-2,
	// required elsewhere when such an endpoint is needed.
	PrefixLists map[Service]string
}

// Import is a VPC with its subnets. Each list has one element for each zone, in the order of Zones. All subnets must be
// of the VPC, which synthesis cannot see and CloudFormation refuses.
type Import struct {
	VpcID                 string   // required, vpc-…
	Zones                 []string // required, as Props.Zones
	PublicSubnetIDs       []string // for the balancer; empty for none, when it is internal or elsewhere
	IsolatedSubnetIDs     []string // required; for the workload
	IsolatedRouteTableIDs []string // of the workload's subnets; required for gateway endpoints to be created
}

// Endpoints says whose the VPC endpoints are.
type Endpoints string

// The choices.
const (
	EndpointsCreated  Endpoints = "created"  // made here, each with a security group and a policy
	EndpointsExisting Endpoints = "existing" // of the imported VPC; nothing is created
)

// Network is a VPC with a place for the balancer, one for the workload, and endpoints that only the workload reaches.
type Network interface {
	constructs.Construct
	// Vpc is the VPC, created or imported.
	Vpc() awsec2.IVpc
	// WorkloadSubnets are those without a way to the internet, unless there is NAT.
	WorkloadSubnets() *awsec2.SubnetSelection
	// BalancerSubnets are the public ones. They give no public addresses: a load balancer asks for its own. An imported
	// network without public subnets has the workload's here, for an internal balancer.
	BalancerSubnets() *awsec2.SubnetSelection
	// Addresses are the public IPv4 addresses that the workload calls from; nil without NAT, and where it is imported.
	Addresses() []string
	// Endpoint is the endpoint of a service; nil when it is not needed or not ours.
	Endpoint(service Service) awsec2.IVpcEndpoint
	// NewWorkloadGroup makes a security group for a workload, in the scope of the workload: it reaches the endpoints and
	// nothing else, save HTTPS anywhere with NAT; and nothing reaches it until a balancer is let in.
	NewWorkloadGroup(scope constructs.Construct, id string) awsec2.SecurityGroup
	// Allow lets workloads reach every endpoint, and adds the rules to the stack of the workload. It takes nothing away
	// that a workload's security group allows already, as NewWorkloadGroup does not.
	Allow(workloads ...awsec2.IConnectable)
	// AllowService lets a caller reach the interface endpoint of one service and no other, by rules of the caller's stack.
	// Of endpoints that exist it is all of their groups, for nobody here knows whose is which.
	AllowService(service Service, caller awsec2.IConnectable)
}

type network struct {
	constructs.Construct
	props     Props
	vpc       awsec2.IVpc
	workload  []awsec2.ISubnet
	balancer  []awsec2.ISubnet
	endpoints map[Service]awsec2.IVpcEndpoint
	groups    []awsec2.ISecurityGroup           // of the interface endpoints
	groupOf   map[Service]awsec2.ISecurityGroup // of those that are made here
}

// NewNetwork makes a Network. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewNetwork(scope constructs.Construct, id string, props Props) Network {
	props = props.filled(token.Region(scope))
	props.check(id, token.Region(scope))
	n := &network{props: props, endpoints: map[Service]awsec2.IVpcEndpoint{}, groupOf: map[Service]awsec2.ISecurityGroup{}}
	constructs.NewConstruct_Override(n, scope, jsii.String(id))
	if props.Import != nil {
		n.bring(*props.Import)
	} else {
		n.create()
	}
	if props.Endpoints == EndpointsExisting {
		for _, group := range props.EndpointGroupIDs {
			n.groups = append(n.groups, awsec2.SecurityGroup_FromSecurityGroupId(n, jsii.String(group), jsii.String(group), nil))
		}
		return n
	}
	for _, service := range props.services() {
		n.addEndpoint(service)
	}
	return n
}

// bring takes over a network that exists.
func (n *network) bring(from Import) {
	attributes := &awsec2.VpcAttributes{
		VpcId:             jsii.String(from.VpcID),
		AvailabilityZones: jsii.Strings(from.Zones...),
		IsolatedSubnetIds: jsii.Strings(from.IsolatedSubnetIDs...),
	}
	if len(from.PublicSubnetIDs) > 0 {
		attributes.PublicSubnetIds = jsii.Strings(from.PublicSubnetIDs...)
	}
	if len(from.IsolatedRouteTableIDs) > 0 {
		attributes.IsolatedSubnetRouteTableIds = jsii.Strings(from.IsolatedRouteTableIDs...)
	}
	n.vpc = awsec2.Vpc_FromVpcAttributes(n, jsii.String("Vpc"), attributes)
	awscdk.Annotations_Of(n).AcknowledgeWarning(jsii.String("@aws-cdk/aws-ec2:noSubnetRouteTableId"),
		jsii.String("Only a gateway endpoint uses route tables, and it is refused without them"))
	n.workload = *n.vpc.IsolatedSubnets()
	n.balancer = *n.vpc.PublicSubnets()
	if len(n.balancer) == 0 {
		n.balancer = n.workload
	}
}

// Vpc is the one made here, or a reference to the one imported.
func (n *network) Vpc() awsec2.IVpc { return n.vpc }

// WorkloadSubnets are the private ones with NAT, else the isolated ones; of an imported network those that Import names.
func (n *network) WorkloadSubnets() *awsec2.SubnetSelection {
	return &awsec2.SubnetSelection{Subnets: &n.workload}
}

// BalancerSubnets are the public ones; the workload's where an imported network has none.
func (n *network) BalancerSubnets() *awsec2.SubnetSelection {
	return &awsec2.SubnetSelection{Subnets: &n.balancer}
}

// Addresses are those of the NAT gateways, one for each availability zone, known at deployment only.
func (n *network) Addresses() []string {
	if !n.props.NAT || n.props.Import != nil {
		return nil
	}
	var addresses []string
	for _, subnet := range n.balancer {
		address := subnet.Node().FindChild(jsii.String("EIP")).(awsec2.CfnEIP)
		addresses = append(addresses, *address.AttrPublicIp())
	}
	return addresses
}

// Endpoint is nil for a service that is not needed, and with EndpointsExisting for every one.
func (n *network) Endpoint(service Service) awsec2.IVpcEndpoint { return n.endpoints[service] }

// NewWorkloadGroup makes the group in the scope's stack and calls Allow on it.
func (n *network) NewWorkloadGroup(scope constructs.Construct, id string) awsec2.SecurityGroup {
	group := shut.NewGroup(scope, id, n.vpc, "Inference gateway")
	n.Allow(group)
	return group
}

// AllowService opens HTTPS to the endpoint's group, by a rule on the caller's side only.
func (n *network) AllowService(service Service, caller awsec2.IConnectable) {
	groups := n.groups // of endpoints that exist, nobody knows whose is which
	if made, ok := n.groupOf[service]; ok {
		groups = []awsec2.ISecurityGroup{made}
	}
	for _, group := range groups {
		caller.Connections().AllowTo(group, awsec2.Port_HTTPS(), jsii.String("To the VPC endpoint of "+string(service)))
	}
}

// Allow opens HTTPS to every endpoint, by rules on the workload's side only; with NAT, to anywhere.
func (n *network) Allow(workloads ...awsec2.IConnectable) {
	for _, workload := range workloads {
		if n.props.NAT {
			// Asked for with NAT: Bedrock in another Region or the keys of an issuer have no address that a rule could name.
			for _, group := range *workload.Connections().SecurityGroups() {
				shut.ToInternet(group, "Gateway workload to the internet, through NAT")
			}
		}
		for _, group := range n.groups {
			// From the workload's side: both rules then belong to its stack, and the network's stack never depends on it.
			workload.Connections().AllowTo(group, awsec2.Port_HTTPS(), jsii.String("Gateway workload to a VPC endpoint"))
		}
		for _, service := range n.props.services() {
			if service.gateway() {
				workload.Connections().AllowTo(awsec2.Peer_PrefixList(jsii.String(n.props.PrefixLists[service])), awsec2.Port_HTTPS(),
					jsii.String("Gateway workload to "+string(service)))
			}
		}
	}
}
