// Package core is the one place where the runtime's parts are put together: both programs, and tests that want the
// whole handler in one process, call New.
package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive"
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
	archive  *archive.Writer // nil when there is none
}

// OpenArchive makes the store of an archive from the name of a bucket.
type OpenArchive func(config aws.Config, bucket string) archive.Store

// Load reads the settings from the environment, the AWS configuration from the SDK's usual sources, and puts the
// core together. It makes no call to AWS. Its error names every problem of the settings at once. open may be nil in a
// program that keeps no archive.
func Load(ctx context.Context, getenv func(string) string, out io.Writer, open OpenArchive) (*Core, error) {
	s, err := settings.Load(getenv)
	if err != nil {
		return nil, err
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return New(s, aws, out, open)
}

// New puts the core together. out takes the log and the records, a JSON object a line. Where there is an archive, Close
// must be called at the end.
func New(s settings.Settings, aws aws.Config, out io.Writer, open OpenArchive) (*Core, error) {
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
	c := &Core{Settings: s, Log: log}
	records, err := c.records(aws, out, open)
	if err != nil {
		return nil, err
	}
	provider := bedrock.New(bedrock.Options{AWS: aws, SDK: s.BedrockClient == settings.BedrockSDK, MaxCalls: s.MaxCalls})
	c.Handler = gateway.New(gateway.Options{
		Auth:           callers,
		Provider:       provider,
		Router:         routes,
		Ready:          provider.Ready,
		Records:        records,
		Log:            log,
		MaxBodyBytes:   s.MaxBodyBytes,
		RequestTimeout: s.RequestTimeout,
		PingInterval:   s.PingInterval,
	})
	return c, nil
}

// records is what takes the record of each request: the log, and the archive if the settings name one.
func (c *Core) records(aws aws.Config, out io.Writer, open OpenArchive) (func(*record.Request), error) {
	lines := record.NewWriter(out, c.Settings.Environment, c.Settings.Variant)
	if c.Settings.Archive.Bucket == "" {
		return lines.Write, nil
	}
	if open == nil {
		return nil, fmt.Errorf("%s: is %q, and this program keeps no archive", settings.EnvArchiveBucket, c.Settings.Archive.Bucket)
	}
	c.archive = archive.New(archive.Options{
		Store:       open(aws, c.Settings.Archive.Bucket),
		Environment: c.Settings.Environment,
		Variant:     c.Settings.Variant,
		Interval:    c.Settings.Archive.Interval,
		Report:      lines.WriteProgram,
		Log:         c.Log,
	})
	return func(r *record.Request) {
		lines.Write(r)
		c.archive.Add(r)
	}, nil
}

// Close stores the usage records that are still held, for at most settings.ArchiveCloseTimeout. It comes after the last
// request; its error says how many records were lost.
func (c *Core) Close() error {
	if c.archive == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(context.Background(), settings.ArchiveCloseTimeout)
	defer cancel()
	return c.archive.Close(limit)
}
