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
	keys, feedback := e.Auth.Mode == environment.AuthKeys && e.Auth.Secret == "", e.Gateway.Feedback
	if e.Failover != nil && region != e.Regions[0] { // Secrets Manager copies them from the first Region
		if keys {
			k.keys = secretName(e, "keys")
		}
		if feedback {
			k.feedback = secretName(e, "feedback")
		}
		keys, feedback = false, false
	}
	if !keys && !feedback && e.Archive == nil {
		return k
	}
	stack := newStack(scope, "data", e, "What outlives the inference gateway")
	if keys {
		k.keys = secret(stack, "Keys", e, "keys", data.SecretProps{Description: "Hashes of the API keys of the inference gateway, by tenant"})
		output(stack, OutputKeysSecretARN, jsii.String(k.keys))
	}
	if feedback {
		k.feedback = secret(stack, "Feedback", e, "feedback", data.SecretProps{
			Description: "What the inference gateway makes feedback ids with", Generate: feedbackSecret,
		})
	}
	if e.Archive != nil {
		k.records = data.NewBucket(stack, "Records", records(stack, e, region))
		output(stack, OutputRecordsBucketName, k.records.Bucket().BucketName())
	}
	return k
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

// secretName is the name of a secret where it is copied, by which the programs of both Regions know it.
func secretName(e environment.Environment, what string) string { return e.Name + "-gateway-" + what }

// secret makes a secret, and returns what a program is told of it.
func secret(stack awscdk.Stack, id string, e environment.Environment, what string, props data.SecretProps) string {
	props.Retain = e.Production
	if e.Failover != nil {
		props.Name, props.Replicas = secretName(e, what), map[string]string{e.Regions[1]: ""}
	}
	return *data.NewSecret(stack, id, props).Secret().SecretArn()
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
