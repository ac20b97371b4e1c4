package network

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
)

// MaxPolicyBytes is how large an endpoint's policy may be, in bytes; AWS counts white space too, and there is none.
const MaxPolicyBytes = 20_480

// keyAccount is the condition key of the account whose principal calls.
const keyAccount = "aws:PrincipalAccount"

// Statement is what may pass an endpoint. Its principal is anyone of the stack's account: the role's own policy says
// who of them may.
type Statement struct {
	Actions   []string          // required
	Resources []string          // required, ARNs
	Equals    map[string]string // further condition keys of StringEquals; nil for none
	Like      map[string]string // condition keys of StringLike; nil for none

	public bool // for callers of other accounts, or of none: reading what AWS publishes
}

// ModelStatements are a role's statements on models, for the policy of BedrockRuntime. A target's Profile may be that
// of all application inference profiles of a Region, as in
// arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/*, for which a role has no use: the endpoint is
// there before they are.
func ModelStatements(models access.Models) []Statement {
	var statements []Statement
	for _, s := range models.Statements() {
		statement := Statement{Actions: access.Actions(), Resources: s.Resources}
		for key, text := range s.Equals {
			into := &statement.Equals
			if strings.HasSuffix(text, "/*") {
				into = &statement.Like
			}
			if *into == nil {
				*into = map[string]string{}
			}
			(*into)[key] = text
		}
		statements = append(statements, statement)
	}
	return statements
}

// Signal is what lets instances tell CloudFormation that they work, for the stack of an ARN. An instance signs that with
// its identity document and not as a principal of IAM, so that no condition on the account would hold; the ARN has it.
func Signal(stackARN string) Statement {
	return Statement{Actions: []string{"cloudformation:SignalResource"}, Resources: []string{stackARN}, public: true}
}

func (s Statement) iam(account string) awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings(s.Actions...),
		Resources:  jsii.Strings(s.Resources...),
	}
	equals := anyOf(s.Equals)
	if !s.public {
		equals[keyAccount] = account
	}
	conditions := map[string]any{}
	for operator, values := range map[string]map[string]any{"StringEquals": equals, "StringLike": anyOf(s.Like)} {
		if len(values) > 0 {
			conditions[operator] = values
		}
	}
	if len(conditions) > 0 {
		props.Conditions = &conditions
	}
	return awsiam.NewPolicyStatement(props)
}

func anyOf(texts map[string]string) map[string]any {
	values := map[string]any{}
	for key, text := range texts {
		values[key] = text
	}
	return values
}

// usual is the policy of a service whose callers are AWS's agents, or that has nothing to tell apart. Nil for one that
// only the caller can narrow.
func usual(service Service, account, region string) []Statement {
	arn := func(resource string) []string {
		return []string{"arn:aws:" + string(service) + ":" + region + ":" + account + ":" + resource}
	}
	switch service {
	case Logs:
		return []Statement{{Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: arn("log-group:*")}}
	case Monitoring:
		return []Statement{{Actions: []string{"cloudwatch:PutMetricData"}, Resources: []string{"*"}}}
	case STS:
		return []Statement{{Actions: []string{"sts:AssumeRole", "sts:GetCallerIdentity"}, Resources: []string{"*"}}}
	case ECRAPI, ECRDocker:
		return []Statement{
			{Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []string{"*"}},
			{Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
				Resources: []string{"arn:aws:ecr:" + region + ":" + account + ":repository/*"}},
		}
	case SSM:
		return []Statement{{Actions: []string{"ssm:UpdateInstanceInformation"}, Resources: []string{"*"}}}
	case SSMMessages:
		return []Statement{{Actions: []string{"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
			"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"}, Resources: []string{"*"}}}
	case CloudFormation:
		return []Statement{Signal("arn:aws:cloudformation:" + region + ":" + account + ":stack/*")}
	case EC2Messages:
		return []Statement{{Actions: []string{"ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage",
			"ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply"}, Resources: []string{"*"}}}
	}
	return nil
}

// platform is what a variant reads from buckets of AWS's own. ECR signs the address of a layer as itself and packages
// are fetched unsigned, so that no condition on the account would hold.
func platform(needs Needs, region string) []Statement {
	var statements []Statement
	read := func(bucket string) {
		statements = append(statements, Statement{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::" + bucket + "/*"}, public: true})
	}
	if needs.Containers {
		read("prod-" + region + "-starport-layer-bucket")
	}
	if needs.Instances {
		read("al2023-repos-" + region + "-de612dc2") // the suffix is the same in every Region
	}
	return statements
}

// size is about that of the policy; exact but for tokens, which get shorter or longer in the template.
func size(statements []Statement) int {
	total := len(`{"Version":"2012-10-17","Statement":[]}`)
	for _, s := range statements {
		total += len(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":[],"Resource":[],"Condition":{"StringEquals":{}}},`)
		for _, text := range append(append([]string{}, s.Actions...), s.Resources...) {
			total += len(text) + 3
		}
		for _, values := range []map[string]string{s.Equals, s.Like} {
			for key, text := range values {
				total += len(key) + len(text) + 6
			}
		}
		if len(s.Like) > 0 {
			total += len(`,"StringLike":{}`)
		}
		total += len(keyAccount) + 12 + 6
	}
	return total
}
