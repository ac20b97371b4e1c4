package compute

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
)

// Canary moves a function's callers to a new version in steps, by CodeDeploy: after a smoke test, and back when an alarm
// goes off. The first deployment, which makes the alias, needs none of it and waits for none.
type Canary struct {
	Hook binary.Asset // required; of HookPackage
	// KeySecret is what the smoke test asks with; see HookProps.
	KeySecret string
	// Config says in which steps; default a tenth for five minutes, then the rest.
	Config awscodedeploy.ILambdaDeploymentConfig
	Front  *Front                 // of the default alarms; default nil
	Alarms []awscloudwatch.IAlarm // that move callers back; default those of NewAlarms
}

// rollOut gives the alias to CodeDeploy.
func (f *function) rollOut(props FunctionProps) {
	canary := *props.Canary
	if canary.Config == nil {
		canary.Config = awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_5MINUTES()
	}
	if canary.Alarms == nil {
		canary.Alarms = NewAlarms(f, "Alarms", AlarmsProps{Settings: props.Settings, Front: canary.Front})
	}
	hook := NewHook(f, "Hook", HookProps{
		Code: canary.Hook, Settings: props.Settings, KeySecret: canary.KeySecret, Version: *f.function.CurrentVersion().FunctionArn(),
		LogRetention: props.LogRetention, Retain: props.Retain,
	})
	// Every version, so that the policy stays the same from one to the next.
	hook.Role().AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: jsii.Strings(*f.function.FunctionArn() + ":*"),
	}))
	id := *awscdk.Stack_Of(f).GetLogicalId(f.function.Node().DefaultChild().(awscdk.CfnElement))
	nag.Acknowledge(hook.Role().Node().FindChild(jsii.String("DefaultPolicy")), nag.Rules{
		"AwsSolutions-IAM5[Resource::<" + id + ".Arn>:*]": "each deployment has another version of this one function to test",
	})
	awscodedeploy.NewLambdaDeploymentGroup(f, jsii.String("Deployment"), &awscodedeploy.LambdaDeploymentGroupProps{
		Alias: f.alias,
		// Closed, for CDK would add a managed policy that lets the role move the alias of every function.
		Role:             f.newDeployer(hook).WithoutPolicyUpdates(nil),
		DeploymentConfig: canary.Config,
		Alarms:           alarmRefs(canary.Alarms),
		PreHook:          hook.Function(),
		AutoRollback: &awscodedeploy.AutoRollbackConfig{
			FailedDeployment: jsii.Bool(true), StoppedDeployment: jsii.Bool(true), DeploymentInAlarm: jsii.Bool(true),
		},
	})
}

// newDeployer is what CodeDeploy moves the alias with: the part of AWSCodeDeployRoleForLambdaLimited that a deployment
// by CloudFormation uses, on this function alone.
func (f *function) newDeployer(hook Hook) awsiam.Role {
	role := awsiam.NewRole(f, jsii.String("DeployerRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codedeploy.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": account(f)}},
		}),
		Description: jsii.String("What CodeDeploy may do to move callers of the inference gateway to a new version"),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"),
		Resources: jsii.Strings(*f.function.FunctionArn(), *f.function.FunctionArn()+":"+AliasName),
	}))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("lambda:InvokeFunction"),
		Resources: jsii.Strings(*hook.Function().FunctionArn()),
	}))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("cloudwatch:DescribeAlarms"),
		Resources: jsii.Strings("*"),
	}))
	acknowledgeAll(role, "CodeDeploy asks for the state of alarms, which is no secret, in a way that AWS's own policy allows on all")
	return role
}
