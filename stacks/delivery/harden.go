package delivery

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"
)

// artifactDays is how long what one step leaves for the next is kept: as long as a stage may be rolled back to it.
const artifactDays = 90

// newArtifacts makes the bucket of what one step leaves for the next. Other accounts read it, which takes a key of ours.
func newArtifacts(stack awscdk.Stack) awss3.Bucket {
	key := awskms.NewKey(stack, jsii.String("ArtifactsKey"), &awskms.KeyProps{
		Description:       jsii.String("Artifacts of the delivery pipeline"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	return awss3.NewBucket(stack, jsii.String("Artifacts"), &awss3.BucketProps{
		EncryptionKey:     key,
		Encryption:        awss3.BucketEncryption_KMS,
		BucketKeyEnabled:  jsii.Bool(true),
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                          awscdk.Duration_Days(jsii.Number(artifactDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
		}},
	})
}

func harden(stack awscdk.Stack, line pipelines.CodePipeline) {}
