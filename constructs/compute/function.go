package compute

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// AliasName is the name of the alias that callers use, so that what is deployed can be moved under them.
const AliasName = "live"

// maxVariablesBytes is how much Lambda allows for the names and values of all environment variables of a function.
const maxVariablesBytes = 4096

// FunctionProps says what a Function runs and with what.
type FunctionProps struct {
	Code     binary.Asset      // required
	Settings settings.Settings // required; what the program is told. Its variant must be settings.VariantServerless
	Models   []access.Target   // required; must cover every target of Settings

	Memory              int           // MB, 128 to 10240; default 1024
	Timeout             time.Duration // whole seconds to 15 min, more than Settings.RequestTimeout; default 300 s
	LogRetention        int           // days, a number that CloudWatch Logs offers; default 30
	ReservedConcurrency int           // executions kept for, and at most used by, the function; default 0: none reserved
	Retain              bool          // logs and old versions outlive the stack; default false
	Canary              *Canary       // default nil: every caller gets a new version at once

	// Vpc is where the function's network interfaces are; default nil: none, and Bedrock is reached by its public address.
	Vpc           awsec2.IVpc
	Subnets       *awsec2.SubnetSelection // with Vpc; default: the private subnets, else the isolated ones
	SecurityGroup awsec2.ISecurityGroup   // with Vpc, and required there
}

// Function is the gateway as a Lambda function on Graviton, to be called through its alias. It is an IGrantable: what
// is granted to it is granted to its role.
type Function interface {
	constructs.Construct
	awsiam.IGrantable
	// Function is the function itself; call it through Alias.
	Function() awslambda.Function
	// Alias is the alias AliasName, which points at the deployed version.
	Alias() awslambda.Alias
	// Role is what the function runs with: writing to its log group, calling its models and, where callers have API keys,
	// reading the secret with their hashes, and where they rate answers that of feedback ids; in a VPC, what Lambda itself
	// needs for the network interfaces; nothing else.
	Role() awsiam.Role
	// LogGroup holds the function's JSON logs and its metrics in EMF.
	LogGroup() awslogs.LogGroup
	// GrantInvoke lets the grantee call the function directly, through its alias.
	GrantInvoke(grantee awsiam.IGrantable) awsiam.Grant
	// Metric is a metric that the program emits, over all models: counts summed, milliseconds at p95, over five minutes.
	// Options, which may be nil, change that.
	Metric(m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric
}

type function struct {
	constructs.Construct
	told     settings.Settings
	function awslambda.Function
	alias    awslambda.Alias
	role     awsiam.Role
	logs     awslogs.LogGroup
}

// NewFunction makes a Function. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewFunction(scope constructs.Construct, id string, props FunctionProps) Function {
	props = props.filled()
	models, err := access.New(*awscdk.Stack_Of(scope).Account(), props.Models)
	props.check(id, account(scope), err)
	f := &function{told: props.Settings}
	constructs.NewConstruct_Override(f, scope, jsii.String(id))
	days, _ := retention(props.LogRetention) // checked
	f.logs = awslogs.NewLogGroup(f, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention:     days,
		RemovalPolicy: removal(props.Retain),
	})
	// A role of its own, for the one that CDK would make carries a managed policy that allows writing to every log group.
	f.role = awsiam.NewRole(f, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("What the inference gateway's function may do"),
	})
	f.logs.GrantWrite(f.role)
	models.Grant(f.role)
	grantSecrets(f, f.role, props.Settings)
	if props.Vpc != nil {
		grantInterfaces(f, f.role)
	}
	f.function = f.newFunction(props)
	f.alias = awslambda.NewAlias(f, jsii.String("Alias"), &awslambda.AliasProps{
		AliasName: jsii.String(AliasName),
		Version:   f.function.CurrentVersion(),
	})
	if props.Canary != nil {
		f.rollOut(props)
	}
	return f
}

// grantSecrets lets a program's role read the secrets that the program is told of, by name or by ARN. A secret under a
// KMS key of its own needs the right to decrypt with that too; grant it to the construct.
func grantSecrets(scope constructs.Construct, role awsiam.Role, told settings.Settings) {
	secrets := told.Secrets()
	if len(secrets) == 0 {
		return
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("secretsmanager:GetSecretValue"),
		Resources: jsii.Strings(access.SecretARNs(secrets, region(scope), account(scope))...),
	}))
}

// grantInterfaces lets Lambda make a function's network interfaces, which it does as the function's role. The actions
// know no resource to name. The function's own code is kept from them: only its calls carry the key of the condition.
func grantInterfaces(scope constructs.Construct, role awsiam.Role) {
	actions := jsii.Strings("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
		"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses")
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: actions, Resources: jsii.Strings("*")}))
	acknowledgeAll(role, "Lambda makes the network interfaces with the function's role, and the actions know no resource; the function's own code is denied them")
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Effect: awsiam.Effect_DENY, Actions: actions, Resources: jsii.Strings("*"),
		Conditions: &map[string]any{"ArnLike": map[string]any{
			"lambda:SourceFunctionArn": "arn:aws:lambda:" + region(scope) + ":" + account(scope) + ":function:*",
		}},
	}))
}

func (f *function) newFunction(props FunctionProps) awslambda.Function {
	var reserved *float64
	if props.ReservedConcurrency > 0 {
		reserved = jsii.Number(props.ReservedConcurrency)
	}
	var groups *[]awsec2.ISecurityGroup
	if props.Vpc != nil {
		groups = &[]awsec2.ISecurityGroup{props.SecurityGroup}
	}
	fn := awslambda.NewFunction(f, jsii.String("Function"), &awslambda.FunctionProps{
		Description:                  jsii.String("Inference gateway in front of Amazon Bedrock"),
		Runtime:                      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:                 awslambda.Architecture_ARM_64(),
		Handler:                      jsii.String(binary.Name),
		Code:                         awslambda.Code_FromAsset(jsii.String(props.Code.Dir), nil),
		MemorySize:                   jsii.Number(props.Memory),
		Timeout:                      seconds(props.Timeout),
		Environment:                  variables(props.Settings),
		Role:                         f.role,
		Vpc:                          props.Vpc,
		VpcSubnets:                   props.Subnets,
		SecurityGroups:               groups,
		LogGroup:                     f.logs,
		LoggingFormat:                awslambda.LoggingFormat_JSON,
		ReservedConcurrentExecutions: reserved,
		CurrentVersionOptions:        &awslambda.VersionOptions{RemovalPolicy: removal(props.Retain)},
		// The program filters its own log. Lambda must drop nothing: a line without a level, such as a metric in EMF,
		// counts as INFO there and would be lost with it.
		ApplicationLogLevelV2: awslambda.ApplicationLogLevel_DEBUG,
		SystemLogLevelV2:      awslambda.SystemLogLevel_INFO,
	})
	resource := fn.Node().DefaultChild().(awscdk.CfnResource)
	resource.AddMetadata(jsii.String(settings.BinaryMetadata), props.Code.Package)
	return fn
}

// Function is the function without a version: what is called is the Alias.
func (f *function) Function() awslambda.Function { return f.function }

// Alias points at the version that the template makes, and during a canary at the one before, too.
func (f *function) Alias() awslambda.Alias { return f.alias }

// Role is what the program may do.
func (f *function) Role() awsiam.Role { return f.role }

// LogGroup takes what the program prints, and Lambda's own records.
func (f *function) LogGroup() awslogs.LogGroup { return f.logs }

// GrantPrincipal makes the function an IGrantable.
func (f *function) GrantPrincipal() awsiam.IPrincipal { return f.role.GrantPrincipal() }

// GrantInvoke allows to call the Alias, and no version by its number.
func (f *function) GrantInvoke(grantee awsiam.IGrantable) awsiam.Grant {
	return f.alias.GrantInvoke(grantee)
}

// Metric is a metric of the program over all versions and models. Options may be nil.
func (f *function) Metric(m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return gatewayMetric(f.told, m, options)
}

func (p FunctionProps) filled() FunctionProps {
	if p.Memory == 0 {
		p.Memory = 1024
	}
	if p.Timeout == 0 {
		p.Timeout = 300 * time.Second
	}
	if p.LogRetention == 0 {
		p.LogRetention = 30
	}
	return p
}

func (p FunctionProps) check(id, account string, accessErr error) {
	var problems check.Problems
	problems.If(p.Code.Dir == "" || p.Code.Package == "", "Code: is empty; build it with constructs/binary")
	problems.If(accessErr != nil, "Models: %v", accessErr)
	for _, problem := range wrong(p.Settings, p.grants) {
		problems.If(true, "%s", problem)
	}
	checkOff(&problems, p.Settings.Auth, account)
	problems.If(p.Settings.Variant != settings.VariantServerless, "Settings: variant is %q; a function is %q",
		p.Settings.Variant, settings.VariantServerless)
	problems.If(p.Memory < 128 || p.Memory > 10240, "Memory: is %d MB; allowed is 128 to 10240", p.Memory)
	problems.If(p.Timeout < time.Second || p.Timeout > 15*time.Minute || p.Timeout%time.Second != 0,
		"Timeout: is %s; allowed are whole seconds from 1s to 15m", p.Timeout)
	problems.If(p.Settings.RequestTimeout >= p.Timeout, "Timeout: is %s; it must be more than Settings.RequestTimeout, %s, "+
		"or Lambda ends the function before it can answer", p.Timeout, p.Settings.RequestTimeout)
	_, offered := retention(p.LogRetention)
	problems.If(!offered, "LogRetention: is %d days, which CloudWatch Logs does not offer", p.LogRetention)
	problems.If(p.Vpc != nil && p.SecurityGroup == nil, "SecurityGroup: is nil; Network.NewWorkloadGroup makes one")
	problems.If(p.Vpc == nil && (p.Subnets != nil || p.SecurityGroup != nil), "Vpc: is nil, and Subnets and SecurityGroup are of one; give it, or remove them")
	problems.If(p.Canary != nil && p.Canary.Hook.Dir == "", "Canary: Hook is empty; build it with constructs/binary")
	problems.If(p.ReservedConcurrency < 0, "ReservedConcurrency: is %d; allowed is 0 for none, or more", p.ReservedConcurrency)
	size := unmade(p.Settings)
	for name, text := range p.Settings.Encode() {
		size += len(name) + len(text)
	}
	problems.If(size > maxVariablesBytes, "Settings: make %d bytes of environment variables; Lambda allows %d", size, maxVariablesBytes)
	problems.Panic(fmt.Sprintf("compute.NewFunction(%q)", id))
}

func (p FunctionProps) grants(called settings.Target) bool { return covers(p.Models)(called) }
