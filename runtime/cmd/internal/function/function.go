// Package function is the whole program of the serverless variant: the core behind the Lambda runtime. The commands that
// call it differ in what they link, which it must not know.
package function

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/lambdahttp"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
)

// Main runs the program and does not return.
func Main(links core.Links) {
	began := time.Now()
	c, err := core.Load(context.Background(), os.Getenv, os.Stdout, links)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	limit.HoldMemory(os.Getenv, os.DirFS("/"))
	c.Started(time.Since(began))
	lambda.Start(lambdahttp.New(c.Handler).Handle)
}
