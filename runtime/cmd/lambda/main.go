// Command lambda is the serverless variant's function: the core behind the Lambda runtime.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/lambdahttp"
)

func main() {
	c, err := core.Load(context.Background(), os.Getenv, os.Stdout, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(lambdahttp.New(c.Handler).Handle)
}
