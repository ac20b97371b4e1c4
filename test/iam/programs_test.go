package iam_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// program is what a template says about a program.
type program struct {
	resource    string // logical id of what runs it
	pkg         string
	role        string // logical id
	environment map[string]string
	vpc         bool   // its network interfaces are in the network of its stage
	boot        string // the script that an instance starts with
}

// onlyProgram is the one resource of a type that names a program in its metadata.
func onlyProgram(stack *assembly.Stack, kind string) (assembly.Resource, string, error) {
	var found []assembly.Resource
	var pkg string
	for _, r := range stack.ByType(kind) {
		if named, ok := r.Metadata[settings.BinaryMetadata].(string); ok {
			found, pkg = append(found, r), named
		}
	}
	if len(found) != 1 {
		return assembly.Resource{}, "", fmt.Errorf("there are %d of %s with a program of ours, want 1", len(found), kind)
	}
	return found[0], pkg, nil
}

// roleOf is the logical id of the role whose ARN a value is.
func roleOf(stack *assembly.Stack, value any) (string, error) {
	id, attribute, _ := assembly.Reference(value)
	if attribute != "Arn" || stack.Resources[id].Type != "AWS::IAM::Role" {
		return "", fmt.Errorf("%v is no role of stack %s", value, stack.ID)
	}
	return id, nil
}

func functionProgram(stack *assembly.Stack) (program, error) {
	f, err := onlyFunction(stack)
	if err != nil {
		return program{}, err
	}
	properties := stack.Resources[f.LogicalID].Properties
	role, err := roleOf(stack, properties["Role"])
	return program{resource: f.LogicalID, pkg: f.Program, role: role, environment: f.Environment, vpc: properties["VpcConfig"] != nil}, err
}

func onlyFunction(stack *assembly.Stack) (assembly.Function, error) {
	functions, err := stack.Functions()
	if err != nil {
		return assembly.Function{}, err
	}
	if len(functions) != 1 {
		return assembly.Function{}, fmt.Errorf("there are %d functions of ours, want 1", len(functions))
	}
	return functions[0], nil
}

func taskProgram(stack *assembly.Stack) (program, error) {
	task, pkg, err := onlyProgram(stack, "AWS::ECS::TaskDefinition")
	if err != nil {
		return program{}, err
	}
	container, err := onlyContainer(task)
	if err != nil {
		return program{}, err
	}
	p := program{resource: task.LogicalID, pkg: pkg, environment: map[string]string{}, vpc: true}
	var problems []error
	p.role, err = roleOf(stack, task.Properties["TaskRoleArn"])
	problems = append(problems, err)
	variables, _ := container["Environment"].([]any)
	for _, item := range variables {
		variable, _ := item.(map[string]any)
		name, _ := variable["Name"].(string)
		p.environment[name], err = policy.Text(variable["Value"], resolver(stack))
		problems = append(problems, err)
	}
	return p, errors.Join(problems...)
}

func onlyContainer(task assembly.Resource) (map[string]any, error) {
	containers, _ := task.Properties["ContainerDefinitions"].([]any)
	if len(containers) != 1 {
		return nil, fmt.Errorf("task %s has %d containers, want 1", task.LogicalID, len(containers))
	}
	container, _ := containers[0].(map[string]any)
	if container["Secrets"] != nil || container["EnvironmentFiles"] != nil {
		return nil, fmt.Errorf("task %s has secrets or environment files, which the contract does not know", task.LogicalID)
	}
	return container, nil
}

func instanceProgram(stack *assembly.Stack) (program, error) {
	template, pkg, err := onlyProgram(stack, "AWS::EC2::LaunchTemplate")
	if err != nil {
		return program{}, err
	}
	p := program{resource: template.LogicalID, pkg: pkg, vpc: true}
	data, _ := template.Properties["LaunchTemplateData"].(map[string]any)
	profile, _ := data["IamInstanceProfile"].(map[string]any)
	id, _, _ := assembly.Reference(profile["Arn"])
	roles, _ := stack.Resources[id].Properties["Roles"].([]any)
	if len(roles) != 1 {
		return program{}, fmt.Errorf("instance profile %q has roles %v, want 1", id, roles)
	}
	p.role, _, _ = assembly.Reference(roles[0])
	encoded, _ := data["UserData"].(map[string]any)
	if p.boot, err = policy.Text(encoded["Fn::Base64"], resolver(stack)); err != nil {
		return program{}, err
	}
	p.environment, err = bootSettings(p.boot)
	return p, err
}

var (
	settingsText = regexp.MustCompile(`(?s)<<'END_OF_SETTINGS'\n(.*?)END_OF_SETTINGS\n`)
	settingLine  = regexp.MustCompile(`^([A-Z_]+)="(.*)"$`)
	escape       = regexp.MustCompile(`\\(.)`)
)

// bootSettings reads the environment file that the script writes, as systemd does.
func bootSettings(script string) (map[string]string, error) {
	found := settingsText.FindAllStringSubmatch(script, -1)
	if len(found) != 1 {
		return nil, fmt.Errorf("user data writes %d settings, want 1", len(found))
	}
	environment := map[string]string{}
	for line := range strings.Lines(found[0][1]) {
		parts := settingLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if parts == nil {
			return nil, fmt.Errorf("user data: setting %q is not NAME=\"value\"", line)
		}
		environment[parts[1]] = escape.ReplaceAllString(parts[2], "$1")
	}
	return environment, nil
}
