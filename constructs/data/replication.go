package data

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/runbook"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
)

// Replica is a bucket in another Region that gets a copy of every object from now on, and of every delete marker, but of
// no deletion of a version: what is taken away on one side for good stays on the other until its age is reached.
//
// It must exist, with versions, before the bucket that is copied: S3 refuses the configuration otherwise. So deploy the
// copy's stack first. Objects that are copies already are not copied on.
type Replica struct {
	Name   string // required; of a bucket of the same account
	Region string // required; of that bucket, another than the stack's
	KeyARN string // of the key that encrypts that bucket, in its Region; required with a Key, else empty
}

// rule is the id of the replication rule, by which S3 names its metrics.
const rule = "copy-to-other-region"

func (r *Replica) check(problems *check.Problems, p BucketProps, region string) {
	checkBucketName(problems, "Replica.Name", r.Name)
	problems.If(r.Name != "" && r.Name == p.Name, "Replica.Name: is %s, the bucket itself", r.Name)
	checkRegion(problems, "Replica.Region", r.Region, region)
	problems.If(p.Key != nil && r.KeyARN == "", "Replica.KeyARN: is empty, and the bucket has a Key; give that of the copy, in its own Region")
	problems.If(p.Key == nil && r.KeyARN != "", "Replica.KeyARN: is set, and the bucket has no Key; set both or none")
	checkKey(problems, "Replica.KeyARN", r.KeyARN, r.Region)
}

// replicate makes S3 copy every object, with Replication Time Control, and alarms when it cannot. CDK's own rules make a
// role that may use keys in more ways than are needed, so this is written out.
func (b *bucket) replicate(made awss3.Bucket, props BucketProps) {
	replica := props.Replica
	to := "arn:aws:s3:::" + replica.Name
	minutes := map[string]any{"Minutes": recovery.ReplicationService.Minutes()}
	destination := map[string]any{
		"Bucket":          to,
		"Metrics":         map[string]any{"Status": "Enabled", "EventThreshold": minutes},
		"ReplicationTime": map[string]any{"Status": "Enabled", "Time": minutes},
	}
	copies := map[string]any{
		"Id": rule, "Priority": 1, "Status": "Enabled", "Filter": map[string]any{"Prefix": ""},
		"DeleteMarkerReplication": map[string]any{"Status": "Enabled"}, "Destination": destination,
	}
	if replica.KeyARN != "" {
		destination["EncryptionConfiguration"] = map[string]any{"ReplicaKmsKeyID": replica.KeyARN}
		copies["SourceSelectionCriteria"] = map[string]any{"SseKmsEncryptedObjects": map[string]any{"Status": "Enabled"}}
	}
	role := b.replicationRole(props, to)
	resource := made.Node().DefaultChild().(awscdk.CfnResource)
	resource.AddPropertyOverride(jsii.String("ReplicationConfiguration"), map[string]any{"Role": role.RoleArn(), "Rules": []any{copies}})
	failed := b.alarm("Failed", &awscloudwatch.MetricProps{
		MetricName: jsii.String("OperationsFailedReplication"), Statistic: jsii.String("Sum"), DimensionsMap: dimensions(props.Name, replica.Name),
	}, awscloudwatch.CreateAlarmOptions{
		AlarmDescription: jsii.String(runbook.Describe("S3 cannot copy objects of "+props.Name+" to "+replica.Name, "", runbook.Replication)),
		Threshold:        jsii.Number(0),
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING, // without a failure there is no data
	})
	failed.AddAlarmAction(props.Actions...)
	failed.AddOkAction(props.Actions...)
}

// replicationRole is what S3 works with: it reads versions here and writes copies there, and only where the bucket there
// is of this account, whoever should have taken its name before us.
func (b *bucket) replicationRole(props BucketProps, to string) awsiam.Role {
	role := awsiam.NewRole(b, jsii.String("Replication"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("s3.amazonaws.com"), nil),
		Description: jsii.String("S3 copies objects to another Region"),
	})
	own := "arn:aws:s3:::" + props.Name
	stack := awscdk.Stack_Of(b)
	allow := func(conditions map[string]any, resource string, actions ...string) {
		statement := &awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: jsii.Strings(resource)}
		if conditions != nil {
			statement.Conditions = &conditions
		}
		role.AddToPolicy(awsiam.NewPolicyStatement(statement))
	}
	allow(nil, own, "s3:GetReplicationConfiguration", "s3:ListBucket")
	allow(nil, own+"/*", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging")
	allow(map[string]any{"StringEquals": map[string]any{"aws:ResourceAccount": stack.Account()}}, to+"/*",
		"s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags")
	if props.Key != nil {
		// With S3's bucket keys a key is used for the bucket, without them for each object.
		through := func(region, arn string) map[string]any {
			return map[string]any{
				"StringEquals": map[string]any{"kms:ViaService": "s3." + region + ".amazonaws.com"},
				"StringLike":   map[string]any{"kms:EncryptionContext:aws:s3:arn": []string{arn, arn + "/*"}},
			}
		}
		allow(through(*stack.Region(), own), *props.Key.KeyArn(), "kms:Decrypt")
		allow(through(props.Replica.Region, to), props.Replica.KeyARN, "kms:Encrypt", "kms:GenerateDataKey")
	}
	objects := func(arn string) string { return "AwsSolutions-IAM5[Resource::" + arn + "/*]" }
	nag.Acknowledge(role.Node().FindChild(jsii.String("DefaultPolicy")), nag.Rules{
		objects(own): "every object is copied",
		objects(to):  "every object has a copy",
	})
	return role
}

// watchLag alarms when the copy is further behind than aimed at, and tells when S3 says nothing about it: it does so even
// while there is nothing to copy, from 15 minutes after the replication was set up.
func (b *bucket) watchLag(props BucketProps) {
	lag := b.alarm("Lag", &awscloudwatch.MetricProps{
		MetricName: jsii.String("ReplicationLatency"), Statistic: jsii.String("Maximum"), DimensionsMap: dimensions(props.ReplicaOf, props.Name),
	}, awscloudwatch.CreateAlarmOptions{
		AlarmDescription: jsii.String(runbook.Describe(fmt.Sprintf("Copies of objects of %s are more than %s late", props.ReplicaOf, recovery.ReplicationObjective), "", runbook.Replication)),
		Threshold:        jsii.Number(recovery.ReplicationObjective.Seconds()),
		TreatMissingData: awscloudwatch.TreatMissingData_MISSING,
	})
	lag.AddAlarmAction(props.Actions...)
	lag.AddOkAction(props.Actions...)
	lag.AddInsufficientDataAction(props.Actions...)
}

// alarm is on a metric of S3's replication, which is one of minutes. The metrics of a copy's lag are in the Region of the
// copy, that of failures in the Region of the source (Amazon S3 User Guide, "Using S3 Replication metrics", read
// 2026-11-23).
func (b *bucket) alarm(id string, of *awscloudwatch.MetricProps, options awscloudwatch.CreateAlarmOptions) awscloudwatch.Alarm {
	of.Namespace, of.Period = jsii.String("AWS/S3"), awscdk.Duration_Minutes(jsii.Number(1))
	options.ComparisonOperator, options.EvaluationPeriods = awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD, jsii.Number(1)
	made := awscloudwatch.NewMetric(of).CreateAlarm(b, jsii.String(id), &options)
	b.alarms = append(b.alarms, made)
	return made
}

func dimensions(from, to string) *map[string]*string {
	return &map[string]*string{"SourceBucket": jsii.String(from), "DestinationBucket": jsii.String(to), "RuleId": jsii.String(rule)}
}
