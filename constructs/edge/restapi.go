// Package edge is what stands between callers and the gateway: a REST API in front of a function, a load balancer in
// front of containers and instances, and a web ACL in front of either. HTTP APIs are no choice: they cut every answer at
// 30 s, cannot stream and take no WAF.
//
// It must not know what the gateway does with a request, nor what runs it; which endpoints there are, and which of them
// stream, is runtime/endpoint.
package edge

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// StageName is the name of the API's one deployment stage, and so the first part of every path from outside.
const StageName = "live"

// Authorizer says who may call an API.
type Authorizer string

// The authorizers.
const (
	AuthorizerIAM  Authorizer = "iam"  // whoever IAM allows; callers sign their requests
	AuthorizerNone Authorizer = "none" // anyone
)

// RestApiProps says what a RestApi is in front of.
type RestApiProps struct {
	Handler awslambda.IFunction // required; a function's alias

	// StreamTimeout is how long a streamed answer may take, at most 15 min; give it the function's timeout, so that the
	// API is not the first to give up. Default 300 s. Answers that do not stream have API Gateway's 29 s.
	StreamTimeout time.Duration
	Authorizer    Authorizer // of every method; default AuthorizerIAM
	OpenReason    string     // why anyone may call: required for AuthorizerNone, else empty; shown in the API's description

	Domain   *Domain      // a name of its own; default nil: AWS's name, with the stage in every path
	Firewall *WebACLProps // a web ACL in front; default nil: none
}

// RestApi is a regional REST API with every endpoint of the gateway. Whatever path or method is asked for reaches the
// gateway, so that what it does not serve is refused in its own words.
type RestApi interface {
	constructs.Construct
	// Api is the REST API itself.
	Api() awsapigateway.RestApi
	// Url is the base URL, with a slash at its end: the domain's, or AWS's with the stage.
	Url() *string
	// Firewall is the web ACL in front; nil without one.
	Firewall() WebACL
	// GrantInvoke lets the grantee call every endpoint of an API with AuthorizerIAM.
	GrantInvoke(grantee awsiam.IGrantable) awsiam.Grant
}

type restApi struct {
	constructs.Construct
	api      awsapigateway.RestApi
	url      *string
	firewall WebACL
	serves   awscertificatemanager.ICertificate // with a domain
	further  []awsapigateway.DomainName         // of Domain.Further
}

// NewRestApi makes a RestApi. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewRestApi(scope constructs.Construct, id string, props RestApiProps) RestApi {
	props = props.filled()
	props.check(id)
	r := &restApi{}
	constructs.NewConstruct_Override(r, scope, jsii.String(id))
	var shut *bool // CDK leaves nil out of the template
	if props.Domain != nil {
		shut = jsii.Bool(true)
	}
	r.api = awsapigateway.NewRestApi(r, jsii.String("Api"), &awsapigateway.RestApiProps{
		RestApiName:   awscdk.Stack_Of(r).StackName(),
		Description:   jsii.String(props.description()),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		// The role for API Gateway's logs is a setting of the whole account, and not ours to change.
		CloudWatchRole:       jsii.Bool(false),
		DeployOptions:        &awsapigateway.StageOptions{StageName: jsii.String(StageName)},
		DefaultMethodOptions: &awsapigateway.MethodOptions{AuthorizationType: props.authorization()},
		DomainName:           props.Domain.options(r),

		DisableExecuteApiEndpoint: shut,
	})
	r.url = r.api.Url()
	if props.Domain != nil {
		r.url = jsii.String("https://" + props.Domain.Name + "/")
		r.addFurther(props.Domain)
		r.record(props.Domain)
	}
	r.api.Node().TryRemoveChild(jsii.String("Endpoint")) // CDK's own output, which says what Url does
	r.addMethods(props)
	r.acknowledge(props)
	if props.Firewall != nil {
		r.firewall = NewWebACL(r, "Firewall", *props.Firewall)
		r.firewall.Associate("Stage", r.api.DeploymentStage().StageArn())
	}
	return r
}

// acknowledge says why the API is as it is.
func (r *restApi) acknowledge(props RestApiProps) {
	const account = "API Gateway logs with a role that is a setting of the whole account; "
	nag.Acknowledge(r.api, nag.Rules{
		"AwsSolutions-APIG2": "the program validates each request itself, and answers in the words of the API that its caller speaks",
	})
	nag.Acknowledge(r.api.DeploymentStage(), nag.Rules{
		"AwsSolutions-APIG1": account + "the program writes a record of each request it gets, and metrics count what is refused before it",
		"AwsSolutions-APIG6": account + "execution logs would hold prompts besides, and the log has no prompt",
	})
	rules := nag.Rules{"AwsSolutions-COG4": "callers are programs: they sign with IAM, or the program itself asks for their API key or token"}
	if props.Authorizer != AuthorizerIAM {
		rules["AwsSolutions-APIG4"] = "anyone may call: " + props.OpenReason
	}
	for _, method := range *r.api.Methods() {
		nag.Acknowledge(method, rules)
	}
}

// addMethods makes a method of each endpoint, and on each path one for all other methods.
func (r *restApi) addMethods(props RestApiProps) {
	stream := integration(props.Handler, &awsapigateway.LambdaIntegrationOptions{
		ResponseTransferMode: awsapigateway.ResponseTransferMode_STREAM,
		Timeout:              awscdk.Duration_Seconds(jsii.Number(props.StreamTimeout.Seconds())),
	})
	buffered := integration(props.Handler, &awsapigateway.LambdaIntegrationOptions{
		ResponseTransferMode: awsapigateway.ResponseTransferMode_BUFFERED,
	})
	root := r.api.Root()
	other := func(resource awsapigateway.IResource) {
		resource.AddMethod(jsii.String("ANY"), buffered, nil)
	}
	other(root)
	met := map[string]bool{}
	for _, e := range endpoint.All() {
		resource := root
		for part := range strings.SplitSeq(strings.Trim(e.Path, "/"), "/") {
			next := resource.GetResource(jsii.String(part))
			if next == nil {
				next = resource.AddResource(jsii.String(part), nil)
			}
			resource = next
			if path := *resource.Path(); !met[path] {
				met[path] = true
				other(resource)
			}
		}
		with := buffered
		if e.Streams {
			with = stream
		}
		resource.AddMethod(jsii.String(e.Method), with, nil)
	}
	other(root.AddResource(jsii.String("{proxy+}"), nil))
}

// integration gives the API one permission to call the function. One for each method would be no narrower, for the
// methods together take every path.
func integration(handler awslambda.IFunction, options *awsapigateway.LambdaIntegrationOptions) awsapigateway.LambdaIntegration {
	options.ScopePermissionToMethod = jsii.Bool(false)
	return awsapigateway.NewLambdaIntegration(handler, options)
}

// Api is the API with its one stage, StageName.
func (r *restApi) Api() awsapigateway.RestApi { return r.api }

// Url is known at deployment only, unless the API has a domain.
func (r *restApi) Url() *string { return r.url }

// Firewall is the web ACL of the stage; nil where props asked for none.
func (r *restApi) Firewall() WebACL { return r.firewall }

// GrantInvoke allows execute-api:Invoke on every method and path of the stage StageName.
func (r *restApi) GrantInvoke(grantee awsiam.IGrantable) awsiam.Grant {
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("execute-api:Invoke"),
		ResourceArns: jsii.Strings(*r.api.ArnForExecuteApi(nil, nil, jsii.String(StageName))),
	})
}

func (p RestApiProps) filled() RestApiProps {
	if p.StreamTimeout == 0 {
		p.StreamTimeout = 300 * time.Second
	}
	if p.Authorizer == "" {
		p.Authorizer = AuthorizerIAM
	}
	return p
}

func (p RestApiProps) check(id string) {
	var problems check.Problems
	problems.If(p.Handler == nil, "Handler: is nil; give a function's alias")
	problems.If(p.StreamTimeout < time.Second || p.StreamTimeout > 15*time.Minute,
		"StreamTimeout: is %s; allowed is 1s to 15m", p.StreamTimeout)
	open := p.Authorizer == AuthorizerNone
	problems.If(!open && p.Authorizer != AuthorizerIAM, "Authorizer: is %q; allowed are %q and %q",
		p.Authorizer, AuthorizerIAM, AuthorizerNone)
	problems.If(open && p.OpenReason == "", "OpenReason: is empty; say why anyone may call, or set Authorizer to %q", AuthorizerIAM)
	problems.If(!open && p.OpenReason != "", "OpenReason: is only for Authorizer %q; remove it", AuthorizerNone)
	p.Domain.check(&problems)
	if p.Firewall != nil {
		p.Firewall.collect(&problems, "Firewall.")
	}
	problems.Panic(fmt.Sprintf("edge.NewRestApi(%q)", id))
}

func (p RestApiProps) authorization() awsapigateway.AuthorizationType {
	if p.Authorizer == AuthorizerNone {
		return awsapigateway.AuthorizationType_NONE
	}
	return awsapigateway.AuthorizationType_IAM
}

func (p RestApiProps) description() string {
	const text = "Inference gateway in front of Amazon Bedrock"
	if p.Authorizer == AuthorizerNone {
		return text + ", open to anyone: " + p.OpenReason
	}
	return text
}
