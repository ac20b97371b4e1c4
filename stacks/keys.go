package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

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

// openReason says in the API's description why it asks for no signature.
func openReason(e environment.Environment) string {
	api := e.Serverless.API
	switch {
	case api.Authorizer != environment.AuthorizerNone:
		return ""
	case api.Reason != "":
		return api.Reason
	case e.Auth.Mode == environment.AuthOff:
		return e.Auth.Reason
	case e.Auth.Mode == environment.AuthOIDC:
		return "the program itself asks for a token of " + e.Auth.Issuer
	}
	return "the program itself asks for an API key"
}
