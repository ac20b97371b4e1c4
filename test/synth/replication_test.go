package synth

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/data"
)

const (
	eastName = "prod-records-123456789012-us-east-1"
	westName = "prod-copies-123456789012-us-west-2"
	eastKey  = "arn:aws:kms:us-east-1:123456789012:key/east"
	westKey  = "arn:aws:kms:us-west-2:123456789012:key/west"
)

func actionsOf(stack awscdk.Stack) []awscloudwatch.IAlarmAction {
	return []awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(awssns.NewTopic(stack, jsii.String("Topic"), &awssns.TopicProps{EnforceSSL: jsii.Bool(true)}))}
}

func TestNamesAreComputed(t *testing.T) {
	if got := data.Name("prod", "records", "123456789012", "us-east-1"); got != eastName {
		t.Error(got)
	}
}

func TestGoldenReplication(t *testing.T) {
	tell(t, map[string][]string{
		"AWS::S3::Bucket": {"BucketName", "ReplicationConfiguration"}, "AWS::S3::BucketPolicy": {}, "AWS::SNS::Topic": {}, "AWS::SNS::TopicPolicy": {},
		"AWS::CloudWatch::Alarm": {"MetricName", "Dimensions", "Threshold", "TreatMissingData", "AlarmDescription"},
	})
	app, stack, out := benchIn(t, "us-east-1")
	made := data.NewBucket(stack, "Records", data.BucketProps{Name: eastName, Key: awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(eastKey)),
		Replica: &data.Replica{Name: westName, Region: "us-west-2", KeyARN: westKey}, Actions: actionsOf(stack)})
	if len(made.Alarms()) != 1 {
		t.Errorf("there are %d alarms", len(made.Alarms()))
	}
	golden(t, "replication", benchTemplate(t, app, out).summary(t))
}

// S3 may read here and write there, in a bucket of this account; and with keys, use each for just that.
func TestTheReplicationRoleIsExact(t *testing.T) {
	const east, west = "arn:aws:s3:::" + eastName, "arn:aws:s3:::" + westName
	through := func(region, bucket string) map[string]any {
		return map[string]any{"StringEquals": map[string]any{"kms:ViaService": "s3." + region + ".amazonaws.com"},
			"StringLike": map[string]any{"kms:EncryptionContext:aws:s3:arn": []any{bucket, bucket + "/*"}}}
	}
	objects := []statement{
		{Effect: "Allow", Actions: []string{"s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"}, Resources: []string{east + "/*"}},
		{Effect: "Allow", Actions: []string{"s3:GetReplicationConfiguration", "s3:ListBucket"}, Resources: []string{east}},
		{Effect: "Allow", Actions: []string{"s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"}, Resources: []string{west + "/*"},
			Condition: map[string]any{"StringEquals": map[string]any{"aws:ResourceAccount": benchAccount}}},
	}
	keys := []statement{
		{Effect: "Allow", Actions: []string{"kms:Decrypt"}, Resources: []string{eastKey},
			Condition: through("us-east-1", east)},
		{Effect: "Allow", Actions: []string{"kms:Encrypt", "kms:GenerateDataKey"}, Resources: []string{westKey},
			Condition: through("us-west-2", west)},
	}
	for _, withKeys := range []bool{false, true} {
		app, stack, out := benchIn(t, "us-east-1")
		props := data.BucketProps{Name: eastName, Replica: &data.Replica{Name: westName, Region: "us-west-2"}}
		want := slices.Clone(objects)
		if withKeys {
			props.Key, props.Replica.KeyARN = awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(eastKey)), westKey
			want = append(want, keys...)
		}
		data.NewBucket(stack, "Records", props)
		tp := benchTemplate(t, app, out)
		slices.SortFunc(want, func(a, b statement) int { return strings.Compare(compact(t, a), compact(t, b)) })
		if diff := cmp.Diff(want, statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"])); diff != "" {
			t.Errorf("with keys %t: %s", withKeys, diff)
		}
		trust := compact(t, at(tp.only(t, "AWS::IAM::Role").Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal"))
		if trust != `{"Service":"s3.amazonaws.com"}` {
			t.Errorf("the role is for %s", trust)
		}
	}
}

// S3 tells how late a copy is where the copy is, and what failed where the source is; so that is where the alarms are.
func TestEachAlarmIsWhereItsMetricIs(t *testing.T) {
	app, stack, out := benchIn(t, "us-west-2")
	data.NewBucket(stack, "Copies", data.BucketProps{Name: westName, ReplicaOf: eastName, Actions: actionsOf(stack)})
	p := benchTemplate(t, app, out).only(t, "AWS::CloudWatch::Alarm").Properties
	got := map[string]any{"metric": p["MetricName"], "over": p["Threshold"], "statistic": p["Statistic"], "missing": p["TreatMissingData"]}
	for _, raw := range p["Dimensions"].([]any) {
		got[at(raw, "Name").(string)] = at(raw, "Value")
	}
	want := map[string]any{"metric": "ReplicationLatency", "over": 300.0, "statistic": "Maximum", "missing": "missing",
		"SourceBucket": eastName, "DestinationBucket": westName, "RuleId": "copy-to-other-region"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, told := range []string{"AlarmActions", "OKActions", "InsufficientDataActions"} {
		if actions, _ := p[told].([]any); len(actions) != 1 {
			t.Errorf("%s are %v", told, p[told])
		}
	}
}

func TestBadReplicationIsRefused(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	_, nowhere, _ := bench(t)
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(eastKey))
	tests := []struct {
		name  string
		stack awscdk.Stack
		props data.BucketProps
		want  []string
	}{
		{"no names", stack, data.BucketProps{Replica: &data.Replica{}}, []string{"3 problems", "Name: is empty; with Replica", `Replica.Name: is ""`, `Replica.Region: is ""`}},
		{"itself", stack, data.BucketProps{Name: eastName, Replica: &data.Replica{Name: eastName, Region: "us-east-1"}, ReplicaOf: eastName},
			[]string{"3 problems", "Replica.Name: is " + eastName + ", the bucket itself", "Replica.Region: is us-east-1, the stack's own Region", "ReplicaOf: is " + eastName + ", the bucket itself"}},
		{"no key there", stack, data.BucketProps{Name: eastName, Key: key, Replica: &data.Replica{Name: westName, Region: "us-west-2"}}, []string{"1 problems", "Replica.KeyARN: is empty"}},
		{"no key here", stack, data.BucketProps{Name: eastName, Replica: &data.Replica{Name: westName, Region: "us-west-2", KeyARN: westKey}}, []string{"1 problems", "set both or none"}},
		{"a key elsewhere", stack, data.BucketProps{Name: eastName, Key: key, Replica: &data.Replica{Name: westName, Region: "us-west-2", KeyARN: eastKey}},
			[]string{"1 problems", "Replica.KeyARN: is a key in us-east-1; the copy is in us-west-2"}},
		{"no key at all", stack, data.BucketProps{Name: eastName, Key: key, Replica: &data.Replica{Name: westName, Region: "us-west-2", KeyARN: "alias/west"}},
			[]string{"1 problems", `Replica.KeyARN: is "alias/west"; give the ARN of a key`}},
		{"no Region", nowhere, data.BucketProps{Name: eastName, Replica: &data.Replica{Name: westName, Region: "us-west-2"}}, []string{"1 problems", "the stack does not say its Region"}},
		{"bad names", stack, data.BucketProps{Name: "Prod.Records", ReplicaOf: "x"}, []string{"2 problems", `Name: is "Prod.Records"`, `ReplicaOf: is "x"`}},
		{"nobody to tell", stack, data.BucketProps{Actions: actionsOf(stack)}, []string{"1 problems", "Actions: is set, and there is no alarm"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, append(tt.want, `data.NewBucket("Bad")`), func() { data.NewBucket(tt.stack, "Bad", tt.props) })
		})
	}
}

// The secret is empty, in every Region.
func TestSecretsAreMadeEmpty(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	data.NewSecret(stack, "Keys", data.SecretProps{Description: "Hashes of API keys", Name: "prod-keys", Replicas: map[string]string{"us-west-2": westKey, "eu-west-1": ""}, Retain: true})
	tp := benchTemplate(t, app, out)
	made := tp.only(t, "AWS::SecretsManager::Secret")
	want := map[string]any{"Description": "Hashes of API keys", "Name": "prod-keys",
		"ReplicaRegions": []any{map[string]any{"Region": "eu-west-1"}, map[string]any{"Region": "us-west-2", "KmsKeyId": westKey}}}
	if diff := cmp.Diff(want, made.Properties); diff != "" {
		t.Error(diff)
	}
	if made.DeletionPolicy != "Retain" {
		t.Errorf("its deletion policy is %q", made.DeletionPolicy)
	}
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(eastKey))
	refused(t, []string{`data.NewSecret("Bad"): 5 problems`, "Description: is empty", "Name: is empty", "Replicas: is us-east-1, the stack's own Region",
		"Replicas[us-east-1]: has no key", "Replicas[us-west-2]: is a key in us-east-1"}, func() {
		data.NewSecret(stack, "Bad", data.SecretProps{Key: key, Replicas: map[string]string{"us-east-1": "", "us-west-2": eastKey}})
	})
}

// A secret that is made up is long enough to be one.
func TestSecretsThatAreMadeUp(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	for id, characters := range map[string]int{"Short": 31, "Long": 4097, "Negative": -1} {
		refused(t, []string{`data.NewSecret("` + id + `")`, "Generate: is " + strconv.Itoa(characters)}, func() {
			data.NewSecret(stack, id, data.SecretProps{Description: "Made up", Generate: characters})
		})
	}
}

// Every Region's table can be restored and, in production, not be deleted.
func TestGlobalTables(t *testing.T) {
	for _, production := range []bool{false, true} {
		app, stack, out := benchIn(t, "us-east-1")
		made := data.NewTable(stack, "State", data.TableProps{Name: "prod-state", PartitionKey: "tenant", SortKey: "month", ExpiresAt: "until",
			Replicas: map[string]string{"us-west-2": ""}, Retain: production, Actions: actionsOf(stack)})
		role := awsiam.NewRole(stack, jsii.String("Program"), &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})
		if !*made.GrantReadWrite(role).Success() {
			t.Error("granting fails")
		}
		tp := benchTemplate(t, app, out)
		table := tp.only(t, "AWS::DynamoDB::GlobalTable")
		regions := map[any]string{}
		for _, raw := range table.Properties["Replicas"].([]any) {
			regions[at(raw, "Region")] = compact(t, at(raw, "DeletionProtectionEnabled")) + " " + compact(t, at(raw, "PointInTimeRecoverySpecification"))
		}
		kept := map[bool]string{false: "false ", true: "true "}[production] + `{"PointInTimeRecoveryEnabled":true,"RecoveryPeriodInDays":35}`
		if diff := cmp.Diff(map[any]string{"us-east-1": kept, "us-west-2": kept}, regions); diff != "" {
			t.Error(diff)
		}
		if got := compact(t, table.Properties["SSESpecification"]); got != `{"SSEEnabled":true,"SSEType":"KMS"}` {
			t.Errorf("it is encrypted as %s", got)
		}
		if (table.DeletionPolicy == "Retain") != production {
			t.Errorf("production %t: its deletion policy is %s", production, table.DeletionPolicy)
		}
		alarm := tp.only(t, "AWS::CloudWatch::Alarm").Properties
		if got := compact(t, []any{alarm["MetricName"], alarm["Threshold"], alarm["Dimensions"]}); got !=
			`["ReplicationLatency",300000,[{"Name":"ReceivingRegion","Value":"us-west-2"},{"Name":"TableName","Value":"prod-state"}]]` {
			t.Errorf("the alarm is on %s", got)
		}
		for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
			if slices.ContainsFunc(s.Actions, func(a string) bool { return strings.Contains(a, "*") || strings.Contains(a, "Scan") }) {
				t.Errorf("a program may %v", s.Actions)
			}
		}
	}
}

func TestTablesWithKeysAndWithout(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(eastKey))
	data.NewTable(stack, "State", data.TableProps{Name: "prod-state", PartitionKey: "tenant", Key: key, Replicas: map[string]string{"us-west-2": westKey}})
	keys := map[any]any{}
	for _, raw := range benchTemplate(t, app, out).only(t, "AWS::DynamoDB::GlobalTable").Properties["Replicas"].([]any) {
		keys[at(raw, "Region")] = at(raw, "SSESpecification", "KMSMasterKeyId")
	}
	if diff := cmp.Diff(map[any]any{"us-east-1": eastKey, "us-west-2": westKey}, keys); diff != "" {
		t.Error(diff)
	}
	refused(t, []string{`data.NewTable("Bad"): 4 problems`, "PartitionKey: is empty", "Name: is empty", "Replicas: is us-east-1, the stack's own", "set Key and this, or neither"}, func() {
		data.NewTable(stack, "Bad", data.TableProps{Key: key, Replicas: map[string]string{"us-east-1": ""}})
	})
	refused(t, []string{`data.NewTable("Odd"): 3 problems`, "SortKey: is a, as PartitionKey", `Name: is "?"`, "Actions: is set"}, func() {
		data.NewTable(stack, "Odd", data.TableProps{Name: "?", PartitionKey: "a", SortKey: "a", Actions: actionsOf(stack)})
	})
}

// What exists is taken as it is: granted, and not made.
func TestExistingStateIsTaken(t *testing.T) {
	app, stack, out := benchIn(t, "us-west-2")
	role := awsiam.NewRole(stack, jsii.String("Program"), &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})
	data.ImportBucket(stack, "Records", "team-records", awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(westKey))).GrantArchive(role)
	data.ImportTable(stack, "State", "prod-state", nil).GrantReadWrite(role)
	data.ImportTable(stack, "Other", "arn:aws:dynamodb:us-west-2:123456789012:table/other", nil).GrantReadWrite(role)
	byName := data.ImportSecret(stack, "ByName", "prod-keys").Secret()
	byARN := data.ImportSecret(stack, "ByArn", "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod-keys-AbCdEf").Secret()
	if *byName.SecretName() != "prod-keys" || *byARN.SecretName() != "prod-keys" {
		t.Errorf("the secrets are %s and %s", *byName.SecretName(), *byARN.SecretName())
	}
	tp := benchTemplate(t, app, out)
	if len(tp.Resources) != 2 {
		t.Errorf("there are %d resources, want the role and its policy", len(tp.Resources))
	}
	var got []string
	for _, s := range statementsOf(t, tp.only(t, "AWS::IAM::Policy").Properties["PolicyDocument"]) {
		got = append(got, s.Actions[0]+" "+strings.Join(s.Resources, " "))
	}
	want := []string{"dynamodb:BatchGetItem arn:aws:dynamodb:us-west-2:123456789012:table/other arn:aws:dynamodb:us-west-2:123456789012:table/prod-state",
		"kms:GenerateDataKey " + westKey, "s3:PutObject arn:aws:s3:::team-records/records/*"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	refused(t, []string{`data.ImportBucket("Bad"): 1 problems`, `name: is "B"`}, func() { data.ImportBucket(stack, "Bad", "B", nil) })
}
