// Package shut makes what lets nobody in: security groups that allow nothing, for constructs to open one peer at a time,
// and buckets for logs, which no public policy and no plain HTTP reaches.
//
// It must not know whose they are.
package shut

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewGroup makes a security group that allows nothing in either direction, whatever rules are added outside of it.
//
// AWS gives a group whose own rules name no way out a way out to everywhere. CDK knows, and names one to nowhere; but it
// takes that away with the first real rule, even one that stands outside of the group. Here it stays.
func NewGroup(scope constructs.Construct, id string, vpc awsec2.IVpc, description string) awsec2.SecurityGroup {
	group := awsec2.NewSecurityGroup(scope, jsii.String(id), &awsec2.SecurityGroupProps{
		Vpc: vpc, AllowAllOutbound: jsii.Bool(false), Description: jsii.String(description),
	})
	group.Node().DefaultChild().(awsec2.CfnSecurityGroup).AddPropertyOverride(jsii.String("SecurityGroupEgress"), []any{map[string]any{
		"CidrIp": "255.255.255.255/32", "Description": "Disallow all traffic", "IpProtocol": "icmp", "FromPort": 252, "ToPort": 86,
	}})
	return group
}

// ToInternet lets a group of NewGroup call HTTPS at any IPv4 address. Such a rule by CDK's own means would stand inside of
// the group, where the one to nowhere takes its place.
func ToInternet(group awsec2.ISecurityGroup, description string) {
	id := *awscdk.Names_NodeUniqueId(group.Node()) + "Internet"
	awsec2.NewCfnSecurityGroupEgress(awscdk.Stack_Of(group), jsii.String(id), &awsec2.CfnSecurityGroupEgressProps{
		GroupId: group.SecurityGroupId(), CidrIp: jsii.String("0.0.0.0/0"), Description: jsii.String(description),
		IpProtocol: jsii.String("tcp"), FromPort: jsii.Number(443), ToPort: jsii.Number(443),
	})
}

// NewLogBucket makes a bucket for logs, which are deleted after some days, and what was overwritten after some more. It
// stays when the stack goes, for a bucket that is not empty cannot be deleted; then its lifecycle empties it. Its own key
// is S3's: not every service that writes logs there could use one of KMS.
func NewLogBucket(scope constructs.Construct, id string, days, noncurrentDays int) awss3.Bucket {
	return awss3.NewBucket(scope, jsii.String(id), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		Versioned:         jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:                                  jsii.String("expire"),
			Expiration:                          awscdk.Duration_Days(jsii.Number(days)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(noncurrentDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
	})
}
