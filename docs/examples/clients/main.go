// Command clients asks a gateway through the official Go SDKs of OpenAI and Anthropic, which need nothing but its URL.
// The README shows this code.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
)

func main() {
	url := "http://127.0.0.1:8080"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if err := run(context.Background(), url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string) error {
	if err := chat(ctx, url); err != nil {
		return err
	}
	return message(ctx, url)
}

func chat(ctx context.Context, url string) error {
	client := openai.NewClient(openaioption.WithBaseURL(url+"/v1"), openaioption.WithAPIKey("unused"))
	answer, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model:    "haiku",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")},
	})
	if err != nil {
		return err
	}
	fmt.Println(answer.Choices[0].Message.Content)
	return nil
}

func message(ctx context.Context, url string) error {
	client := anthropic.NewClient(anthropicoption.WithBaseURL(url), anthropicoption.WithAPIKey("unused"))
	stream := client.Messages.NewStreaming(ctx, anthropic.MessageNewParams{
		Model:     "haiku",
		MaxTokens: 200,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Say hello."))},
	})
	for stream.Next() {
		fmt.Print(stream.Current().Delta.Text)
	}
	fmt.Println()
	return stream.Err()
}
