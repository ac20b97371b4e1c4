package assembly

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Server is what runs one of this repository's programs as a server: an ECS task, or the instances of an EC2 launch
// template.
type Server struct {
	LogicalID   string // of the task definition or the launch template
	Task        bool   // whether it is an ECS task
	Program     string // the Go package that the template names, such as "./runtime/cmd/server"
	Environment map[string]string
	Port        int           // that requests are sent to; 0 when the stack does not say
	StopTimeout time.Duration // how long the program may run on after SIGTERM
	User        string        // and group that it runs as; empty for the user that an image or systemd gives it
}

// What ECS and systemd do where a template says nothing.
const (
	defaultStopTimeout = 30 * time.Second
	defaultStopSeconds = 90
)

// Servers returns the servers of task definitions and of launch templates whose metadata names a program, by type and
// logical id.
func (s *Stack) Servers() ([]Server, error) {
	var servers []Server
	var problems []error
	for _, kind := range []struct {
		name string
		read func(Resource, string) (Server, error)
	}{
		{"AWS::ECS::TaskDefinition", s.task},
		{"AWS::EC2::LaunchTemplate", s.instance},
	} {
		for _, r := range s.ByType(kind.name) {
			if program, ok := r.Metadata[settings.BinaryMetadata].(string); ok {
				server, err := kind.read(r, program)
				servers = append(servers, server)
				problems = append(problems, err)
			}
		}
	}
	return servers, errors.Join(problems...)
}

func (s *Stack) task(r Resource, program string) (Server, error) {
	const list = "ContainerDefinitions"
	if containers, _ := r.Properties[list].([]any); len(containers) != 1 {
		return Server{}, fmt.Errorf("stack %s, resource %s: has %d containers; a local run starts tasks of one", s.ID, r.LogicalID, len(containers))
	}
	environment, environmentErr := s.containerEnvironment(r, list, "0")
	port, portErr := s.Int(r, list, "0", "PortMappings", "0", "ContainerPort")
	stop, stopErr := s.Int(r, list, "0", "StopTimeout")
	user, userErr := s.String(r, list, "0", "User")
	return Server{
		LogicalID:   r.LogicalID,
		Task:        true,
		Program:     program,
		Environment: environment,
		Port:        port,
		StopTimeout: cmp.Or(time.Duration(stop)*time.Second, defaultStopTimeout),
		User:        user,
	}, errors.Join(environmentErr, portErr, stopErr, userErr)
}

// containerEnvironment reads the variables of a container, which is at the path. Those that ECS fetches from elsewhere
// are known to AWS only.
func (s *Stack) containerEnvironment(r Resource, path ...string) (map[string]string, error) {
	in := func(name string) []string { return append(path[:len(path):len(path)], name) }
	var problems []error
	for _, name := range []string{"Secrets", "EnvironmentFiles"} {
		if listed, _ := r.property(in(name)).([]any); len(listed) > 0 {
			e := evaluator{stack: s, resource: r.LogicalID}
			e.unresolved(propertyPath(in(name)), listed)
			problems = append(problems, e.problems...)
		}
	}
	value, err := s.Evaluate(r, in("Environment")...)
	problems = append(problems, err)
	pairs, _ := value.([]any)
	variables := make(map[string]string, len(pairs))
	for i, item := range pairs {
		pair, _ := item.(map[string]any)
		name, named := pair["Name"].(string)
		text, isText := scalar(pair["Value"])
		if (!named || !isText) && err == nil {
			problems = append(problems, fmt.Errorf("stack %s, resource %s, %s.%d: is not a name and a text", s.ID, r.LogicalID, propertyPath(in("Environment")), i))
		}
		variables[name] = text
	}
	return variables, errors.Join(problems...)
}

func (s *Stack) instance(r Resource, program string) (Server, error) {
	script, err := s.userData(r)
	if err != nil {
		return Server{}, err
	}
	environment, environmentErr := script.environment()
	stop, stopErr := script.unitSetting("TimeoutStopSec", strconv.Itoa(defaultStopSeconds))
	seconds, secondsErr := strconv.Atoi(strings.TrimSuffix(stop, "s"))
	if stopErr == nil && secondsErr != nil {
		stopErr = script.problem("TimeoutStopSec is %q; a local run reads seconds", stop)
	}
	port, portErr := s.portOf(r)
	return Server{
		LogicalID:   r.LogicalID,
		Program:     program,
		Environment: environment,
		Port:        port,
		StopTimeout: time.Duration(seconds) * time.Second,
	}, errors.Join(environmentErr, stopErr, portErr)
}

// portOf is the port of the target group of the stack that the launch template's instances are in; 0 when there is none.
func (s *Stack) portOf(template Resource) (int, error) {
	for _, group := range s.ByType("AWS::AutoScaling::AutoScalingGroup") {
		if !slices.Contains(s.References(group.Properties["MixedInstancesPolicy"]), template.LogicalID) &&
			!slices.Contains(s.References(group.Properties["LaunchTemplate"]), template.LogicalID) {
			continue
		}
		for _, id := range s.References(group.Properties["TargetGroupARNs"]) {
			return s.Int(s.Resources[id], "Port")
		}
	}
	return 0, nil
}
