package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
)

// SecretProps says what a secret is.
type SecretProps struct {
	Description string // required; a sentence for whoever fills it, or finds it
	// Generate is how many characters Secrets Manager makes up for the value, 32 to 4096; default 0: the secret is made
	// empty and filled by hand.
	Generate int
	// Name is needed for Replicas: by it, programs in the other Regions are told of the copies, since only Secrets Manager
	// knows how an ARN ends. Default: CloudFormation makes one.
	Name string
	// Replicas are the Regions that get a copy, each with the ARN of a key there; an empty ARN is Secrets Manager's own
	// key. A copy cannot be written: change the secret itself, and while its Region is lost, promote a copy first.
	Replicas map[string]string
	Key      awskms.IKey // encrypts the secret here; default: Secrets Manager's own
	Retain   bool        // keeps it when its stack goes; default false
}

// Secret is a secret that is filled by hand, or made up by Secrets Manager: what is in no template cannot be overwritten
// by a deployment, and nobody reads it there. Who reads one that is still empty gets an error.
type Secret interface {
	constructs.Construct
	// Secret is that of Secrets Manager.
	Secret() awssecretsmanager.ISecret
}

type secret struct {
	constructs.Construct
	made awssecretsmanager.ISecret
}

// NewSecret makes a Secret. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewSecret(scope constructs.Construct, id string, props SecretProps) Secret {
	props.check(id, token.Region(scope))
	s := &secret{}
	constructs.NewConstruct_Override(s, scope, jsii.String(id))
	made := &awssecretsmanager.SecretProps{
		Description: jsii.String(props.Description), EncryptionKey: props.Key, RemovalPolicy: removal(props.Retain),
	}
	if props.Name != "" {
		made.SecretName = jsii.String(props.Name)
	}
	why := "it holds hashes of keys that callers keep, so nothing here could change them; a tenant rotates by having two for a while"
	if props.Generate > 0 {
		made.GenerateSecretString = &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(props.Generate), ExcludePunctuation: jsii.Bool(true),
		}
		why = "nobody but the programs knows it; a rotation would void what they have made with it, so it is done when there is a reason"
	}
	// "Default" keeps the logical id that of the construct.
	s.made = awssecretsmanager.NewSecret(s, jsii.String("Default"), made)
	nag.Acknowledge(s.made, nag.Rules{"AwsSolutions-SMG4": why})
	resource := s.made.Node().DefaultChild().(awscdk.CfnResource)
	if props.Generate == 0 { // CDK would have a password made
		resource.AddPropertyDeletionOverride(jsii.String("GenerateSecretString"))
	}
	var replicas []any
	for _, region := range slices.Sorted(maps.Keys(props.Replicas)) {
		replica := map[string]any{"Region": region}
		if key := props.Replicas[region]; key != "" {
			replica["KmsKeyId"] = key
		}
		replicas = append(replicas, replica)
	}
	if len(replicas) > 0 {
		resource.AddPropertyOverride(jsii.String("ReplicaRegions"), replicas)
	}
	return s
}

// ImportSecret takes a secret that exists, by its whole ARN or its name.
func ImportSecret(scope constructs.Construct, id, secretID string) Secret {
	s := &secret{}
	constructs.NewConstruct_Override(s, scope, jsii.String(id))
	if strings.HasPrefix(secretID, "arn:") {
		s.made = awssecretsmanager.Secret_FromSecretCompleteArn(s, jsii.String("Default"), jsii.String(secretID))
	} else {
		s.made = awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Default"), jsii.String(secretID))
	}
	return s
}

// Secret is the one made here, or a reference to the one that exists.
func (s *secret) Secret() awssecretsmanager.ISecret { return s.made }

func (p SecretProps) check(id, region string) {
	var problems check.Problems
	problems.If(strings.TrimSpace(p.Description) == "", "Description: is empty; say what belongs into the secret")
	problems.If(p.Generate != 0 && (p.Generate < 32 || p.Generate > 4096), "Generate: is %d; allowed is 32 to 4096 characters, or 0 for none", p.Generate)
	problems.If(p.Name == "" && len(p.Replicas) > 0, "Name: is empty; with Replicas, the other Regions must know it")
	problems.If(strings.HasPrefix(p.Name, "arn:") || len(p.Name) > 512, "Name: is %q; give a name of at most 512 characters", p.Name)
	for _, at := range slices.Sorted(maps.Keys(p.Replicas)) {
		checkRegion(&problems, "Replicas", at, region)
		checkKey(&problems, "Replicas["+at+"]", p.Replicas[at], at)
		problems.If(p.Key != nil && p.Replicas[at] == "", "Replicas[%s]: has no key, and the secret has one; give the ARN of one there", at)
	}
	problems.Panic(fmt.Sprintf("data.NewSecret(%q)", id))
}
