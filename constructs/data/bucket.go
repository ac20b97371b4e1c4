// Package data keeps what outlives a program: the bucket of usage records and artifacts, the secret with the hashes of
// API keys, tables; each with a copy in another Region where it is asked for, and each made here or existing already.
//
// Nothing here refers across Regions: what is in two of them has a name that the caller decides (see Name), so that the
// stacks of two Regions can name each other's resources without depending on each other.
//
// It must not know what writes there (constructs/compute), nor the environment files. Where in the bucket the programs
// put their records is runtime/settings' to say.
package data

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const (
	defaultDays    = 400  // a year, and time to close its books
	maxDays        = 3653 // ten years
	noncurrentDays = 30   // to take back a mistake
	multipartDays  = 7
)

// BucketProps says how a bucket keeps what is in it. The zero value is good.
type BucketProps struct {
	Name string // needed for Replica and ReplicaOf, see Name; default: CloudFormation makes one
	Days int    // until an object expires, 1 to 3653; default 400. What replaces or deletes one leaves it for 30 days more
	// Key encrypts the objects; default: S3's own. Its key policy must let IAM decide, as those of CDK do.
	Key awskms.IKey
	// AccessLogs takes the bucket's server access logs; default: there are none, since the programs can only write, each
	// object once, and people who read are better seen by CloudTrail's data events, which name the role. It must be in the
	// same Region without a KMS key, and one that was imported must let S3's log service write there.
	AccessLogs awss3.IBucket
	// Retain keeps the bucket when its stack goes; default false, and then a bucket that is not empty stops the deletion of
	// the stack: nothing here ever empties it.
	Retain bool

	Replica *Replica // copies every object to another Region; default nil: there is no copy
	// ReplicaOf is the name of the bucket in another Region that has this one as its Replica. It makes the alarm on how far
	// behind the copy is, for S3 has that metric in the Region of the copy. Default empty: this bucket is no copy.
	ReplicaOf string
	// Actions are told of what the alarms of Replica and ReplicaOf are about. Topics must be in the bucket's Region.
	Actions []awscloudwatch.IAlarmAction
}

// Bucket keeps usage records and artifacts: encrypted, versioned, reachable with TLS 1.2 or newer only, never public.
type Bucket interface {
	constructs.Construct
	// Bucket is S3's.
	Bucket() awss3.IBucket
	// GrantArchive allows a program to add usage records, and nothing else: not to read, list or delete them, nor to write
	// elsewhere. Settings.Archive.Bucket names the bucket to the program.
	GrantArchive(grantee awsiam.IGrantable) awsiam.Grant
	// Alarms are those of a Replica and of ReplicaOf; empty without either.
	Alarms() []awscloudwatch.Alarm
}

type bucket struct {
	constructs.Construct
	made   awss3.IBucket
	key    awskms.IKey // nil: S3's own
	alarms []awscloudwatch.Alarm
}

// NewBucket makes a Bucket. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewBucket(scope constructs.Construct, id string, props BucketProps) Bucket {
	if props.Days == 0 {
		props.Days = defaultDays
	}
	props.check(id, token.Region(scope))
	b := &bucket{key: props.Key}
	constructs.NewConstruct_Override(b, scope, jsii.String(id))
	made := awss3.NewBucket(b, jsii.String("Bucket"), props.bucket())
	b.made = made
	if props.AccessLogs == nil {
		nag.Acknowledge(b.made, nag.Rules{"AwsSolutions-S1": "no bucket was given for access logs; the data events of a trail of the account say who reads, and no record holds a prompt"})
	}
	if props.Replica != nil {
		b.replicate(made, props)
	}
	if props.ReplicaOf != "" {
		b.watchLag(props)
	}
	return b
}

// ImportBucket takes a bucket that exists. With a key, its policy must let IAM decide. What NewBucket sees to, its owner
// must: encryption, TLS, versions, no public access. It panics as NewBucket does.
func ImportBucket(scope constructs.Construct, id, name string, key awskms.IKey) Bucket {
	var problems check.Problems
	checkBucketName(&problems, "name", name)
	problems.Panic(fmt.Sprintf("data.ImportBucket(%q)", id))
	b := &bucket{key: key}
	constructs.NewConstruct_Override(b, scope, jsii.String(id))
	b.made = awss3.Bucket_FromBucketAttributes(b, jsii.String("Bucket"), &awss3.BucketAttributes{BucketName: jsii.String(name), EncryptionKey: key})
	return b
}

func (p BucketProps) check(id, region string) {
	var problems check.Problems
	problems.If(p.Days < 1 || p.Days > maxDays, "Days: is %d; allowed is 1 to %d", p.Days, maxDays)
	if p.Name != "" {
		checkBucketName(&problems, "Name", p.Name)
	}
	problems.If(p.Name == "" && (p.Replica != nil || p.ReplicaOf != ""), "Name: is empty; with Replica or ReplicaOf, the other Region must know it")
	if p.Replica != nil {
		p.Replica.check(&problems, p, region)
	}
	if p.ReplicaOf != "" {
		checkBucketName(&problems, "ReplicaOf", p.ReplicaOf)
		problems.If(p.ReplicaOf == p.Name, "ReplicaOf: is %s, the bucket itself", p.Name)
	}
	problems.If(p.Replica == nil && p.ReplicaOf == "" && len(p.Actions) > 0, "Actions: is set, and there is no alarm without Replica or ReplicaOf")
	problems.Panic(fmt.Sprintf("data.NewBucket(%q)", id))
}

func (p BucketProps) bucket() *awss3.BucketProps {
	made := &awss3.BucketProps{
		Encryption:             awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:        awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:             jsii.Bool(true),
		MinimumTLSVersion:      jsii.Number(1.2),
		Versioned:              jsii.Bool(true),
		RemovalPolicy:          removal(p.Retain),
		ServerAccessLogsBucket: p.AccessLogs,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:                                  jsii.String("expire"),
			Expiration:                          awscdk.Duration_Days(jsii.Number(p.Days)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(noncurrentDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(multipartDays)),
		}},
	}
	if p.Name != "" {
		made.BucketName = jsii.String(p.Name)
	}
	if p.Key != nil {
		// S3's bucket key asks KMS once in a while instead of for each object.
		made.Encryption, made.EncryptionKey, made.BucketKeyEnabled = awss3.BucketEncryption_KMS, p.Key, jsii.Bool(true)
	}
	if p.AccessLogs != nil {
		made.ServerAccessLogsPrefix = jsii.String("access/")
	}
	return made
}

// Bucket is the one made here, or a reference to the one that exists.
func (b *bucket) Bucket() awss3.IBucket { return b.made }

// Alarms are on what replication leaves behind; empty without it.
func (b *bucket) Alarms() []awscloudwatch.Alarm { return b.alarms }

// GrantArchive allows s3:PutObject under settings.ArchivePrefix, and with a key of the bucket's kms:GenerateDataKey.
func (b *bucket) GrantArchive(grantee awsiam.IGrantable) awsiam.Grant {
	granted := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("s3:PutObject"),
		ResourceArns: &[]*string{b.made.ArnForObjects(jsii.String(settings.ArchivePrefix + "*"))},
	})
	b.acknowledge(grantee)
	if b.key != nil {
		granted = granted.Combine(b.key.Grant(grantee, jsii.String("kms:GenerateDataKey")))
	}
	return granted
}

// acknowledge says why a role of a stack, if that is whom the grant is to, may write more than one object.
func (b *bucket) acknowledge(grantee awsiam.IGrantable) {
	role, ok := grantee.GrantPrincipal().(awsiam.Role)
	if !ok {
		return
	}
	arn := *b.made.BucketArn() // of a bucket that exists
	if made, ok := b.made.Node().DefaultChild().(awscdk.CfnElement); ok {
		arn = "<" + *awscdk.Stack_Of(b).GetLogicalId(made) + ".Arn>"
	}
	nag.Acknowledge(role.Node().FindChild(jsii.String("DefaultPolicy")), nag.Rules{
		"AwsSolutions-IAM5[Resource::" + arn + "/" + settings.ArchivePrefix + "*]": "each file of usage records is an object of its own, named when it is written",
	})
}
