package synth

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/data"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
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

// A program is told the bucket of the same stack, and its role may write there.
func TestServersKeepTheirRecordsInABucket(t *testing.T) {
	app, stack, out := bench(t)
	made := data.NewBucket(stack, "Data", data.BucketProps{})
	containers := leastContainers(t, stack)
	containers.Settings.Archive.Bucket = *made.Bucket().BucketName()
	made.GrantArchive(compute.NewContainers(stack, "Gateway", containers))
	tp := benchTemplate(t, app, out)
	task := tp.only(t, "AWS::ECS::TaskDefinition")
	told := map[string]string{}
	for _, raw := range at(task.Properties, "ContainerDefinitions", 0, "Environment").([]any) {
		variable := raw.(map[string]any)
		told[variable["Name"].(string)] = compact(t, variable["Value"])
	}
	if told[settings.EnvArchiveBucket] != `{"Ref":"DataBucketE6B0FAA8"}` || told[settings.EnvArchiveInterval] != `"1m0s"` {
		t.Errorf("it is told %s and %s", told[settings.EnvArchiveBucket], told[settings.EnvArchiveInterval])
	}
	role := at(task.Properties, "TaskRoleArn", "Fn::GetAtt", 0)
	allowed := 0
	for _, policy := range tp.all("AWS::IAM::Policy") {
		for _, s := range statementsOf(t, policy.Properties["PolicyDocument"]) {
			if strings.Contains(s.Resources[0], "DataBucket") {
				allowed++
				if at(policy.Properties, "Roles", 0, "Ref") != role || s.Actions[0] != "s3:PutObject" {
					t.Errorf("%v may %v", at(policy.Properties, "Roles"), s.Actions)
				}
			}
		}
	}
	if allowed != 1 {
		t.Errorf("%d statements are about the bucket", allowed)
	}
}

func TestInstancesAreToldTheirBucket(t *testing.T) {
	tp := instancesTemplate(t, func(p *compute.InstancesProps, stack awscdk.Stack) {
		p.Settings.Archive.Bucket = *data.NewBucket(stack, "Data", data.BucketProps{}).Bucket().BucketName()
	})
	if told := document(t, bootScript(t, tp), "END_OF_SETTINGS"); !strings.Contains(told, "\nGENAI_ARCHIVE_BUCKET=\"REF-DataBucketE6B0FAA8\"\n") {
		t.Errorf("the instance is told\n%s", told)
	}
}
