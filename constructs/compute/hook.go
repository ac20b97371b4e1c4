package compute

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/shut"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// HookPackage is the Go package of the program that tests a new version before callers reach it.
const HookPackage = "./runtime/cmd/hook"

// hookTimeout is far more than a smoke test takes: a cold start, a model, and a few attempts.
const hookTimeout = 2 * time.Minute

// HookProps says how a Hook tests.
type HookProps struct {
	Code     binary.Asset      // required; of HookPackage
	Settings settings.Settings // required; of the program that is tested, for whom it lets in

	// KeySecret is the name or ARN of a secret that holds nothing but an API key, or with Settings of tokens a token that
	// is good whenever something is deployed. The hook may read it then and asks with it; with Settings of keys or tokens
	// only. Default none: of such a program it is only seen that it refuses.
	KeySecret string

	// Version is the ARN of a function's version; Address, host and port, is of a balancer whose certificate is for Host.
	// Exactly one of Version and Address is required. With an address Vpc and Subnets are too.
	Version, Address, Host string
	Vpc                    awsec2.IVpc
	Subnets                *awsec2.SubnetSelection
	// ThroughNAT lets the hook call HTTPS anywhere, for a balancer with public addresses; default false: nothing, until
	// its connections are allowed to.
	ThroughNAT bool

	LogRetention int  // days, a number that CloudWatch Logs offers; default 30
	Retain       bool // logs outlive the stack; default false
}

// Hook is the function that tests a new version. It is an IGrantable: what is granted to it is granted to its role.
type Hook interface {
	constructs.Construct
	awsiam.IGrantable
	awsec2.IConnectable // in a VPC only
	// Function is the function itself.
	Function() awslambda.Function
	// Role is what the hook runs with: writing to its log group, reading KeySecret, and in a VPC what Lambda itself needs;
	// nothing else.
	Role() awsiam.Role
}

type hook struct {
	constructs.Construct
	function awslambda.Function
	role     awsiam.Role
}

// NewHook makes a Hook. With bad props it panics with one message that names everything that is wrong.
func NewHook(scope constructs.Construct, id string, props HookProps) Hook {
	if props.LogRetention == 0 {
		props.LogRetention = 30
	}
	props.check(id)
	h := &hook{}
	constructs.NewConstruct_Override(h, scope, jsii.String(id))
	logs := newLogGroup(h, props.LogRetention, props.Retain)
	h.role = awsiam.NewRole(h, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("What the smoke test of the inference gateway may do"),
	})
	logs.GrantWrite(h.role)
	if props.KeySecret != "" {
		stack := awscdk.Stack_Of(h)
		h.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("secretsmanager:GetSecretValue"), Resources: jsii.Strings(access.SecretARN(props.KeySecret, *stack.Region(), *stack.Account())),
		}))
	}
	var groups *[]awsec2.ISecurityGroup
	if props.Vpc != nil {
		grantInterfaces(h, h.role)
		group := shut.NewGroup(h, "Group", props.Vpc, "Smoke test of the inference gateway")
		groups = &[]awsec2.ISecurityGroup{group}
		if props.ThroughNAT {
			shut.ToInternet(group, "Smoke test to the balancer, through NAT")
		}
	}
	environment := map[string]*string{}
	for name, text := range props.told().Encode() {
		environment[name] = jsii.String(text)
	}
	h.function = awslambda.NewFunction(h, jsii.String("Function"), &awslambda.FunctionProps{
		Description:           jsii.String("Smoke test of a new version of the inference gateway"),
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:          awslambda.Architecture_ARM_64(),
		Handler:               jsii.String(binary.Name),
		Code:                  awslambda.Code_FromAsset(jsii.String(props.Code.Dir), nil),
		MemorySize:            jsii.Number(256),
		Timeout:               seconds(hookTimeout),
		Environment:           &environment,
		Role:                  h.role,
		Vpc:                   props.Vpc,
		VpcSubnets:            props.Subnets,
		SecurityGroups:        groups,
		LogGroup:              logs,
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		ApplicationLogLevelV2: awslambda.ApplicationLogLevel_INFO,
		SystemLogLevelV2:      awslambda.SystemLogLevel_INFO,
	})
	return h
}

// told is what the program is told. It asks a model where nobody needs a credential, or it has one.
func (p HookProps) told() settings.Hook {
	told := settings.Hook{Version: p.Version, Address: p.Address, Host: p.Host, KeySecret: p.KeySecret}
	if mode := p.Settings.Auth.Mode; mode == settings.AuthKeys || mode == settings.AuthOIDC {
		told.Auth = mode
	}
	if told.Auth == "" || told.KeySecret != "" {
		told.Model, told.MessagesModel = asked(p.Settings.Aliases)
	}
	return told
}

// asked is the first alias that both surfaces serve: every target of it is Anthropic's. Without such a one it is the first
// of all, on OpenAI's surface alone.
func asked(aliases []settings.Alias) (model, messages string) {
	for _, alias := range aliases {
		if !slices.ContainsFunc(alias.Targets, func(t settings.Target) bool { return !strings.Contains("."+t.Model, ".anthropic.") }) {
			return alias.Name, alias.Name
		}
	}
	if len(aliases) > 0 {
		model = aliases[0].Name
	}
	return model, ""
}

// Function is called by the service that deploys, without a version.
func (h *hook) Function() awslambda.Function { return h.function }

// Role is what the hook may do. To call what it tests, whoever places it grants it more.
func (h *hook) Role() awsiam.Role { return h.role }

// GrantPrincipal makes the hook an IGrantable.
func (h *hook) GrantPrincipal() awsiam.IPrincipal { return h.role.GrantPrincipal() }

// Connections makes the hook an IConnectable.
func (h *hook) Connections() awsec2.Connections { return h.function.Connections() }

func (p HookProps) check(id string) {
	var problems check.Problems
	problems.If(p.Code.Dir == "" || p.Code.Package != HookPackage, "Code: is of %q; build %s with constructs/binary", p.Code.Package, HookPackage)
	problems.If((p.Version == "") == (p.Address == ""), "Version: is %q, and Address is %q; exactly one says what is tested", p.Version, p.Address)
	mode := p.Settings.Auth.Mode
	problems.If(p.KeySecret != "" && mode != settings.AuthKeys && mode != settings.AuthOIDC, "KeySecret: is %q, and Settings.Auth.Mode is %q; a credential is for %q and %q",
		p.KeySecret, mode, settings.AuthKeys, settings.AuthOIDC)
	problems.If((p.Address == "") != (p.Host == ""), "Host: is %q, and Address is %q; they belong together", p.Host, p.Address)
	problems.If((p.Address == "") != (p.Vpc == nil) || (p.Address == "") != (p.Subnets == nil), "Vpc: Address, Vpc and Subnets belong together")
	_, offered := retention(p.LogRetention)
	problems.If(!offered, "LogRetention: is %d days, which CloudWatch Logs does not offer", p.LogRetention)
	problems.Panic(fmt.Sprintf("compute.NewHook(%q)", id))
}
