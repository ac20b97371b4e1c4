package synth

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/data"
)

// toldOfData is what a golden shows of a bucket.
var toldOfData = map[string][]string{
	"AWS::S3::Bucket": {"BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls", "VersioningConfiguration",
		"LifecycleConfiguration", "LoggingConfiguration"},
	"AWS::S3::BucketPolicy": {"PolicyDocument"},
}

func TestGoldenData(t *testing.T) {
	tell(t, toldOfData)
	app, stack, out := benchIn(t, "us-east-1")
	made := data.NewBucket(stack, "Data", data.BucketProps{Retain: true})
	role := awsiam.NewRole(stack, jsii.String("Program"), &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})
	if !*made.GrantArchive(role).Success() {
		t.Error("granting the archive fails")
	}
	golden(t, "data", benchTemplate(t, app, out).summary(t))
}

// Who talks to the bucket at all, talks TLS 1.2 or newer; and nobody is let in by the bucket itself.
func TestBucketIsForTLSOnly(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	data.NewBucket(stack, "Data", data.BucketProps{})
	document := benchTemplate(t, app, out).only(t, "AWS::S3::BucketPolicy").Properties["PolicyDocument"]
	var refused []string
	for _, raw := range document.(map[string]any)["Statement"].([]any) {
		s := raw.(map[string]any)
		if s["Effect"] != "Deny" || s["Action"] != "s3:*" || compact(t, s["Principal"]) != `{"AWS":"*"}` || len(s["Resource"].([]any)) != 2 {
			t.Errorf("the bucket has a statement %s", compact(t, s))
		}
		refused = append(refused, compact(t, s["Condition"]))
	}
	want := []string{`{"Bool":{"aws:SecureTransport":"false"}}`, `{"NumericLessThan":{"s3:TlsVersion":1.2}}`}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Error(diff)
	}
}

// A program may add records, and with a key of one's own use it for that; nothing else.
func TestGrantArchiveIsExact(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	made := data.NewBucket(stack, "Data", data.BucketProps{Key: key})
	made.GrantArchive(compute.NewFunction(stack, "Gateway", least(t))) // any IGrantable
	tp := benchTemplate(t, app, out)
	var got []statement
	for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
		if strings.HasPrefix(s.Actions[0], "s3:") || strings.HasPrefix(s.Actions[0], "kms:") {
			got = append(got, s)
		}
	}
	want := []statement{
		{Effect: "Allow", Actions: []string{"kms:GenerateDataKey"}, Resources: []string{`{"Fn::GetAtt":["Key961B73FD","Arn"]}`}},
		{Effect: "Allow", Actions: []string{"s3:PutObject"}, Resources: []string{`{"Fn::Join":["",[{"Fn::GetAtt":["DataBucketE6B0FAA8","Arn"]},"/records/*"]]}`}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	encryption := compact(t, tp.only(t, "AWS::S3::Bucket").Properties["BucketEncryption"])
	for _, want := range []string{`"BucketKeyEnabled":true`, `"SSEAlgorithm":"aws:kms"`, "Key961B73FD"} {
		if !strings.Contains(encryption, want) {
			t.Errorf("no %s in %s", want, encryption)
		}
	}
}

func TestBucketProps(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	data.NewBucket(stack, "Data", data.BucketProps{Days: 30,
		AccessLogs: awss3.Bucket_FromBucketName(stack, jsii.String("Logs"), jsii.String("team-logs"))})
	bucket := benchTemplate(t, app, out).only(t, "AWS::S3::Bucket")
	text := compact(t, bucket.Properties)
	for _, want := range []string{`"ExpirationInDays":30`, `"NoncurrentDays":30`, `"DestinationBucketName":"team-logs","LogFilePrefix":"access/"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if bucket.DeletionPolicy != "Delete" {
		t.Errorf("the bucket's deletion policy is %q", bucket.DeletionPolicy)
	}
	for _, days := range []int{-1, 3654} {
		refused(t, []string{`data.NewBucket("Bad"): 1 problems`, "allowed is 1 to 3653"}, func() { data.NewBucket(stack, "Bad", data.BucketProps{Days: days}) })
	}
}

// Nothing here deletes records but their age.
func TestBucketsAreNeverEmptied(t *testing.T) {
	for _, retain := range []bool{false, true} {
		app, stack, out := benchIn(t, "us-east-1")
		data.NewBucket(stack, "Data", data.BucketProps{Retain: retain})
		tp := benchTemplate(t, app, out)
		if len(tp.Resources) != 2 {
			t.Errorf("beside the bucket and its policy there are %d resources more", len(tp.Resources)-2)
		}
		if got, want := tp.only(t, "AWS::S3::Bucket").DeletionPolicy == "Retain", retain; got != want {
			t.Errorf("retained: %v, want %v", got, want)
		}
	}
}
