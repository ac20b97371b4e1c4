// Command hook is the function that tests a new version of the gateway before callers reach it. CodeDeploy or ECS
// invokes it during a deployment.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/runtime/smoke"
)

func main() {
	hook, err := load(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(hook.Handle)
}

// load makes no call to AWS.
func load(ctx context.Context, getenv func(string) string, out io.Writer) (smoke.Hook, error) {
	told, err := settings.LoadHook(getenv)
	if err != nil {
		return smoke.Hook{}, err
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return smoke.Hook{}, err
	}
	hook := smoke.Hook{Test: smoke.Test{Model: told.Model}, AWS: aws, Log: slog.New(slog.NewJSONHandler(out, nil))}
	if told.Address != "" {
		hook.Version = smoke.NewServer(told.Address, told.Host, nil)
		return hook, nil
	}
	caller := ""
	if told.Model != "" {
		caller = lambdacontext.FunctionName // callers are known by what is in front, which here is us
	}
	hook.Version = smoke.NewFunction(aws, told.Version, caller)
	return hook, nil
}
