package bedrocktest_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

func ExampleNew() {
	server := bedrocktest.New(bedrocktest.Options{})
	web := httptest.NewServer(server)
	defer web.Close()
	client := bedrockruntime.New(bedrockruntime.Options{
		BaseEndpoint: &web.URL,
		Region:       "us-east-1",
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	question := &bedrockruntime.ConverseInput{
		ModelId: aws.String("us.anthropic.claude-haiku-5-5"),
		Messages: []types.Message{{
			Role:    types.ConversationRoleUser,
			Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Why is the sky blue?"}},
		}},
	}

	server.Script(bedrocktest.Fault{Kind: bedrocktest.Throttle})
	_, err := client.Converse(context.Background(), question)
	fmt.Println("first call failed:", err != nil)

	answer, err := client.Converse(context.Background(), question)
	if err != nil {
		fmt.Println(err)
		return
	}
	message := answer.Output.(*types.ConverseOutputMemberMessage).Value
	fmt.Println(message.Content[0].(*types.ContentBlockMemberText).Value)
	for _, call := range server.Calls() {
		fmt.Println(call.Operation, call.Model, call.Region, call.Outcome)
	}
	// Output:
	// first call failed: true
	// Embedded Bedrock, no real model: claude-haiku-5-5 was asked: Why is the sky blue?
	// Converse us.anthropic.claude-haiku-5-5 us-east-1 ThrottlingException
	// Converse us.anthropic.claude-haiku-5-5 us-east-1 ok
}
