package synth

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/network"
)

// endpoints are the endpoints of a template by the name of their service without Region.
func (tp template) endpoints(t *testing.T) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for _, r := range tp.all("AWS::EC2::VPCEndpoint") {
		name := r.Properties["ServiceName"]
		text, ok := name.(string)
		if !ok { // Fn::Join of the Region
			text = compact(t, name)
		}
		for _, service := range []string{"ecr.api", "ecr.dkr"} {
			if strings.HasSuffix(strings.Trim(text, `"]}`), service) {
				text = "." + strings.ReplaceAll(service, ".", "-")
			}
		}
		text = strings.Trim(text, `"]}`)
		found[strings.ReplaceAll(text[strings.LastIndex(text, ".")+1:], "ecr-", "ecr.")] = r
	}
	return found
}

func TestEachVariantHasTheEndpointsItNeeds(t *testing.T) {
	servers := []string{"bedrock-runtime", "logs", "s3"}
	containers := append([]string{"ecr.api", "ecr.dkr"}, servers...)
	instances := append([]string{"cloudformation", "ssm", "ssmmessages"}, servers...)
	own := map[network.Service][]network.Statement{
		network.SecretsManager: {{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:us-east-1:123456789012:secret:keys"}}},
		network.DynamoDB:       {{Actions: []string{"dynamodb:GetItem"}, Resources: []string{"arn:aws:dynamodb:us-east-1:123456789012:table/budgets"}}},
		network.S3:             someBucket,
	}
	tests := []struct {
		name  string
		needs network.Needs
		also  []network.Service
		own   []network.Service
		want  []string
	}{
		{"function", network.Needs{Function: true}, nil, nil, []string{"bedrock-runtime"}},
		{"containers", network.Needs{Containers: true}, nil, nil, containers},
		{"containers whose models are elsewhere", network.Needs{Containers: true, Elsewhere: true}, nil, nil, []string{"ecr.api", "ecr.dkr", "logs", "s3"}},
		{"instances", network.Needs{Instances: true}, nil, []network.Service{network.S3}, instances},
		{"all of it", network.Needs{Containers: true, Instances: true, Function: true, Secrets: true, Archive: true, DynamoDB: true}, nil,
			[]network.Service{network.S3, network.SecretsManager, network.DynamoDB},
			append([]string{"dynamodb", "ecr.api", "ecr.dkr", "secretsmanager"}, instances...)},
		{"one more", network.Needs{Function: true}, []network.Service{network.Monitoring}, nil, []string{"bedrock-runtime", "monitoring"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := forContainers(t)
			props.Needs, props.Also = test.needs, test.also
			if test.needs.Elsewhere {
				delete(props.Policies, network.BedrockRuntime)
			}
			for _, service := range test.own {
				props.Policies[service] = own[service]
			}
			tp := networkTemplate(t, props)
			endpoints := tp.endpoints(t)
			if diff := cmp.Diff(slices.Sorted(slices.Values(test.want)), slices.Sorted(maps.Keys(endpoints))); diff != "" {
				t.Error(diff)
			}
			for service, r := range endpoints {
				p := r.Properties
				if service == "s3" || service == "dynamodb" {
					if p["VpcEndpointType"] != "Gateway" || len(p["RouteTableIds"].([]any)) != 2 {
						t.Errorf("%s is no gateway in two route tables: %v", service, p)
					}
					continue
				}
				if p["VpcEndpointType"] != "Interface" || p["PrivateDnsEnabled"] != true || len(p["SubnetIds"].([]any)) != 2 || len(p["SecurityGroupIds"].([]any)) != 1 {
					t.Errorf("%s is no interface of two subnets and one security group: %v", service, p)
				}
			}
		})
	}
}

func TestEndpointPolicies(t *testing.T) {
	props := forContainers(t)
	props.Needs.Instances, props.Needs.Archive = true, true
	props.Policies[network.S3] = someBucket
	account := map[string]any{"aws:PrincipalAccount": benchAccount}
	const profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-5-5"
	want := map[string][]statement{
		"bedrock-runtime": {
			allow([]string{profile}, "aws:PrincipalAccount", benchAccount),
			allow([]string{
				"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5",
				"arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-5-5",
				"arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-5-5",
			}, "bedrock:InferenceProfileArn", profile, "aws:PrincipalAccount", benchAccount),
		},
		"logs": {{Effect: "Allow", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []string{"arn:aws:logs:us-east-1:123456789012:log-group:*"}, Condition: map[string]any{"StringEquals": account}}},
		"s3": {
			{Effect: "Allow", Actions: []string{"s3:GetObject"}, Resources: []string{
				"arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*", "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"}},
			{Effect: "Allow", Actions: []string{"s3:PutObject"}, Resources: []string{"arn:aws:s3:::records/*"},
				Condition: map[string]any{"StringEquals": account}},
		},
	}
	endpoints := networkTemplate(t, props).endpoints(t)
	for service, statements := range want {
		slices.SortFunc(statements, func(a, b statement) int { return strings.Compare(compact(t, a), compact(t, b)) })
		if diff := cmp.Diff(statements, endpointStatements(t, endpoints[service])); diff != "" {
			t.Errorf("%s: %s", service, diff)
		}
	}
	for service, r := range endpoints {
		for _, s := range endpointStatements(t, r) {
			if service != "s3" && !strings.Contains(compact(t, s), benchAccount) || slices.Contains(s.Actions, "*") {
				t.Errorf("%s lets anyone pass: %v", service, s)
			}
		}
	}
}

// endpointStatements reads an endpoint's policy, whose every principal must be anyone.
func endpointStatements(t *testing.T, r resource) []statement {
	t.Helper()
	document, ok := r.Properties["PolicyDocument"].(map[string]any)
	if !ok {
		t.Fatalf("%v has no policy, which allows everything", r.Properties["ServiceName"])
	}
	for _, raw := range document["Statement"].([]any) {
		s := raw.(map[string]any)
		if got := compact(t, s["Principal"]); got != `{"AWS":"*"}` {
			t.Errorf("the principal is %s", got)
		}
		delete(s, "Principal")
	}
	defer func() {
		for _, raw := range document["Statement"].([]any) {
			raw.(map[string]any)["Principal"] = map[string]any{"AWS": "*"}
		}
	}()
	return statementsOf(t, document)
}

func TestEndpointsAdmitTheWorkloadAlone(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	made := network.NewNetwork(stack, "Network", forContainers(t))
	other := awscdk.NewStack(app, jsii.String("workload"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: stack.Account(), Region: stack.Region()},
	})
	made.NewWorkloadGroup(other, "Workload")
	if made.Endpoint(network.BedrockRuntime) == nil || made.Endpoint(network.SSM) != nil {
		t.Error("Endpoint does not tell which endpoints there are")
	}
	tp := benchTemplate(t, app, out)
	noWorldIn(t, tp)
	if n := len(tp.all("AWS::EC2::SecurityGroupIngress")); n > 0 {
		t.Errorf("the network's stack has %d rules about a workload, and so depends on its stack", n)
	}
	var theirs template
	readJSON(t, filepath.Join(out, "workload.template.json"), &theirs)
	into, outOf, lists := theirs.all("AWS::EC2::SecurityGroupIngress"), theirs.all("AWS::EC2::SecurityGroupEgress"), 0
	for _, r := range slices.Concat(into, outOf) {
		p := r.Properties
		if p["FromPort"] != 443.0 || p["ToPort"] != 443.0 || p["IpProtocol"] != "tcp" {
			t.Errorf("a rule is not for 443 alone: %v", p)
		}
		peers := 0
		for _, key := range []string{"SourceSecurityGroupId", "DestinationSecurityGroupId", "DestinationPrefixListId"} {
			if p[key] != nil {
				peers++
			}
		}
		if peers != 1 || p["CidrIp"] != nil || p["CidrIpv6"] != nil {
			t.Errorf("a rule does not name its one peer: %v", p)
		}
		if p["DestinationPrefixListId"] == "pl-63a5400a" {
			lists++
		}
	}
	for _, group := range slices.Concat(tp.all("AWS::EC2::SecurityGroup"), theirs.all("AWS::EC2::SecurityGroup")) {
		if got := compact(t, group.Properties["SecurityGroupEgress"]); !strings.Contains(got, "Disallow all traffic") {
			t.Errorf("a group leaves the way out to AWS's default: %s", got)
		}
	}
	interfaces := len(tp.all("AWS::EC2::SecurityGroup"))
	if interfaces != 4 || len(into) != interfaces || len(outOf) != interfaces+1 || lists != 1 {
		t.Errorf("%d endpoint groups, %d rules in, %d out, %d of them to S3", interfaces, len(into), len(outOf), lists)
	}
}
