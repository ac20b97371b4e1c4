package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/data"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// kept is what outlives a deployment and is shared by the variants of a Region, in a stack of its own.
type kept struct {
	keys     string      // name or ARN of the secret with the keys' hashes; empty where callers have no keys, or the environment names one
	feedback string      // name or ARN of the secret of feedback ids; empty where nobody rates answers
	records  data.Bucket // of usage records; nil where none are archived
}

// newKept makes the stack, if anything belongs into it.
func newKept(scope awscdk.Stage, e environment.Environment, region string) kept {
	var k kept
	if e.HasSecrets() { // they are in a stage of their own
		k.keys, k.feedback = secretNames(e)
	}
	made := !e.HasSecrets() && (e.MakesKeys() || e.Gateway.Feedback)
	if !made && e.Archive == nil {
		return k
	}
	stack := newStack(scope, "data", e, "What outlives the inference gateway")
	if made {
		k.keys, k.feedback = secrets(stack, e)
	}
	if e.Archive != nil {
		k.records = data.NewBucket(stack, "Records", records(stack, e, region))
		output(stack, OutputRecordsBucketName, k.records.Bucket().BucketName())
	}
	return k
}

// newSecrets makes the stage of the secrets that both Regions read by name. They come before either Region, of which the
// second is deployed first: its programs read the copies.
func newSecrets(app awscdk.App, e environment.Environment) {
	if !e.HasSecrets() {
		return
	}
	scope := newStage(app, e, e.SecretsStage(), e.Regions[0])
	secrets(newStack(scope, "data", e, "Secrets of the inference gateway, for both Regions"), e)
}

// newCopies makes the stage of what the other Region copies here. It must be there before the other Region's data, for S3
// takes no configuration that names a bucket to come; so it is a stage of its own, and no circle.
func newCopies(app awscdk.App, e environment.Environment, region string) {
	if !e.HasCopies() {
		return
	}
	scope := newStage(app, e, e.CopiesStage(region), region)
	stack := newStack(scope, "data", e, "What the other Region copies here")
	data.NewBucket(stack, "Records", data.BucketProps{
		Name: copiesName(e, region), Days: e.Archive.Retention, Retain: e.Production, ReplicaOf: recordsName(e, e.Other(region)),
		Actions: alarmActions(stack, e, region),
	})
}

// records is the bucket of usage records of a Region, copied to the other one where there is failover.
func records(stack awscdk.Stack, e environment.Environment, region string) data.BucketProps {
	props := data.BucketProps{Name: recordsName(e, region), Days: e.Archive.Retention, Retain: e.Production}
	if e.Failover != nil {
		props.Replica = &data.Replica{Name: copiesName(e, e.Other(region)), Region: e.Other(region)}
		props.Actions = alarmActions(stack, e, region)
	}
	return props
}

// recordsName is the name of a Region's bucket of usage records, which the other Region's and the trail must know.
func recordsName(e environment.Environment, region string) string {
	return data.Name(e.Name, "records", e.Account, region)
}

// copiesName is the name of a Region's bucket for the copies of the other's records.
func copiesName(e environment.Environment, region string) string {
	return data.Name(e.Name, "copies", e.Account, region)
}

// feedbackSecret is how many letters and digits the secret of feedback ids has: more than 256 random bits.
const feedbackSecret = 64

// secretNames are the names of secrets that are copied, by which the programs of both Regions know them.
func secretNames(e environment.Environment) (keys, feedback string) {
	if e.MakesKeys() {
		keys = e.Name + "-gateway-keys"
	}
	if e.Gateway.Feedback {
		feedback = e.Name + "-gateway-feedback"
	}
	return keys, feedback
}

// secrets makes the secrets that the environment asks for, and returns what a program in their stage is told of them.
func secrets(stack awscdk.Stack, e environment.Environment) (keys, feedback string) {
	keysName, feedbackName := secretNames(e)
	made := func(id, name string, props data.SecretProps) string {
		props.Retain = e.Production
		if e.Failover != nil {
			props.Name, props.Replicas = name, map[string]string{e.Regions[1]: ""}
		}
		return *data.NewSecret(stack, id, props).Secret().SecretArn()
	}
	if keysName != "" {
		keys = made("Keys", keysName, data.SecretProps{Description: "Hashes of the API keys of the inference gateway, by tenant"})
		output(stack, OutputKeysSecretARN, jsii.String(keys))
	}
	if feedbackName != "" {
		feedback = made("Feedback", feedbackName, data.SecretProps{
			Description: "What the inference gateway makes feedback ids with", Generate: feedbackSecret,
		})
	}
	return keys, feedback
}

// settings is what a program is told, with what the environment file cannot know.
func (k kept) settings(e environment.Environment, variant, region string) settings.Settings {
	told := e.Settings(variant, region)
	if k.keys != "" {
		told.Auth.Secret = k.keys
	}
	told.FeedbackSecret = k.feedback
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
