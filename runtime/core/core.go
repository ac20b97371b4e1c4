// Package core is the one place where the runtime's parts are put together: both programs, and tests that want the
// whole handler in one process, call New.
package core

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/runtime/router"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Core is a program's inside.
type Core struct {
	Settings settings.Settings
	Handler  http.Handler
	Log      *slog.Logger
}

// Load reads the settings from the environment, the AWS configuration from the SDK's usual sources, and puts the
// core together. It makes no call to AWS. Its error names every problem of the settings at once.
func Load(ctx context.Context, getenv func(string) string, out io.Writer) (*Core, error) {
	s, err := settings.Load(getenv)
	if err != nil {
		return nil, err
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return New(s, aws, out)
}

// New puts the core together. out takes the log and the records, a JSON object a line.
func New(s settings.Settings, aws aws.Config, out io.Writer) (*Core, error) {
	known, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	routes, err := router.New(s.Aliases, known)
	if err != nil {
		return nil, errors.Join(errors.New(settings.EnvAliases+" names models this version does not know"), err)
	}
	log := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: s.LogLevel}))
	callers, err := authenticator(s.Auth, aws, log)
	if err != nil {
		return nil, err
	}
	provider := bedrock.New(bedrock.Options{AWS: aws, MaxCalls: s.MaxCalls})
	return &Core{
		Settings: s,
		Log:      log,
		Handler: gateway.New(gateway.Options{
			Auth:           callers,
			Provider:       provider,
			Router:         routes,
			Ready:          provider.Ready,
			Records:        record.NewWriter(out, s.Environment, s.Variant).Write,
			Log:            log,
			MaxBodyBytes:   s.MaxBodyBytes,
			RequestTimeout: s.RequestTimeout,
			PingInterval:   s.PingInterval,
		}),
	}, nil
}
