package cost

import (
	"slices"
	"strings"
)

// isFree tells whether a resource of the type costs nothing, whatever it does: mere settings, permissions and relations
// of others. A type that is not here is reported, never taken for free.
func isFree(kind string) bool {
	return strings.HasPrefix(kind, "AWS::IAM::") || strings.HasPrefix(kind, "Custom::") || slices.Contains(free(), kind)
}

// free are the other types that cost nothing. The function behind a custom resource is a resource of its own.
func free() []string {
	return []string{
		"AWS::ApiGateway::Account", "AWS::ApiGateway::Authorizer", "AWS::ApiGateway::BasePathMapping",
		"AWS::ApiGateway::Deployment", "AWS::ApiGateway::DomainName", "AWS::ApiGateway::GatewayResponse",
		"AWS::ApiGateway::Method", "AWS::ApiGateway::Model", "AWS::ApiGateway::RequestValidator", "AWS::ApiGateway::Resource",
		"AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy",
		"AWS::AutoScaling::LifecycleHook", "AWS::AutoScaling::ScalingPolicy",
		"AWS::Bedrock::ApplicationInferenceProfile",
		"AWS::CE::AnomalySubscription", // a relation of the monitor, which is what may cost
		"AWS::CDK::Metadata", "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack",
		"AWS::EC2::InternetGateway", "AWS::EC2::LaunchTemplate", "AWS::EC2::Route", "AWS::EC2::RouteTable",
		"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
		"AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCGatewayAttachment",
		"AWS::ECS::ClusterCapacityProviderAssociations", "AWS::ECS::TaskDefinition",
		"AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule",
		"AWS::ElasticLoadBalancingV2::TargetGroup",
		"AWS::KMS::Alias",
		"AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::Lambda::Version",
		"AWS::Logs::MetricFilter", "AWS::Logs::ResourcePolicy",
		"AWS::Route53::RecordSet",
		"AWS::S3::BucketPolicy", "AWS::SecretsManager::ResourcePolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
		"AWS::WAFv2::WebACLAssociation",
	}
}

// byUse are the types that cost by their use alone. What the gateway's own requests use is in the cost of a million
// requests; what else may use them is not known from a template.
func byUse() []string {
	return []string{
		"AWS::ApiGateway::RestApi",
		"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", // by the deployment, if at all: no source for that is at hand
		"AWS::EC2::FlowLog", "AWS::Lambda::Function", "AWS::Logs::LogGroup",
		"AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::SQS::Queue",
	}
}
