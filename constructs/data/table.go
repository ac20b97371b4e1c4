package data

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/runbook"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// recoveryDays is how far back a table can be restored to any second: the most that DynamoDB offers.
const recoveryDays = 35

// TableProps says what a table is.
type TableProps struct {
	Name string // needed for Replicas, and the same in every Region; default: CloudFormation makes one
	// PartitionKey and SortKey are the names of attributes, both texts. PartitionKey is required; default of SortKey: none.
	PartitionKey, SortKey string
	ExpiresAt             string // attribute with the Unix time after which DynamoDB removes an item; default: none is
	// Replicas are the Regions that have the table too, each with the ARN of a key there: required with a Key, else empty.
	// Every Region reads and writes its own; of two writes to an item at one time, the later wins.
	Replicas map[string]string
	Key      awskms.IKey // encrypts the table here; default: the AWS managed key of DynamoDB, in every Region
	Retain   bool        // protects the table from deletion in every Region, and keeps it when its stack goes; default false
	// Actions are told when a Region is behind. Topics must be in the stack's Region.
	Actions []awscloudwatch.IAlarmAction
}

// Table is a DynamoDB table, in one Region or as a global table: for state of which less than five minutes may be lost,
// which S3's replication does not promise. It is billed by the request, and can be restored to any second of 35 days.
type Table interface {
	constructs.Construct
	// Table is DynamoDB's, in the stack's Region.
	Table() awsdynamodb.ITableV2
	// GrantReadWrite allows a program to read and write items of the table in the stack's Region, and to use its key.
	GrantReadWrite(grantee awsiam.IGrantable) awsiam.Grant
	// Alarms are by Region, on how far the table there is behind; empty without Replicas.
	Alarms() map[string]awscloudwatch.Alarm
}

type table struct {
	constructs.Construct
	made   awsdynamodb.ITableV2
	alarms map[string]awscloudwatch.Alarm
}

// NewTable makes a Table. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewTable(scope constructs.Construct, id string, props TableProps) Table {
	props.check(id, token.Region(scope))
	t := &table{alarms: map[string]awscloudwatch.Alarm{}}
	constructs.NewConstruct_Override(t, scope, jsii.String(id))
	t.made = awsdynamodb.NewTableV2(t, jsii.String("Table"), props.table())
	for _, region := range slices.Sorted(maps.Keys(props.Replicas)) {
		t.alarms[region] = t.watch(region, props)
	}
	return t
}

// ImportTable takes a table that exists, by its name or ARN, as that of a global table in another Region's stack.
// A key is needed to grant its use; nil for the AWS managed one.
func ImportTable(scope constructs.Construct, id, nameOrARN string, key awskms.IKey) Table {
	t := &table{alarms: map[string]awscloudwatch.Alarm{}}
	constructs.NewConstruct_Override(t, scope, jsii.String(id))
	attributes := &awsdynamodb.TableAttributesV2{TableName: jsii.String(nameOrARN), EncryptionKey: key}
	if strings.HasPrefix(nameOrARN, "arn:") {
		attributes.TableName, attributes.TableArn = nil, jsii.String(nameOrARN)
	}
	t.made = awsdynamodb.TableV2_FromTableAttributes(t, jsii.String("Table"), attributes)
	return t
}

// Table is the one made here, or a reference to the one that exists.
func (t *table) Table() awsdynamodb.ITableV2 { return t.made }

// GrantReadWrite allows to read and write items, but neither to scan the table nor to change it, and the use of its key.
func (t *table) GrantReadWrite(grantee awsiam.IGrantable) awsiam.Grant {
	granted := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem"),
		ResourceArns: &[]*string{t.made.TableArn()},
	})
	if key := t.made.EncryptionKey(); key != nil {
		granted = granted.Combine(key.GrantEncryptDecrypt(grantee))
	}
	return granted
}

// Alarms are by the Region of the replica; empty without Replicas.
func (t *table) Alarms() map[string]awscloudwatch.Alarm { return t.alarms }

func (p TableProps) table() *awsdynamodb.TablePropsV2 {
	made := &awsdynamodb.TablePropsV2{
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String(p.PartitionKey), Type: awsdynamodb.AttributeType_STRING},
		Billing:      awsdynamodb.Billing_OnDemand(nil), Encryption: p.encryption(),
		DeletionProtection: jsii.Bool(p.Retain), RemovalPolicy: removal(p.Retain),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true), RecoveryPeriodInDays: jsii.Number(recoveryDays),
		},
	}
	if p.Name != "" {
		made.TableName = jsii.String(p.Name)
	}
	if p.SortKey != "" {
		made.SortKey = &awsdynamodb.Attribute{Name: jsii.String(p.SortKey), Type: awsdynamodb.AttributeType_STRING}
	}
	if p.ExpiresAt != "" {
		made.TimeToLiveAttribute = jsii.String(p.ExpiresAt)
	}
	var replicas []*awsdynamodb.ReplicaTableProps
	for _, region := range slices.Sorted(maps.Keys(p.Replicas)) {
		replicas = append(replicas, &awsdynamodb.ReplicaTableProps{Region: jsii.String(region)}) // the rest is as here
	}
	if len(replicas) > 0 {
		made.Replicas = &replicas
	}
	return made
}

func (p TableProps) encryption() awsdynamodb.TableEncryptionV2 {
	if p.Key == nil {
		return awsdynamodb.TableEncryptionV2_AwsManagedKey()
	}
	keys := map[string]*string{}
	for region, arn := range p.Replicas {
		keys[region] = jsii.String(arn)
	}
	return awsdynamodb.TableEncryptionV2_CustomerManagedKey(p.Key, &keys)
}

// watch alarms when writes of this Region reach the other too late. DynamoDB has the metric only while there are writes.
func (t *table) watch(region string, props TableProps) awscloudwatch.Alarm {
	lag := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/DynamoDB"), MetricName: jsii.String("ReplicationLatency"), Statistic: jsii.String("Maximum"),
		DimensionsMap: &map[string]*string{"TableName": jsii.String(props.Name), "ReceivingRegion": jsii.String(region)},
		Period:        awscdk.Duration_Minutes(jsii.Number(1)),
	})
	alarm := lag.CreateAlarm(t, jsii.String("Lag-"+region), &awscloudwatch.CreateAlarmOptions{
		AlarmDescription: jsii.String(runbook.Describe("Writes to table "+props.Name+" reach "+region+" more than "+recovery.ReplicationObjective.String()+" late", "", runbook.Replication)),
		Threshold:        jsii.Number(recovery.ReplicationObjective.Milliseconds()), ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		EvaluationPeriods: jsii.Number(1), TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	alarm.AddAlarmAction(props.Actions...)
	alarm.AddOkAction(props.Actions...)
	return alarm
}

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

func (p TableProps) check(id, region string) {
	var problems check.Problems
	problems.If(p.PartitionKey == "", "PartitionKey: is empty; name the attribute that finds an item")
	problems.If(p.SortKey != "" && p.SortKey == p.PartitionKey, "SortKey: is %s, as PartitionKey", p.SortKey)
	problems.If(p.Name != "" && !tableName.MatchString(p.Name), "Name: is %q; a table's name has 3 to 255 letters, digits and _.-", p.Name)
	problems.If(p.Name == "" && len(p.Replicas) > 0, "Name: is empty; with Replicas, the other Regions must know it")
	problems.If(len(p.Replicas) == 0 && len(p.Actions) > 0, "Actions: is set, and there is no alarm without Replicas")
	for _, at := range slices.Sorted(maps.Keys(p.Replicas)) {
		checkRegion(&problems, "Replicas", at, region)
		checkKey(&problems, "Replicas["+at+"]", p.Replicas[at], at)
		problems.If((p.Key != nil) != (p.Replicas[at] != ""), "Replicas[%s]: a table has keys of its own in every Region or in none; set Key and this, or neither", at)
	}
	problems.Panic(fmt.Sprintf("data.NewTable(%q)", id))
}
