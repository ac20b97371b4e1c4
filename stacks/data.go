package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/data"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// kept is what outlives a deployment and is shared by the variants of a Region, in a stack of its own.
type kept struct {
	secretARN string      // of the keys' hashes; empty where callers have no keys, or the environment names a secret
	records   data.Bucket // of usage records; nil where none are archived
}

// newKept makes the stack, if anything belongs into it.
func newKept(scope awscdk.Stage, e environment.Environment) kept {
	var k kept
	secret := e.Auth.Mode == environment.AuthKeys && e.Auth.Secret == ""
	if !secret && e.Archive == nil {
		return k
	}
	stack := awscdk.NewStack(scope, jsii.String("data"), stackProps(e, "What outlives the inference gateway"))
	if secret {
		k.secretARN = *keysSecret(stack, e).SecretArn()
		output(stack, OutputKeysSecretARN, jsii.String(k.secretARN))
	}
	if e.Archive != nil {
		k.records = data.NewBucket(stack, "Records", data.BucketProps{Days: e.Archive.Retention, Retain: e.Production})
		output(stack, OutputRecordsBucketName, k.records.Bucket().BucketName())
	}
	return k
}

// settings is what a program is told, with what the environment file cannot know.
func (k kept) settings(e environment.Environment, variant, region string) settings.Settings {
	told := e.Settings(variant, region)
	if k.secretARN != "" {
		told.Auth.Secret = k.secretARN
	}
	if k.records != nil && variant != settings.VariantServerless {
		told.Archive.Bucket = *k.records.Bucket().BucketName()
	}
	return told
}

// grant lets a server add usage records.
func (k kept) grant(server awsiam.IGrantable) {
	if k.records != nil {
		k.records.GrantArchive(server)
	}
}

// keysSecret is the secret for the hashes of API keys, where the environment names none. Until it is filled, every
// request is refused.
func keysSecret(stack awscdk.Stack, e environment.Environment) awssecretsmanager.ISecret {
	return data.NewSecret(stack, "Keys", data.SecretProps{
		Description: "Hashes of the API keys of the inference gateway, by tenant", Retain: e.Production,
	}).Secret()
}
