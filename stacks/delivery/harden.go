package delivery

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
)

// artifactDays is how long what one step leaves for the next is kept: as long as a stage may be rolled back to it.
const artifactDays = 90

// newArtifacts makes the bucket of what one step leaves for the next. Other accounts read it, which takes a key of ours.
func newArtifacts(stack awscdk.Stack) awss3.Bucket {
	key := awskms.NewKey(stack, jsii.String("ArtifactsKey"), &awskms.KeyProps{
		Description:       jsii.String("Artifacts of the delivery pipeline"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	return awss3.NewBucket(stack, jsii.String("Artifacts"), &awss3.BucketProps{
		EncryptionKey:     key,
		Encryption:        awss3.BucketEncryption_KMS,
		BucketKeyEnabled:  jsii.Bool(true),
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                          awscdk.Duration_Days(jsii.Number(artifactDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
		}},
	})
}

// harden narrows what CDK makes wider than the pipeline needs, and says of the rest why it stays.
func harden(stack awscdk.Stack, line pipelines.CodePipeline, connection string) {
	narrowAssets(line)
	narrowUpdate(line)
	useConnection(line, connection)
	for _, child := range *stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if policy, ok := child.(awsiam.CfnPolicy); ok {
			nag.Acknowledge(policy, nag.Rules{"AwsSolutions-IAM5": "CDK Pipelines grants its steps the artifacts by families of actions, their own logs " +
				"and reports by prefix, and the roles of the bootstrap by tag; test/synth lists what is on every resource"})
		}
	}
	nag.Acknowledge(stack.Node().FindChild(jsii.String("Artifacts")), nag.Rules{"AwsSolutions-S1": noAccessLogs})
	for _, support := range *line.Pipeline().CrossRegionSupport() {
		for _, child := range *support.Stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
			switch resource := child.(type) {
			case awskms.CfnKey:
				resource.SetEnableKeyRotation(jsii.Bool(true))
			case awss3.CfnBucket:
				nag.Acknowledge(resource, nag.Rules{"AwsSolutions-S1": noAccessLogs})
			}
		}
	}
}

const noAccessLogs = "only the roles of the pipeline read and write its artifacts, which are a checkout and what was synthesized from it"

// narrowAssets takes from the roles that publish assets what CDK gives them on every project of the account: each may
// write its own logs and reports, and start nothing.
func narrowAssets(line pipelines.CodePipeline) {
	assets := line.Node().FindChild(jsii.String("Assets"))
	for _, kind := range []string{"File", "Docker"} {
		role, publishes := assets.Node().TryFindChild(jsii.String(kind + "Role")).(awsiam.Role)
		if !publishes {
			continue
		}
		project := assets.Node().FindChild(jsii.String(kind + "Asset")).(awscodebuild.PipelineProject)
		policy := role.Node().FindChild(jsii.String("DefaultPolicy")).Node().DefaultChild().(awsiam.CfnPolicy)
		stack := awscdk.Stack_Of(line)
		own := func(service, resource, name string) *string {
			return stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
				ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME})
		}
		policy.AddPropertyOverride(jsii.String("PolicyDocument.Statement.0.Resource"), own("logs", "log-group", "/aws/codebuild/"+*project.ProjectName()+"*"))
		policy.AddPropertyOverride(jsii.String("PolicyDocument.Statement.1.Resource"),
			stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("codebuild"), Resource: jsii.String("report-group"), ResourceName: jsii.String(*project.ProjectName() + "-*")}))
		policy.AddPropertyOverride(jsii.String("PolicyDocument.Statement.2.Resource"), project.ProjectArn())
	}
}

// narrowUpdate lets the update of the pipeline take the roles of CDK's bootstrap by name. CDK asks for a tag alone, which
// whoever may tag roles can set.
func narrowUpdate(line pipelines.CodePipeline) {
	var at constructs.IConstruct = line
	for _, name := range []string{"UpdatePipeline", "SelfMutation", "Role", "DefaultPolicy"} {
		at = at.Node().FindChild(jsii.String(name))
	}
	at.Node().DefaultChild().(awsiam.CfnPolicy).AddPropertyOverride(jsii.String("PolicyDocument.Statement.2.Resource"),
		awscdk.Stack_Of(line).FormatArn(&awscdk.ArnComponents{Service: jsii.String("iam"), Region: jsii.String(""), Resource: jsii.String("role"),
			ResourceName: jsii.String("cdk-" + *awscdk.DefaultStackSynthesizer_DEFAULT_QUALIFIER() + "-*")}))
}

// useConnection grants the connection to the source by the action's newer name too; step does so for the checkouts. CDK
// knows the older name alone, and AWS asks for the one that the connection's ARN begins with.
func useConnection(line pipelines.CodePipeline, connection string) {
	var at constructs.IConstruct = line.Pipeline()
	for _, name := range []string{"Source", "Source", "CodePipelineActionRole"} {
		at = at.Node().FindChild(jsii.String(name))
	}
	at.(awsiam.Role).AddToPolicy(useOf(connection))
}

func useOf(connection string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codeconnections:UseConnection"), Resources: jsii.Strings(connection),
	})
}
