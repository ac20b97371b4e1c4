package network

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/shut"
)

// Service is an AWS service as the name of its VPC endpoint says it, without the Region.
type Service string

// The services that a network may have endpoints of. S3 and DynamoDB have gateway endpoints, which are free and routes;
// every other has an interface endpoint, which is billed by the hour in each zone.
const (
	BedrockRuntime Service = "bedrock-runtime"
	Logs           Service = "logs"
	Monitoring     Service = "monitoring"
	STS            Service = "sts"
	SecretsManager Service = "secretsmanager"
	ECRAPI         Service = "ecr.api"
	ECRDocker      Service = "ecr.dkr"
	SSM            Service = "ssm"
	SSMMessages    Service = "ssmmessages"
	EC2Messages    Service = "ec2messages"
	CloudFormation Service = "cloudformation"
	S3             Service = "s3"
	DynamoDB       Service = "dynamodb"
)

// services in the order in which their endpoints are made.
var services = []Service{BedrockRuntime, Logs, Monitoring, STS, SecretsManager, ECRAPI, ECRDocker, SSM, SSMMessages,
	EC2Messages, CloudFormation, S3, DynamoDB}

func (s Service) gateway() bool { return s == S3 || s == DynamoDB }

// Needs is what runs in a network, and what that uses. A program of any kind calls BedrockRuntime; a function writes
// its logs and fetches its code outside the VPC, and so needs nothing more.
//
// An endpoint that nothing calls is billed all the same, so there is none of Monitoring (metrics go with the logs, in
// EMF), of STS (ECS and EC2 hand a program its credentials themselves) and of EC2Messages (the agent of today talks to
// SSMMessages alone); Props.Also adds them for a workload that does call them.
type Needs struct {
	Containers bool // Fargate: Logs, ECRAPI, ECRDocker, and S3 for the images' layers
	Instances  bool // EC2: Logs, SSM, SSMMessages, CloudFormation for the signal that one works, and S3 for the program and packages
	Function   bool // a Lambda function that is placed in the VPC
	Secrets    bool // SecretsManager
	Archive    bool // S3
	DynamoDB   bool // DynamoDB
	Elsewhere  bool // every model is called in another Region: no BedrockRuntime, whose endpoint is one Region's
}

func (n Needs) has(service Service) bool {
	servers := n.Containers || n.Instances
	switch service {
	case BedrockRuntime:
		return (servers || n.Function) && !n.Elsewhere
	case Logs:
		return servers
	case SSM, SSMMessages, CloudFormation:
		return n.Instances
	case ECRAPI, ECRDocker:
		return n.Containers
	case SecretsManager:
		return n.Secrets
	case S3:
		return servers || n.Archive
	case DynamoDB:
		return n.DynamoDB
	}
	return false
}

// services are those that are needed, in an order of their own.
func (p Props) services() []Service {
	var needed []Service
	for _, service := range services {
		if p.Needs.has(service) || slices.Contains(p.Also, service) {
			needed = append(needed, service)
		}
	}
	return needed
}

// addEndpoint makes an endpoint in the workload's subnets with its policy and, but for a gateway, its security group.
func (n *network) addEndpoint(service Service) {
	id := jsii.String(string(service))
	if service.gateway() {
		made := awsec2.NewGatewayVpcEndpoint(n, id, &awsec2.GatewayVpcEndpointProps{
			Vpc: n.vpc, Subnets: &[]*awsec2.SubnetSelection{n.WorkloadSubnets()},
			Service: awsec2.NewGatewayVpcEndpointAwsService(id, nil),
		})
		n.limit(service, made.AddToPolicy)
		n.endpoints[service] = made
		return
	}
	group := shut.NewGroup(n, string(service)+"-group", n.vpc, "VPC endpoint of "+string(service)+", for gateway workloads only")
	made := awsec2.NewInterfaceVpcEndpoint(n, id, &awsec2.InterfaceVpcEndpointProps{
		Vpc: n.vpc, Subnets: n.WorkloadSubnets(), Open: jsii.Bool(false), SecurityGroups: &[]awsec2.ISecurityGroup{group},
		Service:           awsec2.NewInterfaceVpcEndpointAwsService(id, nil, nil, nil),
		PrivateDnsEnabled: jsii.Bool(true),
	})
	n.limit(service, made.AddToPolicy)
	n.endpoints[service] = made
	n.groups = append(n.groups, group)
	n.groupOf[service] = group
}

// limit writes an endpoint's policy.
func (n *network) limit(service Service, add func(awsiam.PolicyStatement)) {
	stack := awscdk.Stack_Of(n)
	given, ok := n.props.Policies[service]
	if !ok {
		given = usual(service, *stack.Account(), *stack.Region())
	}
	if service == S3 {
		given = append(slices.Clone(given), platform(n.props.Needs, *stack.Region())...)
	}
	for _, s := range given {
		add(s.iam(*stack.Account()))
	}
}
