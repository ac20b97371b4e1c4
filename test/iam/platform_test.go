package iam_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// A program does none of the calls here itself, so no recorder can see them: AWS does, with the variant's roles, or with
// none of them. Each says where AWS documents it; all was read on 2026-11-23.

// The VPC endpoints that a call may pass, by the last part of their service's name.
const (
	throughBedrock   = "bedrock-runtime"
	throughSecrets   = "secretsmanager"
	throughLogs      = "logs"
	throughS3        = "s3"
	throughECR       = "ecr.api"
	throughRegistry  = "ecr.dkr"
	throughSSM       = "ssm"
	throughMessages  = "ssmmessages"
	throughFormation = "cloudformation"
)

// functionPlatform is Lambda, with the function's role.
func functionPlatform(s subject) (platform, error) {
	function := s.stack.Resources[s.told.resource]
	logging, _ := function.Properties["LoggingConfig"].(map[string]any)
	// The actions are those of the managed policy AWSLambdaBasicExecutionRole without CreateLogGroup, for the stack makes
	// the group. Lambda writes from outside the VPC.
	needs, err := logNeeds(s.stack, logging["LogGroup"], "Lambda writing the function's log", "2026/11/22/[$LATEST]0123456789abcdef")
	if s.told.vpc {
		needs = append(needs, interfaceNeeds(s)...)
	}
	return platform{roles: []role{{s.told.role, "lambda.amazonaws.com", true, needs}}}, err
}

// interfaceActions are those of the managed policy AWSLambdaVPCAccessExecutionRole (version 3), beside the logs'.
var interfaceActions = []string{"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
	"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"}

// interfaceNeeds is Lambda making the network interfaces of a function in a VPC. Only what the function's own code signs
// carries lambda:SourceFunctionArn, and code that could call these might reach into the network (AWS Lambda Developer
// Guide, "Working with source function ARN" and "Giving Lambda functions access to resources in an Amazon VPC").
func interfaceNeeds(s subject) []need {
	function := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.stack.Region, s.stack.Account, physicalName(s.stack, s.told.resource))
	var needs []need
	for _, action := range interfaceActions {
		n := newNeed("Lambda making the function's network interfaces", action, "*", nil)
		n.never = []forbidden{{"the function's own code", policyRequest(action, "*", map[string]string{"lambda:SourceFunctionArn": function})}}
		needs = append(needs, n)
	}
	return needs
}

// logNeeds is someone writing to the log group that a value of the template names. IAM's refusals name the log stream.
func logNeeds(stack *assembly.Stack, group any, by, stream string) ([]need, error) {
	id, _, ok := assembly.Reference(group)
	if !ok {
		return nil, fmt.Errorf("%v is no log group of stack %s", group, stack.ID)
	}
	return streamNeeds(stack, physicalName(stack, id), by, stream), nil
}

func streamNeeds(stack *assembly.Stack, group, by, stream string) []need {
	arn := func(name string) string {
		return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:%s", stack.Region, stack.Account, name, stream)
	}
	var needs []need
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		n := newNeed(by, action, arn(group), nil)
		n.never = []forbidden{{"another log group", policyRequest(action, arn(group+"-other"), nil)}}
		needs = append(needs, n)
	}
	return needs
}

// taskPlatform is ECS, with the execution role: the actions are those of the managed policy
// AmazonECSTaskExecutionRolePolicy. With awsvpc, Fargate pulls and logs through the task's own network interface (Amazon
// ECS Developer Guide, "Amazon ECS interface VPC endpoints").
func taskPlatform(s subject) (platform, error) {
	task := s.stack.Resources[s.told.resource]
	container, err := onlyContainer(task)
	if err != nil {
		return platform{}, err
	}
	execution, roleErr := roleOf(s.stack, task.Properties["ExecutionRoleArn"])
	pull, pullErr := imageNeeds(s.stack, container["Image"])
	logging, _ := container["LogConfiguration"].(map[string]any)
	options, _ := logging["Options"].(map[string]any)
	logs, logErr := logNeeds(s.stack, options["awslogs-group"], "Fargate writing the container's log", "gateway/gateway/0123456789abcdef")
	layer := newNeed("Fargate fetching a layer of the image, at an address that ECR signed", "s3:GetObject",
		"arn:aws:s3:::prod-"+s.stack.Region+"-starport-layer-bucket/0123456789abcdef", nil)
	layer.through = []string{throughS3}
	return platform{
		roles: []role{
			{s.told.role, "ecs-tasks.amazonaws.com", true, nil},
			{execution, "ecs-tasks.amazonaws.com", false, append(pull, passing(logs, throughLogs)...)},
		},
		unsigned: []need{layer},
	}, errors.Join(roleErr, pullErr, logErr)
}

var imageURI = regexp.MustCompile(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)[:@]`)

// imageNeeds is Fargate pulling an image. ECR checks the four permissions at both of its endpoints: docker's own requests
// for manifests and layers go to the registry's (Amazon ECR User Guide, "Amazon ECR interface VPC endpoints").
func imageNeeds(stack *assembly.Stack, image any) ([]need, error) {
	uri, err := policy.Text(image, resolver(stack))
	if err != nil {
		return nil, err
	}
	found := imageURI.FindStringSubmatch(uri)
	if found == nil {
		return nil, fmt.Errorf("image %q is in no repository of ECR", uri)
	}
	const by = "Fargate pulling the image"
	repository := fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", found[2], found[1], found[3])
	needs := []need{newNeed(by, "ecr:GetAuthorizationToken", "*", nil)}
	for _, action := range []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
		n := newNeed(by, action, repository, nil)
		n.never = []forbidden{{"another repository", policyRequest(action, repository+"-other", nil)}}
		needs = append(needs, n)
	}
	return passing(needs, throughECR, throughRegistry), nil
}

var (
	download  = regexp.MustCompile(`aws s3api get-object --region "([^"]+)" --bucket "([^"]+)" --key "([^"]+)"`)
	signal    = regexp.MustCompile(`cfn-signal .*--stack "([^"]+)" .*--region "([^"]+)"`)
	agentLogs = regexp.MustCompile(`"log_group_name": "([^"]+)"`)
)

// instancePlatform is what an instance does besides running the program, as its script says.
func instancePlatform(s subject) (platform, error) {
	fetched, signals, logged := download.FindStringSubmatch(s.told.boot), signal.FindStringSubmatch(s.told.boot), agentLogs.FindStringSubmatch(s.told.boot)
	if fetched == nil || signals == nil || logged == nil || !strings.Contains(s.told.boot, "dnf ") {
		return platform{}, fmt.Errorf("user data fetches %q, signals %q and logs to %q", fetched, signals, logged)
	}
	get := newNeed("the script fetching the program", "s3:GetObject", "arn:aws:s3:::"+fetched[2]+"/"+fetched[3], nil)
	get.never = []forbidden{{"another object of the bucket", policyRequest(get.Action, get.Resource+"-other", nil)}}
	// The agent's own permissions, without those to make groups and streams anywhere (Amazon CloudWatch User Guide,
	// "Create IAM roles and users for use with the CloudWatch agent").
	logs := streamNeeds(s.stack, logged[1], "the CloudWatch agent writing the program's log", "i-0123456789abcdef0")
	needs := append(passing([]need{get}, throughS3), passing(logs, throughLogs)...)
	return platform{
		roles:    []role{{s.told.role, "ec2.amazonaws.com", true, append(needs, sessionNeeds(s.stack)...)}},
		unsigned: []need{signalNeed(s.stack, signals[1]), packageNeed(s.stack.Region)},
	}, nil
}

// keyInstance is in every request that is signed with an instance's credentials.
const keyInstance = "ec2:SourceInstanceARN"

// sessionNeeds is Session Manager: what its agent asks (AWS Systems Manager User Guide, "Verify or add instance
// permissions for Session Manager"), from an instance.
func sessionNeeds(stack *assembly.Stack) []need {
	arn := "arn:aws:ec2:" + stack.Region + ":%s:instance/i-0123456789abcdef0"
	instance := func(account string) map[string]string {
		return map[string]string{keyInstance: fmt.Sprintf(arn, account)}
	}
	var needs []need
	for _, action := range []string{"ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
		"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"} {
		n := newNeed("Session Manager's agent", action, "*", instance(stack.Account))
		n.never = []forbidden{
			{"credentials used elsewhere", policyRequest(action, "*", nil)},
			{"an instance of another account", policyRequest(action, "*", instance(strangerAccount))},
		}
		service, _, _ := strings.Cut(action, ":")
		n.through = []string{service} // the endpoints have the services' names
		needs = append(needs, n)
	}
	return needs
}

// signalNeed is an instance saying that it works. cfn-signal signs with the instance's identity document, so that IAM is
// not asked (AWS CloudFormation User Guide, "CloudFormation helper scripts reference").
func signalNeed(stack *assembly.Stack, name string) need {
	arn := func(name string) string {
		return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/01234567-89ab-cdef-0123-456789abcdef", stack.Region, stack.Account, name)
	}
	n := newNeed("cfn-signal", "cloudformation:SignalResource", arn(name), nil)
	n.never = []forbidden{{"another stack", policyRequest(n.Action, arn(name+"-other"), nil)}}
	n.through = []string{throughFormation}
	return n
}

// packageNeed is dnf fetching packages, unsigned, from the repositories of Amazon Linux 2023 (Amazon Linux 2023 User
// Guide, "AL2023 repositories": the bucket of each Region).
func packageNeed(region string) need {
	n := newNeed("dnf fetching packages", "s3:GetObject", "arn:aws:s3:::al2023-repos-"+region+"-de612dc2/core/package.rpm", nil)
	n.through = []string{throughS3}
	return n
}

// passing says which endpoints needs pass, each of them all.
func passing(needs []need, through ...string) []need {
	for i := range needs {
		needs[i].through = through
	}
	return needs
}
