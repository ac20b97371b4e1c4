package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// function is a version of a Lambda function.
type function struct {
	client *lambda.Client
	arn    string // of the version
	caller string // whom API Gateway would name
}

// NewFunction returns the version of a Lambda function with an ARN, to be invoked as API Gateway does. Where callers are
// known by IAM, caller is the ARN it is told; who may invoke a function may name anyone there.
func NewFunction(config aws.Config, arn, caller string) Version {
	return function{lambda.NewFromConfig(config), arn, caller}
}

// Do implements Version, with the event that API Gateway would send.
func (f function) Do(ctx context.Context, r Request) (Answer, error) {
	event := events.APIGatewayProxyRequest{HTTPMethod: r.Method, Path: r.Path, Body: string(r.Body)}
	event.RequestContext.Identity.UserArn = f.caller
	event.MultiValueHeaders = map[string][]string{"Content-Type": {"application/json"}}
	if r.Credential != "" {
		event.MultiValueHeaders["Authorization"] = []string{"Bearer " + r.Credential}
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return Answer{}, err
	}
	text, err := f.invoke(ctx, payload)
	if err != nil {
		return Answer{}, err
	}
	return read(text)
}

// delimiter ends the status and the headers of an answer that streams, before its body (Amazon API Gateway Developer
// Guide, "Set up a Lambda proxy integration with payload response streaming", read 2026-11-23). Invoke collects all of it.
var delimiter = make([]byte, 8)

// read takes an answer in the form of API Gateway, streamed or not.
func read(text []byte) (Answer, error) {
	head, body, streamed := bytes.Cut(text, delimiter)
	var answer events.APIGatewayProxyResponse
	if json.Unmarshal(head, &answer) != nil || answer.StatusCode == 0 {
		return Answer{}, errors.New("the function answered nothing that API Gateway could read")
	}
	if !streamed {
		body = []byte(answer.Body)
	}
	return Answer{answer.StatusCode, body}, nil
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
