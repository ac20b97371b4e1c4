// Command bare is what the bench compares the product with: the least Go program that answers a Lambda event with one
// Converse call through the AWS SDK, written as its documentation shows. It has no features and must not get any.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// question is the event.
type question struct {
	Model string `json:"model"`
	Text  string `json:"text"`
}

func main() {
	loaded, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client := bedrockruntime.NewFromConfig(loaded)
	lambda.Start(func(ctx context.Context, q question) (string, error) { return ask(ctx, client, q) })
}

func ask(ctx context.Context, client *bedrockruntime.Client, q question) (string, error) {
	output, err := client.Converse(ctx, &bedrockruntime.ConverseInput{
		ModelId: aws.String(q.Model),
		Messages: []types.Message{{
			Role:    types.ConversationRoleUser,
			Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: q.Text}},
		}},
	})
	if err != nil {
		return "", err
	}
	message, ok := output.Output.(*types.ConverseOutputMemberMessage)
	if !ok || len(message.Value.Content) == 0 {
		return "", errors.New("no message in the answer")
	}
	text, ok := message.Value.Content[0].(*types.ContentBlockMemberText)
	if !ok {
		return "", errors.New("no text in the answer")
	}
	return text.Value, nil
}
