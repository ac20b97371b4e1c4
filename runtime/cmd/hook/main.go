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
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/secrets"
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
	found, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return smoke.Hook{}, err
	}
	hook := smoke.Hook{Test: test(told, found), AWS: found, Log: slog.New(slog.NewJSONHandler(out, nil))}
	if told.Address != "" {
		hook.Version = smoke.NewServer(told.Address, told.Host, nil)
		return hook, nil
	}
	caller := ""
	if told.Auth == "" {
		caller = lambdacontext.FunctionName // callers are known by what is in front, which here is us
	}
	hook.Version = smoke.NewFunction(found, told.Version, caller)
	return hook, nil
}

// The credentials of nobody. The token has the form of one, of an issuer that is none: a gateway that cannot ask its own
// issuer for its keys does not get as far as to refuse it.
const (
	nobodysKey   = auth.KeyPrefix + "smoke-test-of-nobody"
	nobodysToken = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5vYm9keSJ9.eyJpc3MiOiJodHRwczovL25vYm9keS5pbnZhbGlkIiwic3ViIjoic21va2UtdGVzdCJ9.bm9ib2R5"
)

// test is what a version must pass that knows its callers as told. An empty secret of keys would fail everybody, so a key
// of nobody is tried only where the smoke test has one of its own; a token of nobody always.
func test(told settings.Hook, aws aws.Config) smoke.Test {
	t := smoke.Test{Model: told.Model, MessagesModel: told.MessagesModel, Shut: told.Auth != ""}
	if told.KeySecret != "" {
		t.Wrong, t.Key = nobodysKey, secrets.New(aws, told.KeySecret).Read
	}
	if told.Auth == settings.AuthOIDC {
		t.Wrong = nobodysToken
	}
	return t
}
