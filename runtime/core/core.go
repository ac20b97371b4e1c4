// Package core is the one place where the runtime's parts are put together: both programs, and tests that want the
// whole handler in one process, call New.
//
// It must not know how requests arrive: what listens, or fetches events, is the programs' own.
package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/credential"
	"github.com/genai-pipeline/genai-pipeline/runtime/feedback"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/runtime/router"
	"github.com/genai-pipeline/genai-pipeline/runtime/secrets"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/runtime/spool"
)

// Core is a program's inside.
type Core struct {
	Settings settings.Settings
	Handler  http.Handler
	Log      *slog.Logger
	records  *record.Writer
	archive  *archive.Writer // nil when there is none
	lines    *spool.Writer   // nil in a function
	tracer   gateway.Tracer  // nil when nothing traces
}

// OpenArchive makes the store of an archive from the name of a bucket.
type OpenArchive func(config aws.Config, bucket string) archive.Store

// OpenTracer makes what follows the requests of a program.
type OpenTracer func(environment, variant string, log *slog.Logger) (gateway.Tracer, error)

// Links are what a program links beside the core, since not every program wants to carry it; nil is none.
type Links struct {
	Archive OpenArchive
	Tracer  OpenTracer
}

// Load reads the settings from the environment, the AWS configuration from the SDK's usual sources, and puts the
// core together. It makes no call to AWS. Its error names every problem of the settings at once.
func Load(ctx context.Context, getenv func(string) string, out io.Writer, links Links) (*Core, error) {
	s, err := settings.Load(getenv)
	if err != nil {
		return nil, err
	}
	// While credentials are valid, nothing waits or fails for the next ones; package credential sees to those.
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 0 }),
		config.WithEndpointCredentialOptions(func(o *endpointcreds.Options) { o.HTTPClient = &http.Client{Timeout: credentialsTimeout} }))
	if err != nil {
		return nil, err
	}
	return New(s, keep(cfg), out, links)
}

// credentialsTimeout is for the agent that gives a container its credentials, on the same machine. The SDK would wait
// forever for one that does not answer.
const credentialsTimeout = 5 * time.Second

// keep sees to the credentials. Those of an instance's role are left to the SDK, which uses them beyond their time when
// the instance cannot be asked, as AWS means it.
func keep(cfg aws.Config) aws.Config {
	cache, ok := cfg.Credentials.(*aws.CredentialsCache)
	if ok && !cache.IsCredentialsProvider(&ec2rolecreds.Provider{}) {
		cfg.Credentials = credential.Keep(cache)
	}
	return cfg
}

// New puts the core together. out takes the log and the records, a JSON object a line. Unless the settings are a
// function's, Close must be called at the end.
func New(s settings.Settings, aws aws.Config, out io.Writer, links Links) (*Core, error) {
	known, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	routes, err := router.New(s.Aliases, known)
	if err != nil {
		return nil, errors.Join(errors.New(settings.EnvAliases+" names models this version does not know"), err)
	}
	c := &Core{Settings: s}
	out = c.spool(out)
	log := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: s.LogLevel}))
	callers, err := authenticator(s.Auth, aws, log)
	if err != nil {
		return nil, err
	}
	c.Log, c.records = log, record.NewWriter(out, s.Environment, s.Variant)
	sinks, err := c.sinks(aws, links.Archive)
	if err != nil {
		return nil, err
	}
	if err := c.openTracer(links.Tracer); err != nil {
		return nil, err
	}
	provider := bedrock.New(bedrock.Options{AWS: aws, SDK: s.BedrockClient == settings.BedrockSDK, MaxCalls: s.MaxCalls, FirstByte: s.FirstByte})
	c.Handler = gateway.New(gateway.Options{
		Auth:           callers,
		Provider:       provider,
		Router:         routes,
		Ready:          provider.Ready,
		Records:        sinks.requests,
		Ratings:        sinks.ratings,
		Feedback:       c.feedback(aws),
		Tracer:         c.tracer,
		Limits:         limits(s.Limits),
		Log:            log,
		MaxBodyBytes:   s.MaxBodyBytes,
		RequestTimeout: s.RequestTimeout,
		PingInterval:   s.PingInterval,
		HealthWindow:   s.HealthWindow,
	})
	return c, nil
}

// openTracer has requests traced if the settings say where to. A program that cannot trace runs all the same.
func (c *Core) openTracer(open OpenTracer) (err error) {
	switch {
	case c.Settings.Tracing.Endpoint == "":
	case open == nil:
		c.Log.Warn("this program cannot trace; its traced twin can", "set", settings.EnvTracingEndpoint)
	default:
		c.tracer, err = open(c.Settings.Environment, c.Settings.Variant, c.Log)
	}
	return err
}

// feedback is what takes ratings; nil where the settings name no secret for it.
func (c *Core) feedback(aws aws.Config) gateway.Feedback {
	if c.Settings.FeedbackSecret == "" {
		return nil
	}
	return feedback.New(feedback.Options{Secret: secrets.New(aws, c.Settings.FeedbackSecret), Log: c.Log})
}

// sinks take what is recorded: the log does, and the archive if the settings name one.
type sinks struct {
	requests func(*record.Request)
	ratings  func(*record.Feedback)
}

func (c *Core) sinks(aws aws.Config, open OpenArchive) (sinks, error) {
	if c.Settings.Archive.Bucket == "" {
		return sinks{c.records.Write, c.records.WriteFeedback}, nil
	}
	if open == nil {
		return sinks{}, fmt.Errorf("%s: is %q, and this program keeps no archive", settings.EnvArchiveBucket, c.Settings.Archive.Bucket)
	}
	c.archive = archive.New(archive.Options{
		Store:       open(aws, c.Settings.Archive.Bucket),
		Environment: c.Settings.Environment,
		Variant:     c.Settings.Variant,
		Interval:    c.Settings.Archive.Interval,
		Report:      c.records.WriteProgram,
		Log:         c.Log,
	})
	return sinks{
		requests: func(r *record.Request) {
			c.records.Write(r)
			c.archive.Add(r)
		},
		ratings: func(f *record.Feedback) {
			c.records.WriteFeedback(f)
			c.archive.AddFeedback(f)
		},
	}, nil
}

// spool keeps a server from waiting for whoever reads its log. A function prints at once, for it is frozen between
// invocations and ends without notice.
func (c *Core) spool(out io.Writer) io.Writer {
	if c.Settings.Variant == settings.VariantServerless {
		return out
	}
	direct := record.NewWriter(out, c.Settings.Environment, c.Settings.Variant)
	c.lines = spool.New(out, func(lost int) {
		direct.WriteProgram("log lines were lost", record.Value{Metric: metric.LogLost, Value: float64(lost)})
	})
	return c.lines
}

// limits are what the settings ask for.
func limits(s settings.Limits) gateway.Limits {
	own := map[string]limit.Quota{}
	for tenant, quota := range s.Tenants.ByTenant {
		own[tenant] = limit.Quota(quota)
	}
	return gateway.Limits{
		Gate:    limit.NewGate(limit.GateOptions{Running: s.Concurrency, Waiting: s.Queue, Wait: s.QueueWait}),
		Bodies:  limit.NewBytes(int64(s.HeldBytes)),
		Tenants: limit.NewTenants(limit.TenantsOptions{Default: limit.Quota(s.Tenants.Default), ByTenant: own}),
	}
}

// Started says in the log how long the program took to start, once it takes requests.
func (c *Core) Started(took time.Duration) {
	c.records.WriteProgram("started", record.Value{Metric: metric.ColdStart, Value: float64(took.Microseconds()) / 1000})
}

// Close stores the usage records that are still held, for at most settings.ArchiveCloseTimeout, and then prints what was
// not printed yet. It comes after the last request; its error says what was lost.
func (c *Core) Close() error {
	traces := make(chan error, 1)
	go func() { traces <- c.closeTracer() }() // beside the archive, in the same time
	return errors.Join(c.closeArchive(), <-traces, c.closeLines())
}

func (c *Core) closeArchive() error {
	if c.archive == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(context.Background(), settings.ArchiveCloseTimeout)
	defer cancel()
	return c.archive.Close(limit)
}

func (c *Core) closeTracer() error {
	if c.tracer == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(context.Background(), settings.ArchiveCloseTimeout)
	defer cancel()
	return c.tracer.Close(limit)
}

// printTimeout is how long whoever reads the log has at the end.
const printTimeout = time.Second

func (c *Core) closeLines() error {
	if c.lines == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(context.Background(), printTimeout)
	defer cancel()
	return c.lines.Close(limit)
}
