// Package audit records who did what: a CloudTrail trail of management events, among which is every read of a secret, and
// of the data events of the buckets and tables it is given, among which is every read and write of an object or an item.
//
// It must not know what the buckets and tables hold, nor who made them: it takes their names.
package audit

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/shut"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
)

const (
	defaultDays = 400  // a year, and time to look into it
	maxDays     = 3653 // ten years
)

// Props says what a Trail records.
type Props struct {
	// Name is the trail's. Required, since the policies of its bucket and key name the trail before there is one: 3 to 128
	// letters, digits and ._-, as in prod-us-east-1.
	Name string
	// MultiRegion records what happens in every Region of the account; default false: in the stack's, and in no Region what
	// belongs to none, such as IAM. Have it in one Region, or each has everything.
	MultiRegion bool
	// DataOnly leaves management events to a trail that exists, such as the organization's: CloudTrail bills every trail
	// but the first for them. Default false.
	DataOnly bool
	// Buckets are names of buckets whose objects' reads and writes are recorded, with MultiRegion of any Region. Default
	// none.
	Buckets []string
	// Tables are ARNs of DynamoDB tables whose items' reads and writes are recorded. Default none.
	Tables []string
	Days   int // that the records are kept, 1 to 3653; default 400
}

// Trail is a trail, the bucket that it writes to and the key that it encrypts with. Bucket and key outlive the stack:
// what happened must not go with what it happened to.
//
// Its files are encrypted with a key of their own, though S3's would cost nothing: whoever reads them must then be
// allowed two things, the objects and the key, and the reading is recorded as a use of the key.
type Trail interface {
	constructs.Construct
	// Trail is CloudTrail's.
	Trail() awscloudtrail.CfnTrail
	// Bucket holds the files, under AWSLogs/, and the digests that prove them unchanged.
	Bucket() awss3.Bucket
	// Key encrypts the files.
	Key() awskms.Key
	// GrantRead allows to read and decrypt the files, nothing else.
	GrantRead(grantee awsiam.IGrantable) awsiam.Grant
}

type trail struct {
	constructs.Construct
	made   awscloudtrail.CfnTrail
	bucket awss3.Bucket
	key    awskms.Key
}

// NewTrail makes a Trail. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewTrail(scope constructs.Construct, id string, props Props) Trail {
	if props.Days == 0 {
		props.Days = defaultDays
	}
	props.check(id)
	t := &trail{}
	constructs.NewConstruct_Override(t, scope, jsii.String(id))
	stack := awscdk.Stack_Of(t)
	arn := "arn:aws:cloudtrail:" + *stack.Region() + ":" + *stack.Account() + ":trail/" + props.Name
	t.key = t.newKey(arn)
	t.bucket = t.newBucket(props.Days)
	policy := t.allowTrail(arn, *stack.Account())
	t.made = awscloudtrail.NewCfnTrail(t, jsii.String("Trail"), &awscloudtrail.CfnTrailProps{
		TrailName: jsii.String(props.Name), IsLogging: jsii.Bool(true),
		S3BucketName: t.bucket.BucketName(), KmsKeyId: t.key.KeyArn(), EnableLogFileValidation: jsii.Bool(true),
		IsMultiRegionTrail: jsii.Bool(props.MultiRegion), IncludeGlobalServiceEvents: jsii.Bool(props.MultiRegion),
		AdvancedEventSelectors: props.selectors(),
	})
	t.made.Node().AddDependency(policy) // CloudTrail tries the bucket when it makes a trail
	return t
}

// newKey makes the key. Its policy lets IAM decide, and the trail encrypt with it, for itself alone.
func (t *trail) newKey(arn string) awskms.Key {
	key := awskms.NewKey(t, jsii.String("Key"), &awskms.KeyProps{
		Description: jsii.String("CloudTrail's files"), EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	service := awsiam.NewServicePrincipal(jsii.String("cloudtrail.amazonaws.com"), nil)
	own := map[string]any{"aws:SourceArn": arn}
	// In a key policy * is this key.
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{service}, Actions: jsii.Strings("kms:GenerateDataKey*"), Resources: jsii.Strings("*"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceArn": arn, "kms:EncryptionContext:aws:cloudtrail:arn": arn}},
	}), nil)
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{service}, Actions: jsii.Strings("kms:DescribeKey"), Resources: jsii.Strings("*"),
		Conditions: &map[string]any{"StringEquals": own},
	}), nil)
	return key
}

// newBucket makes the bucket. Its own default is S3's key: the trail names its key with every file, and with the bucket's
// default being that, CloudTrail would have to be allowed to decrypt too.
func (t *trail) newBucket(days int) awss3.Bucket {
	made := shut.NewLogBucket(t, "Logs", days, days) // who overwrites a file hides nothing
	nag.Acknowledge(made, nag.Rules{"AwsSolutions-S1": "the bucket is itself where a log goes, and reading a file is recorded as a use of its key"})
	return made
}

// allowTrail lets this trail write its files, and returns what must be there before it does.
func (t *trail) allowTrail(arn, account string) constructs.IDependable {
	service := awsiam.NewServicePrincipal(jsii.String("cloudtrail.amazonaws.com"), nil)
	allow := func(action, resource string, equals map[string]any) *awsiam.AddToResourcePolicyResult {
		return t.bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{service}, Actions: jsii.Strings(action), Resources: jsii.Strings(resource),
			Conditions: &map[string]any{"StringEquals": equals},
		}))
	}
	allow("s3:GetBucketAcl", *t.bucket.BucketArn(), map[string]any{"aws:SourceArn": arn})
	return allow("s3:PutObject", *t.bucket.ArnForObjects(jsii.String("AWSLogs/" + account + "/*")),
		map[string]any{"aws:SourceArn": arn, "s3:x-amz-acl": "bucket-owner-full-control"}).PolicyDependable
}

// selectors say which events the trail takes.
func (p Props) selectors() []any {
	field := func(name, how string, values ...string) map[string]any {
		return map[string]any{"field": name, how: values}
	}
	selector := func(name string, fields ...map[string]any) any {
		return map[string]any{"name": name, "fieldSelectors": fields}
	}
	var selectors []any
	if !p.DataOnly {
		selectors = append(selectors, selector("management events", field("eventCategory", "equalTo", "Management")))
	}
	if len(p.Buckets) > 0 {
		var objects []string
		for _, name := range p.Buckets {
			objects = append(objects, "arn:aws:s3:::"+name+"/")
		}
		selectors = append(selectors, selector("objects", field("eventCategory", "equalTo", "Data"),
			field("resources.type", "equalTo", "AWS::S3::Object"), field("resources.ARN", "startsWith", objects...)))
	}
	if len(p.Tables) > 0 {
		selectors = append(selectors, selector("items", field("eventCategory", "equalTo", "Data"),
			field("resources.type", "equalTo", "AWS::DynamoDB::Table"), field("resources.ARN", "equalTo", p.Tables...)))
	}
	return selectors
}

// Trail is CloudTrail's; its digests prove each file unchanged.
func (t *trail) Trail() awscloudtrail.CfnTrail { return t.made }

// Bucket is of this construct alone: the trail writes to it, and GrantRead is the way to let somebody read.
func (t *trail) Bucket() awss3.Bucket { return t.bucket }

// Key encrypts the files, and rotates each year.
func (t *trail) Key() awskms.Key { return t.key }

// GrantRead allows to list the bucket, to read what is under AWSLogs/ and to decrypt it.
func (t *trail) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	list := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee, Actions: jsii.Strings("s3:ListBucket"), ResourceArns: &[]*string{t.bucket.BucketArn()},
	})
	read := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee, Actions: jsii.Strings("s3:GetObject"), ResourceArns: &[]*string{t.bucket.ArnForObjects(jsii.String("AWSLogs/*"))},
	})
	return list.Combine(read).Combine(t.key.Grant(grantee, jsii.String("kms:Decrypt")))
}

var (
	trailName  = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9]|[._-][a-zA-Z0-9]){2,127}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	tableARN   = regexp.MustCompile(`^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[a-zA-Z0-9_.-]+$`)
)

func (p Props) check(id string) {
	var problems check.Problems
	problems.If(!trailName.MatchString(p.Name) || len(p.Name) > 128,
		"Name: is %q; a trail's name has 3 to 128 letters, digits and single ._-, and starts and ends with none of those", p.Name)
	problems.If(p.Days < 1 || p.Days > maxDays, "Days: is %d; allowed is 1 to %d", p.Days, maxDays)
	problems.If(p.DataOnly && len(p.Buckets)+len(p.Tables) == 0, "DataOnly: is set, and there are neither Buckets nor Tables; the trail would record nothing")
	for _, name := range p.Buckets {
		problems.If(!token.In(name) && !bucketName.MatchString(name), "Buckets: %q is no bucket's name", name)
	}
	for _, arn := range p.Tables {
		problems.If(!token.In(arn) && !tableARN.MatchString(arn), "Tables: %q is no table's ARN", arn)
	}
	problems.Panic(fmt.Sprintf("audit.NewTrail(%q)", id))
}
