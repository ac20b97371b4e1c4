package network

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/jsii-runtime-go"
)

// create makes the VPC out of its parts. CDK's own Vpc asks the account for its zones even when they are given, and
// fails without credentials; parts that take a zone's name do not.
func (n *network) create() {
	awscdk.Validations_Of(n).Acknowledge(&awscdk.Acknowledgment{
		Id:     jsii.String("CloudFormation-Validate::W3010"),
		Reason: jsii.String("Zones are named, so that synthesis looks nothing up and no deployment moves a subnet"),
	})
	vpc := awsec2.NewCfnVPC(n, jsii.String("Vpc"), &awsec2.CfnVPCProps{
		CidrBlock:          jsii.String(n.props.CIDR),
		EnableDnsHostnames: jsii.Bool(true), // the endpoints' private names need both
		EnableDnsSupport:   jsii.Bool(true),
	})
	awscdk.Tags_Of(vpc).Add(jsii.String("Name"), n.Node().Path(), nil)
	internet := awsec2.NewCfnInternetGateway(n, jsii.String("Internet"), nil)
	attached := awsec2.NewCfnVPCGatewayAttachment(n, jsii.String("InternetAttachment"), &awsec2.CfnVPCGatewayAttachmentProps{
		VpcId: vpc.Ref(), InternetGatewayId: internet.Ref(),
	})
	attributes := &awsec2.VpcAttributes{VpcId: vpc.Ref(), AvailabilityZones: jsii.Strings(n.props.Zones...), VpcCidrBlock: jsii.String(n.props.CIDR)}
	var public, publicTables, isolated, isolatedTables []*string
	for i, zone := range n.props.Zones {
		balancer, workload := subnets(n.props.CIDR, i)
		front := awsec2.NewPublicSubnet(n, jsii.String(fmt.Sprintf("Balancer%d", i+1)), &awsec2.PublicSubnetProps{
			VpcId: vpc.Ref(), AvailabilityZone: jsii.String(zone), CidrBlock: jsii.String(balancer), MapPublicIpOnLaunch: jsii.Bool(false),
		})
		front.AddDefaultInternetRoute(internet.Ref(), attached)
		inner := awsec2.NewPrivateSubnet(n, jsii.String(fmt.Sprintf("Workload%d", i+1)), &awsec2.PrivateSubnetProps{
			VpcId: vpc.Ref(), AvailabilityZone: jsii.String(zone), CidrBlock: jsii.String(workload), MapPublicIpOnLaunch: jsii.Bool(false),
		})
		if n.props.NAT {
			inner.AddDefaultNatRoute(front.AddNatGateway(nil).Ref())
		}
		n.balancer, n.workload = append(n.balancer, front), append(n.workload, inner)
		public, publicTables = append(public, front.SubnetId()), append(publicTables, front.RouteTable().RouteTableId())
		isolated, isolatedTables = append(isolated, inner.SubnetId()), append(isolatedTables, inner.RouteTable().RouteTableId())
	}
	attributes.PublicSubnetIds, attributes.PublicSubnetRouteTableIds = &public, &publicTables
	if n.props.NAT {
		attributes.PrivateSubnetIds, attributes.PrivateSubnetRouteTableIds = &isolated, &isolatedTables
	} else {
		attributes.IsolatedSubnetIds, attributes.IsolatedSubnetRouteTableIds = &isolated, &isolatedTables
	}
	n.vpc = awsec2.Vpc_FromVpcAttributes(n, jsii.String("Attributes"), attributes)
	n.logFlows(vpc)
	if !n.props.KeepDefaultGroup {
		n.emptyDefaultGroup(vpc)
	}
}

// subnets are a zone's ranges: for the workload sixteenth number i of the VPC, for the balancer sixteenth number i of
// its last sixteenth. Another zone never moves them. The CIDR is checked.
func subnets(cidr string, i int) (balancer, workload string) {
	vpc := netip.MustParsePrefix(cidr)
	bytes := vpc.Addr().As4()
	base := binary.BigEndian.Uint32(bytes[:])
	part := func(bits, number int) string {
		var at [4]byte
		binary.BigEndian.PutUint32(at[:], base+uint32(number)<<(32-bits))
		return netip.PrefixFrom(netip.AddrFrom4(at), bits).String()
	}
	return part(vpc.Bits()+8, 15*16+i), part(vpc.Bits()+4, i)
}

// logFlows records every connection, accepted or not, in a log group of its own.
func (n *network) logFlows(vpc awsec2.CfnVPC) {
	stack := awscdk.Stack_Of(n)
	logs := n.logGroup("FlowLogs")
	role := awsiam.NewRole(n, jsii.String("FlowLogsRole"), &awsiam.RoleProps{
		Description: jsii.String("Lets VPC flow logs write to their log group"),
		// Without the condition the service could be made to use the role for another account.
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("vpc-flow-logs.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
		}),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
		Resources: &[]*string{logs.LogGroupArn()},
	}))
	awsec2.NewCfnFlowLog(n, jsii.String("FlowLog"), &awsec2.CfnFlowLogProps{
		ResourceId: vpc.Ref(), ResourceType: jsii.String("VPC"), TrafficType: jsii.String("ALL"),
		LogDestinationType: jsii.String("cloud-watch-logs"), LogGroupName: logs.LogGroupName(), DeliverLogsPermissionArn: role.RoleArn(),
	}).Node().AddDependency(role)
}

// emptyDefaultGroup takes the rules of the VPC's default security group away, which CloudFormation cannot: whatever
// names no group lands there. CDK's own resource for it comes only with CDK's Vpc.
func (n *network) emptyDefaultGroup(vpc awsec2.CfnVPC) {
	logs := n.logGroup("DefaultGroupLogs")
	role := awsiam.NewRole(n, jsii.String("DefaultGroupRole"), &awsiam.RoleProps{
		Description: jsii.String("Takes the rules of the default security group away"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"),
		Resources: &[]*string{logs.LogGroupArn()},
	}))
	group := awscdk.Stack_Of(n).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("ec2"), Resource: jsii.String("security-group"), ResourceName: vpc.AttrDefaultSecurityGroup(),
	})
	revoke := func(direction string, permission map[string]any) {
		permission["IpProtocol"] = "-1"
		call := &customresources.AwsSdkCall{
			Service: jsii.String("EC2"), Action: jsii.String("RevokeSecurityGroup" + direction),
			Parameters:               map[string]any{"GroupId": vpc.AttrDefaultSecurityGroup(), "IpPermissions": []any{permission}},
			IgnoreErrorCodesMatching: jsii.String("InvalidPermission.NotFound"), // it is gone already, which is what we want
			PhysicalResourceId:       customresources.PhysicalResourceId_Of(jsii.String("default-group-" + direction)),
		}
		customresources.NewAwsCustomResource(n, jsii.String("DefaultGroup"+direction), &customresources.AwsCustomResourceProps{
			ResourceType: jsii.String("Custom::EmptyDefaultSecurityGroup"), OnCreate: call, OnUpdate: call, Role: role, LogGroup: logs,
			InstallLatestAwsSdk: jsii.Bool(false),
			Policy:              customresources.AwsCustomResourcePolicy_FromSdkCalls(&customresources.SdkCallsPolicyOptions{Resources: &[]*string{group}}),
		}).Node().AddDependency(role)
	}
	revoke("Ingress", map[string]any{"UserIdGroupPairs": []any{map[string]any{"GroupId": vpc.AttrDefaultSecurityGroup()}}})
	revoke("Egress", map[string]any{"IpRanges": []any{map[string]any{"CidrIp": "0.0.0.0/0"}}})
}

func (n *network) logGroup(id string) awslogs.LogGroup {
	policy := awscdk.RemovalPolicy_DESTROY
	if n.props.Retain {
		policy = awscdk.RemovalPolicy_RETAIN
	}
	logs := awslogs.NewLogGroup(n, jsii.String(id), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_INFINITE, RemovalPolicy: policy,
	})
	// CDK takes names for numbers of days; the template takes the number, which is checked.
	logs.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(n.props.FlowLogRetention))
	return logs
}
