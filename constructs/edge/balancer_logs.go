package edge

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
)

// keepLogs makes the balancer write its logs, into a bucket of its own if none is given.
func (b *balancer) keepLogs(props BalancerProps) {
	b.logs = props.LogBucket
	if b.logs == nil {
		b.logs = b.newBucket(props.LogRetention)
	}
	b.balancer.LogAccessLogs(b.logs, jsii.String("access"))
	if props.ConnectionLogs {
		b.balancer.LogConnectionLogs(b.logs, jsii.String("connection"))
	}
}

// newBucket makes the bucket for logs. A balancer writes to no bucket with a KMS key. It stays when the stack goes, for
// a bucket that is not empty cannot be deleted, and this one never is; then its lifecycle empties it.
func (b *balancer) newBucket(days int) awss3.Bucket {
	made := awss3.NewBucket(b, jsii.String("Logs"), &awss3.BucketProps{
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
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(7)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
	})
	nag.Acknowledge(made, nag.Rules{"AwsSolutions-S1": "the bucket is itself where access logs go; a log of their delivery would need a bucket and a log again"})
	return made
}
