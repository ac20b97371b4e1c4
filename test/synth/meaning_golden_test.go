package synth

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/audit"
	"github.com/genai-pipeline/genai-pipeline/constructs/data"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Both Regions of prod and what belongs to none, in words that a person can review.
func TestGoldenProdRegions(t *testing.T) {
	golden(t, "prod-regions", meaning(t, synthesize(t, stub(t), shipped(t, "prod"))))
}

// The same where both Regions have callers: what differs is the records, and the alarm on callers who arrive.
func TestGoldenActiveActiveRegions(t *testing.T) {
	e := shipped(t, "prod")
	e.Failover.Mode = environment.ActiveActive
	var lines []string
	before := meaning(t, synthesize(t, stub(t), shipped(t, "prod")))
	for line := range strings.Lines(meaning(t, synthesize(t, stub(t), e))) {
		if !strings.Contains(before, line) {
			lines = append(lines, line)
		}
	}
	golden(t, "active-active-regions", strings.Join(lines, ""))
}

// A platform team's two Regions, from the constructs alone, with keys of their own and a table.
func TestGoldenPlatformRegions(t *testing.T) {
	out := t.TempDir()
	app := newApp(t, out)
	arns := map[string]string{"us-east-1": eastKey, "us-west-2": westKey}
	for region, other := range map[string]string{"us-east-1": "us-west-2", "us-west-2": "us-east-1"} {
		stack := awscdk.NewStack(app, jsii.String("platform-"+region), &awscdk.StackProps{
			Env: &awscdk.Environment{Account: jsii.String(benchAccount), Region: jsii.String(region)}})
		key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(arns[region]))
		records, copies := data.Name("platform", "records", benchAccount, region), data.Name("platform", "copies", benchAccount, region)
		data.NewBucket(stack, "Copies", data.BucketProps{Name: copies, Key: key, ReplicaOf: data.Name("platform", "records", benchAccount, other)})
		data.NewBucket(stack, "Records", data.BucketProps{Name: records, Key: key,
			Replica: &data.Replica{Name: data.Name("platform", "copies", benchAccount, other), Region: other, KeyARN: arns[other]}})
		if region != failover.MetricRegion {
			continue
		}
		data.NewSecret(stack, "Keys", data.SecretProps{Description: "Hashes of API keys", Name: "platform-keys", Key: key, Replicas: map[string]string{other: arns[other]}})
		tableARN := data.NewTable(stack, "State", data.TableProps{Name: "platform-state", PartitionKey: "tenant", Key: key, Replicas: map[string]string{other: arns[other]}}).Table().TableArn()
		audit.NewTrail(stack, "Audit", audit.Props{Name: "platform", MultiRegion: true, Buckets: []string{records, copies}, Tables: []string{*tableARN}})
		failover.NewPair(stack, "Failover", leastPair())
	}
	app.Synth(nil)
	golden(t, "platform-regions", meaning(t, out))
}
