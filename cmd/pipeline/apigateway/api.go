// Package apigateway is an Amazon API Gateway REST API on this machine, built from a template: its paths, methods,
// integrations and authorisation are those that would be deployed. It turns HTTP requests into proxy events and the
// functions' answers, buffered and streamed, back into HTTP, with the limits and the errors of the real one.
//
// Differences from AWS: the stage is no part of the path; signatures must be well-formed and are not verified; there
// are no usage plans, caches, models or mapping templates, and what is configured but not imitated is an error.
//
// It must not know how functions are run, nor what callers and functions say to each other.
package apigateway

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// The values of a method's authorisation.
const (
	AuthorizationNone = "NONE"
	AuthorizationIAM  = "AWS_IAM"
)

// API is a REST API of a template.
type API struct {
	LogicalID   string
	Name        string
	Stage       string
	Account     string
	Region      string
	BinaryTypes []string
	Routes      []Route
}

// Route is one method of an API.
type Route struct {
	Method        string // "ANY" is every method without a route of its own
	Path          string // such as "/v1/models/{id}" or "/{proxy+}"
	ResourceID    string // logical id of the path's last resource
	Authorization string
	Streams       bool
	Timeout       time.Duration // of the integration
	Function      string        // logical id of the function behind it
}

// defaultTimeout is the integration's when the template sets none, streaming or not.
const defaultTimeout = 29 * time.Second

// Read returns the REST APIs of a stack, by logical id.
func Read(stack *assembly.Stack) ([]API, error) {
	var apis []API
	var problems []error
	for _, r := range stack.ByType("AWS::ApiGateway::RestApi") {
		api, err := readAPI(stack, r)
		apis = append(apis, api)
		problems = append(problems, err)
	}
	return apis, errors.Join(problems...)
}

func readAPI(stack *assembly.Stack, r assembly.Resource) (API, error) {
	api := API{LogicalID: r.LogicalID, Account: stack.Account, Region: stack.Region}
	var problems []error
	var err error
	api.Name, err = stack.String(r, "Name")
	problems = append(problems, err)
	types, _ := r.Properties["BinaryMediaTypes"].([]any)
	for _, t := range types {
		if text, ok := t.(string); ok {
			api.BinaryTypes = append(api.BinaryTypes, text)
		}
	}
	for _, stage := range stack.ByType("AWS::ApiGateway::Stage") {
		if belongs(stage, r.LogicalID) {
			api.Stage, err = stack.String(stage, "StageName")
			problems = append(problems, err)
		}
	}
	for _, method := range stack.ByType("AWS::ApiGateway::Method") {
		if !belongs(method, r.LogicalID) {
			continue
		}
		route, err := readRoute(stack, method)
		api.Routes = append(api.Routes, route)
		problems = append(problems, err)
	}
	return api, errors.Join(problems...)
}

func belongs(r assembly.Resource, api string) bool {
	id, _, ok := assembly.Reference(r.Properties["RestApiId"])
	return ok && id == api
}

func readRoute(stack *assembly.Stack, method assembly.Resource) (Route, error) {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("stack %s, resource %s: %s", stack.ID, method.LogicalID, fmt.Sprintf(format, args...)))
	}
	text := func(path ...string) string {
		value, err := stack.String(method, path...)
		problems = append(problems, err)
		return value
	}
	route := Route{
		Method:        text("HttpMethod"),
		Authorization: cmp.Or(text("AuthorizationType"), AuthorizationNone),
		Streams:       text("Integration", "ResponseTransferMode") == "STREAM",
	}
	if route.Authorization != AuthorizationNone && route.Authorization != AuthorizationIAM {
		wrong("AuthorizationType %s is not imitated by the local run", route.Authorization)
	}
	if key := text("ApiKeyRequired"); key == "true" {
		wrong("ApiKeyRequired is not imitated by the local run")
	}
	if kind := text("Integration", "Type"); kind != "AWS_PROXY" {
		wrong("Integration.Type %q is not imitated by the local run; AWS_PROXY is", kind)
		return route, errors.Join(problems...)
	}
	milliseconds, err := stack.Int(method, "Integration", "TimeoutInMillis")
	problems = append(problems, err)
	route.Timeout = cmp.Or(time.Duration(milliseconds)*time.Millisecond, defaultTimeout)
	integration, _ := method.Properties["Integration"].(map[string]any)
	route.Function, err = stack.FunctionBehind(integration["Uri"])
	problems = append(problems, err)
	if streamingURI := strings.Contains(fmt.Sprint(integration["Uri"]), "/response-streaming-invocations"); streamingURI != route.Streams {
		wrong("Integration.ResponseTransferMode and the Uri disagree on streaming; API Gateway refuses that")
	}
	route.Path, route.ResourceID, err = pathOf(stack, method.Properties["ResourceId"])
	problems = append(problems, err)
	return route, errors.Join(problems...)
}

// pathOf follows a reference to a resource up to the root of its API.
func pathOf(stack *assembly.Stack, reference any) (path, resourceID string, err error) {
	id, attribute, ok := assembly.Reference(reference)
	if !ok {
		return "", "", fmt.Errorf("stack %s: %v is no reference to an API's resource", stack.ID, reference)
	}
	if attribute == "RootResourceId" {
		return "/", id, nil
	}
	r, ok := stack.Resources[id]
	if !ok || r.Type != "AWS::ApiGateway::Resource" {
		return "", "", fmt.Errorf("stack %s: %s is no resource of an API", stack.ID, id)
	}
	part, err := stack.String(r, "PathPart")
	if err != nil {
		return "", "", err
	}
	parent, _, err := pathOf(stack, r.Properties["ParentId"])
	if err != nil {
		return "", "", err
	}
	return strings.TrimSuffix(parent, "/") + "/" + part, id, nil
}
