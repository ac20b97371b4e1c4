package synth

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/audit"
)

var toldOfAudit = map[string][]string{
	"AWS::CloudTrail::Trail": {"TrailName", "IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation", "KMSKeyId", "S3BucketName",
		"AdvancedEventSelectors"},
	"AWS::KMS::Key":         {"EnableKeyRotation", "KeyPolicy"},
	"AWS::S3::Bucket":       toldOfData["AWS::S3::Bucket"],
	"AWS::S3::BucketPolicy": toldOfData["AWS::S3::BucketPolicy"],
}

func TestGoldenAudit(t *testing.T) {
	tell(t, toldOfAudit)
	app, stack, out := benchIn(t, "us-east-1")
	audit.NewTrail(stack, "Audit", audit.Props{Name: "prod-us-east-1", MultiRegion: true, Buckets: []string{"prod-records"},
		Tables: []string{"arn:aws:dynamodb:us-east-1:123456789012:table/prod-state"}})
	golden(t, "audit", benchTemplate(t, app, out).summary(t))
}

// Nobody but this trail writes to the bucket or encrypts with the key, and nobody is let in by either.
func TestOnlyTheTrailMayWriteItsFiles(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	audit.NewTrail(stack, "Audit", audit.Props{Name: "prod"})
	tp := benchTemplate(t, app, out)
	const arn = "arn:aws:cloudtrail:us-east-1:123456789012:trail/prod"
	got := map[string]string{}
	for _, document := range []any{tp.only(t, "AWS::S3::BucketPolicy").Properties["PolicyDocument"], tp.only(t, "AWS::KMS::Key").Properties["KeyPolicy"]} {
		for _, raw := range at(document, "Statement").([]any) {
			if s := raw.(map[string]any); s["Effect"] == "Allow" {
				got[compact(t, s["Principal"])+" "+compact(t, s["Action"])] = compact(t, s["Condition"])
			}
		}
	}
	want := map[string]string{
		`{"AWS":"arn:aws:iam::123456789012:root"} "kms:*"`:              "null",
		`{"Service":"cloudtrail.amazonaws.com"} "kms:DescribeKey"`:      `{"StringEquals":{"aws:SourceArn":"` + arn + `"}}`,
		`{"Service":"cloudtrail.amazonaws.com"} "kms:GenerateDataKey*"`: `{"StringEquals":{"aws:SourceArn":"` + arn + `","kms:EncryptionContext:aws:cloudtrail:arn":"` + arn + `"}}`,
		`{"Service":"cloudtrail.amazonaws.com"} "s3:GetBucketAcl"`:      `{"StringEquals":{"aws:SourceArn":"` + arn + `"}}`,
		`{"Service":"cloudtrail.amazonaws.com"} "s3:PutObject"`:         `{"StringEquals":{"aws:SourceArn":"` + arn + `","s3:x-amz-acl":"bucket-owner-full-control"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, kind := range []string{"AWS::S3::Bucket", "AWS::KMS::Key"} {
		if kept := tp.only(t, kind).DeletionPolicy; kept != "Retain" {
			t.Errorf("%s has the deletion policy %q", kind, kept)
		}
	}
	if after := compact(t, tp.only(t, "AWS::CloudTrail::Trail").DependsOn); !strings.Contains(after, "AuditLogsPolicy") {
		t.Errorf("the trail is made after %s, and not after its bucket's policy", after)
	}
}

// What a trail takes follows from what it is given.
func TestTrailsTakeWhatTheyAreAskedFor(t *testing.T) {
	tests := []struct {
		name  string
		props audit.Props
		want  []string
	}{
		{"nothing but management", audit.Props{Name: "prod"}, []string{"management events"}},
		{"data alone", audit.Props{Name: "prod", DataOnly: true, Buckets: []string{"records"}}, []string{"objects"}},
		{"everything", audit.Props{Name: "prod", Buckets: []string{"records"}, Tables: []string{"arn:aws:dynamodb:us-east-1:123456789012:table/state"}},
			[]string{"management events", "objects", "items"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, stack, out := benchIn(t, "us-east-1")
			made := audit.NewTrail(stack, "Audit", tt.props)
			if !*made.GrantRead(awsiam.NewUser(stack, jsii.String("Auditor"), nil)).Success() {
				t.Error("granting to read fails")
			}
			tp := benchTemplate(t, app, out)
			p := tp.only(t, "AWS::CloudTrail::Trail").Properties
			var names []string
			for _, selector := range p["AdvancedEventSelectors"].([]any) {
				names = append(names, at(selector, "Name").(string))
			}
			if diff := cmp.Diff(tt.want, names); diff != "" {
				t.Error(diff)
			}
			if p["IsMultiRegionTrail"] != false || p["EnableLogFileValidation"] != true {
				t.Errorf("the trail is %s", compact(t, p))
			}
			var allowed []string
			for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
				allowed = append(allowed, s.Actions...)
			}
			if diff := cmp.Diff([]string{"kms:Decrypt", "s3:GetObject", "s3:ListBucket"}, allowed); diff != "" {
				t.Errorf("a reader may %v", allowed)
			}
		})
	}
	_, stack, _ := benchIn(t, "us-east-1")
	refused(t, []string{`audit.NewTrail("Bad"): 4 problems`, `Name: is "-a"`, "Days: is 4000", `Buckets: "No" is no bucket's name`, `Tables: "state" is no table's ARN`}, func() {
		audit.NewTrail(stack, "Bad", audit.Props{Name: "-a", Days: 4000, Buckets: []string{"No", "abc"}, Tables: []string{"state"}})
	})
	refused(t, []string{"DataOnly: is set, and there are neither Buckets nor Tables"}, func() { audit.NewTrail(stack, "Idle", audit.Props{Name: "prod", DataOnly: true}) })
}
