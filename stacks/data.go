package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// data is the stack of what outlives a deployment and is shared by the variants of a Region.
type data struct {
	secretARN string // of the keys' hashes; empty where callers have no keys, or the environment names a secret
}

// newData makes the stack, if anything belongs into it.
func newData(scope awscdk.Stage, e environment.Environment) data {
	var d data
	if e.Auth.Mode != environment.AuthKeys || e.Auth.Secret != "" {
		return d
	}
	stack := awscdk.NewStack(scope, jsii.String("data"), stackProps(e, "Keys of the inference gateway's callers"))
	d.secretARN = *keysSecret(stack, e).SecretArn()
	output(stack, OutputKeysSecretARN, jsii.String(d.secretARN))
	return d
}

// tell adds what the environment file cannot know.
func (d data) tell(told settings.Settings) settings.Settings {
	if d.secretARN != "" {
		told.Auth.Secret = d.secretARN
	}
	return told
}

// keysSecret is the secret for the hashes of API keys, where the environment names none. It is made empty and filled by
// hand: what is in no template cannot be overwritten by a deployment. Until then every request is refused.
func keysSecret(stack awscdk.Stack, e environment.Environment) awssecretsmanager.Secret {
	removal := awscdk.RemovalPolicy_DESTROY
	if e.Production {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	secret := awssecretsmanager.NewSecret(stack, jsii.String("Keys"), &awssecretsmanager.SecretProps{
		Description:   jsii.String("Hashes of the API keys of the inference gateway, by tenant"),
		RemovalPolicy: removal,
	})
	// CDK would have a password made, which is no list of keys.
	secret.Node().DefaultChild().(awscdk.CfnResource).AddPropertyDeletionOverride(jsii.String("GenerateSecretString"))
	return secret
}
