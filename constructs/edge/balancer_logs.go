package edge

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/shut"
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

// newBucket makes the bucket for logs. A balancer writes to no bucket with a KMS key.
func (b *balancer) newBucket(days int) awss3.Bucket {
	made := shut.NewLogBucket(b, "Logs", days, 7)
	nag.Acknowledge(made, nag.Rules{"AwsSolutions-S1": "the bucket is itself where access logs go; a log of their delivery would need a bucket and a log again"})
	return made
}
