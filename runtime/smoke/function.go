package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/genai-pipeline/genai-pipeline/runtime/lambdahttp"
)

// function is a version of a Lambda function.
type function struct {
	client *lambda.Client
	arn    string // of the version
	caller string // whom API Gateway would name
}

// NewFunction returns the version of a Lambda function with an ARN, to be invoked as API Gateway does and directly. Where
// callers are known by IAM, caller is the ARN it is told; who may invoke a function may name anyone there.
func NewFunction(config aws.Config, arn, caller string) Version {
	return function{lambda.NewFromConfig(config), arn, caller}
}

// Get implements Version, with the event that API Gateway would send.
func (f function) Get(ctx context.Context, path string) (Answer, error) {
	event := events.APIGatewayProxyRequest{HTTPMethod: http.MethodGet, Path: path}
	event.RequestContext.Identity.UserArn = f.caller
	payload, err := json.Marshal(event)
	if err != nil {
		return Answer{}, err
	}
	text, err := f.invoke(ctx, payload)
	if err != nil {
		return Answer{}, err
	}
	var answer events.APIGatewayProxyResponse
	if json.Unmarshal(text, &answer) != nil || answer.StatusCode == 0 {
		return Answer{}, errors.New("the function answered nothing that API Gateway could read")
	}
	return Answer{answer.StatusCode, []byte(answer.Body)}, nil
}

// Ask implements Version, with a direct invocation, whose answer is the bare body.
func (f function) Ask(ctx context.Context, body []byte) (Answer, error) {
	var event map[string]any
	if err := json.Unmarshal(body, &event); err != nil {
		return Answer{}, err
	}
	event[lambdahttp.SurfaceField] = "openai"
	payload, err := json.Marshal(event)
	if err != nil {
		return Answer{}, err
	}
	text, err := f.invoke(ctx, payload)
	return Answer{http.StatusOK, text}, err
}

// invoke returns the type alone of what the function reports: its message is for callers.
func (f function) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	out, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.arn, Payload: payload})
	if err != nil {
		return nil, err
	}
	if out.FunctionError == nil {
		return out.Payload, nil
	}
	var report struct {
		Type string `json:"errorType"`
	}
	if json.Unmarshal(out.Payload, &report) != nil || report.Type == "" {
		report.Type = *out.FunctionError
	}
	return nil, fmt.Errorf("the function failed with %s", report.Type)
}
