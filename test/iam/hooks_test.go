package iam_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/balancer"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/invoke"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/lambdaruntime"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// hookPackage is the program that tests a new version.
const hookPackage = "./runtime/cmd/hook"

// hooks are the variants' smoke tests, in the stacks of the variants that are rolled out in steps.
var hooks = []variant{
	{name: settings.VariantServerless, program: hookProgram, observe: observeFunctionHook, platform: deployerPlatform},
	{name: settings.VariantContainers, program: hookProgram, observe: observeTaskHook, platform: shifterPlatform},
}

// errNone says that a stack has no such program.
var errNone = errors.New("there is none")

// hookProgram is the function that is told what to test.
func hookProgram(stack *assembly.Stack) (program, error) {
	for _, f := range stack.ByType("AWS::Lambda::Function") {
		environment, _ := f.Properties["Environment"].(map[string]any)
		variables, _ := environment["Variables"].(map[string]any)
		if variables[settings.EnvHookVersion] == nil && variables[settings.EnvHookAddress] == nil {
			continue
		}
		p := program{resource: f.LogicalID, pkg: hookPackage, environment: map[string]string{}, vpc: f.Properties["VpcConfig"] != nil}
		var problems []error
		for name, value := range variables {
			text, err := policy.Text(value, resolver(stack))
			p.environment[name] = text
			problems = append(problems, err)
		}
		role, err := roleOf(stack, f.Properties["Role"])
		p.role = role
		return p, errors.Join(append(problems, err)...)
	}
	return program{}, errNone
}

// observeFunctionHook has the real function tested as CodeDeploy has it, once ready to serve and once not.
func observeFunctionHook(t *testing.T, s subject) []call {
	t.Helper()
	f, err := onlyFunction(s.stack)
	if err != nil {
		t.Fatal(err)
	}
	w, tested := newWorld(t), newWorld(t)
	function, err := lambdaruntime.New(lambdaruntime.Options{
		Binary: binary(t, f.Program), Name: f.Name, Region: s.stack.Region, Account: s.stack.Account,
		Timeout: f.Timeout, MemoryMB: f.MemoryMB, Environment: f.Environment, StandIns: tested.standIns, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = function.Close() })
	mux := http.NewServeMux()
	invoke.NewAPI(map[string]invoke.Invoker{functionName(s.told.environment[settings.EnvHookVersion]): function}).Register(mux)
	functions := &recorder{answer: func(w http.ResponseWriter, r *http.Request) (operation, resource string) {
		mux.ServeHTTP(w, r)
		arn, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/invocations")
		if !ok {
			return "", ""
		}
		return "InvokeFunction", arn // the permission; the operation is Invoke
	}}
	group := s.stack.ByType("AWS::CodeDeploy::DeploymentGroup")
	if len(group) != 1 {
		t.Fatalf("%d deployment groups, want 1", len(group))
	}
	name, err := policy.Text(group[0].Properties["ApplicationName"], resolver(s.stack))
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	deployments := &recorder{answer: func(w http.ResponseWriter, r *http.Request) (operation, resource string) {
		body, _ := io.ReadAll(r.Body)
		told += string(body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"lifecycleEventHookExecutionId":"execution"}`)
		return strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "CodeDeploy_20141006."), name + "/" + physicalName(s.stack, group[0].LogicalID)
	}}
	w.serve(t, "LAMBDA", "lambda", functions)
	w.serve(t, "CODEDEPLOY", "codedeploy", deployments)
	runHook(t, s, s.told.environment, w, `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"execution"}`)
	if !strings.Contains(told, `"Succeeded"`) {
		t.Errorf("CodeDeploy was told %s", told)
	}
	return w.calls(t)
}

// functionName is what an ARN of a version names.
func functionName(arn string) string {
	parts := strings.Split(arn, ":")
	return parts[len(parts)-2]
}

// observeTaskHook has the real server tested as ECS has it, behind what stands for the balancer.
func observeTaskHook(t *testing.T, s subject) []call {
	t.Helper()
	w, tested := newWorld(t), newWorld(t)
	task, err := taskProgram(s.stack)
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(startTask(t, subject{variant: variant{name: s.name}, stack: s.stack, told: task}, tested.standIns))
	if err != nil {
		t.Fatal(err)
	}
	balancer := httptest.NewTLSServer(balancer.New(to))
	t.Cleanup(balancer.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: balancer.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := maps.Clone(s.told.environment)
	environment[settings.EnvHookAddress], environment[settings.EnvHookHost] = balancer.Listener.Addr().String(), "example.com"
	w.standIns["SSL_CERT_FILE"], w.standIns["SSL_CERT_DIR"] = roots, t.TempDir()
	if answer := runHook(t, s, environment, w, `{"serviceArn":"arn:aws:ecs:us-east-1:000000000000:service/c/s"}`); answer != `{"hookStatus":"SUCCEEDED"}` {
		t.Errorf("ECS was told %s", answer)
	}
	return w.calls(t)
}

// runHook runs the program of the smoke test as Lambda does, and returns what it answers.
func runHook(t *testing.T, s subject, environment map[string]string, w *world, event string) string {
	t.Helper()
	hook, err := lambdaruntime.New(lambdaruntime.Options{
		Binary: binary(t, hookPackage), Name: "hook", Region: s.stack.Region, Account: s.stack.Account, Timeout: 2 * time.Minute,
		Environment: environment, StandIns: w.standIns, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hook.Close() }()
	response, err := hook.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, failure, err := invoke.ReadAll(response)
	if err != nil || failure != nil {
		t.Fatal(failure, err)
	}
	if !json.Valid(text) {
		t.Errorf("the hook answered %s", text)
	}
	return string(text)
}

// hookRole is Lambda, with the role of the smoke test.
func hookRole(s subject) (role, error) {
	p, err := functionPlatform(s)
	if err != nil {
		return role{}, err
	}
	return p.roles[0], nil
}

// arnOf is the ARN that CloudFormation would give to what a stack makes.
func arnOf(s subject, id, attribute string) (string, error) { return reference(s.stack, id, attribute) }

// deployerPlatform is CodeDeploy beside Lambda: its own policy for functions, AWSCodeDeployRoleForLambdaLimited, has these
// actions for a deployment that CloudFormation began; those on S3 are for application specifications that are files, that
// on SNS is for triggers. Lambda's three are granted on the function and on its alias, for the Service Authorization
// Reference names the first and the calls name the second.
func deployerPlatform(s subject) (platform, error) {
	hook, err := hookRole(s)
	group := s.stack.ByType("AWS::CodeDeploy::DeploymentGroup")
	aliases := s.stack.ByType("AWS::Lambda::Alias")
	if err != nil || len(group) != 1 || len(aliases) != 1 {
		return platform{}, fmt.Errorf("%d deployment groups, %d aliases: %w", len(group), len(aliases), err)
	}
	taken, err := roleOf(s.stack, group[0].Properties["ServiceRoleArn"])
	if err != nil {
		return platform{}, err
	}
	function, err := policy.Text(aliases[0].Properties["FunctionName"], resolver(s.stack))
	if err != nil {
		return platform{}, err
	}
	function = fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.stack.Region, s.stack.Account, function)
	tester, err := arnOf(s, s.told.resource, "Arn")
	if err != nil {
		return platform{}, err
	}
	const by = "CodeDeploy moving the alias"
	var needs []need
	for _, action := range []string{"lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"} {
		for _, resource := range []string{function, function + ":" + fmt.Sprint(aliases[0].Properties["Name"])} {
			n := newNeed(by, action, resource, nil)
			n.never = []forbidden{{"another function", policyRequest(action, function+"-other", nil)}, {"another alias", policyRequest(action, function+":other", nil)},
				{"an alias with a longer name", policyRequest(action, function+":"+fmt.Sprint(aliases[0].Properties["Name"])+"-other", nil)}}
			needs = append(needs, n)
		}
	}
	needs = append(needs, invokeNeed("CodeDeploy having the version tested", tester), newNeed("CodeDeploy looking at the alarms", "cloudwatch:DescribeAlarms", "*", nil))
	return platform{roles: []role{hook, {taken, "codedeploy.amazonaws.com", false, needs}}}, nil
}

// invokeNeed is a service invoking one function.
func invokeNeed(by, function string) need {
	n := newNeed(by, "lambda:InvokeFunction", function, nil)
	n.never = []forbidden{{"another function", policyRequest(n.Action, function+"-other", nil)}}
	return n
}

// shifterPlatform is ECS beside Lambda, with two roles. One invokes the hook (Amazon ECS Developer Guide, "Permissions
// required for Lambda functions in Amazon ECS blue/green deployments"). The other moves callers: AWS's policy
// AmazonECSInfrastructureRolePolicyForLoadBalancers has these actions; it may besides change listeners, which here only
// CloudFormation does.
func shifterPlatform(s subject) (platform, error) {
	hook, err := hookRole(s)
	services := s.stack.ByType("AWS::ECS::Service")
	if err != nil || len(services) != 1 {
		return platform{}, fmt.Errorf("%d services: %w", len(services), err)
	}
	deployed, _ := services[0].Properties["DeploymentConfiguration"].(map[string]any)
	steps, _ := deployed["LifecycleHooks"].([]any)
	balancers, _ := services[0].Properties["LoadBalancers"].([]any)
	if len(steps) != 1 || len(balancers) != 1 {
		return platform{}, fmt.Errorf("%d lifecycle hooks and %d balancers, want one of each", len(steps), len(balancers))
	}
	step, _ := steps[0].(map[string]any)
	balancer, _ := balancers[0].(map[string]any)
	shift, _ := balancer["AdvancedConfiguration"].(map[string]any)
	tester, testerErr := roleOf(s.stack, step["RoleArn"])
	shifter, shifterErr := roleOf(s.stack, shift["RoleArn"])
	texts := map[string]string{}
	problems := []error{testerErr, shifterErr}
	for name, value := range map[string]any{"hook": step["HookTargetArn"], "first group": balancer["TargetGroupArn"], "second group": shift["AlternateTargetGroupArn"],
		"rule": shift["ProductionListenerRule"], "test rule": shift["TestListenerRule"]} {
		texts[name], err = policy.Text(value, resolver(s.stack))
		problems = append(problems, err)
	}
	const by = "ECS moving callers"
	var needs []need
	for _, action := range []string{"DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"} {
		needs = append(needs, newNeed(by, "elasticloadbalancing:"+action, "*", nil))
	}
	on := func(action string, resources ...string) {
		for _, resource := range resources {
			n := newNeed(by, "elasticloadbalancing:"+action, resource, nil)
			n.never = []forbidden{{"another one", policyRequest(n.Action, resource+"-other", nil)}}
			needs = append(needs, n)
		}
	}
	on("RegisterTargets", texts["first group"], texts["second group"])
	on("DeregisterTargets", texts["first group"], texts["second group"])
	on("ModifyRule", texts["rule"], texts["test rule"])
	return platform{roles: []role{hook, {tester, "ecs.amazonaws.com", false, []need{invokeNeed("ECS having the new tasks tested", texts["hook"])}},
		{shifter, "ecs.amazonaws.com", false, needs}}}, errors.Join(problems...)
}
