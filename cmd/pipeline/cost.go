package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	costing "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/constructs/price"
)

// cost prints what an environment costs, from its templates.
func cost(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	load := costing.DefaultLoad()
	environment := flags.String("environment", "dev", "name of the environment, a file in environments/")
	dir := flags.String("assembly", "", "use this synthesized assembly instead of synthesizing one")
	format := flags.String("format", "text", "text, markdown or json")
	chart := flags.String("chart", "", "write a chart of a million requests to this file, as SVG")
	loadFlags(flags, &load)
	if err := parse(flags, args); err != nil {
		return err
	}
	formats := map[string]func(*costing.Report) (string, error){
		"text":     func(r *costing.Report) (string, error) { return r.Text(), nil },
		"markdown": func(r *costing.Report) (string, error) { return r.Markdown(), nil },
		"json": func(r *costing.Report) (string, error) {
			text, err := json.MarshalIndent(r, "", "  ")
			return string(text) + "\n", err
		},
	}
	write, ok := formats[*format]
	if !ok {
		return fmt.Errorf("-format is %q; allowed are text, markdown and json", *format)
	}
	if *dir == "" {
		root, err := running.Root(".")
		if err != nil {
			return err
		}
		*dir = filepath.Join(root, ".build", "cdk.out."+*environment)
		if err := running.Synthesize(ctx, running.Options{Root: root, Environment: *environment, Environ: environ}, *dir); err != nil {
			return err
		}
	}
	a, err := assembly.Read(*dir)
	if err != nil {
		return err
	}
	report, err := costing.Of(a, load, time.Now().UTC())
	if err != nil {
		return err
	}
	if *chart != "" {
		if err := os.WriteFile(*chart, []byte(report.Chart()), 0o644); err != nil {
			return err
		}
	}
	text, err := write(report)
	if err != nil {
		return err
	}
	_, err = io.Copy(stdout, strings.NewReader(text))
	return err
}

// loadFlags adds the flags of the load.
func loadFlags(flags *flag.FlagSet, load *costing.Load) {
	flags.Float64Var(&load.RequestsPerSecond, "rps", load.RequestsPerSecond, "requests a second, at every moment of the month")
	flags.Float64Var(&load.Seconds, "seconds", load.Seconds, "seconds that an answer takes")
	flags.IntVar(&load.InputTokens, "input", load.InputTokens, "input tokens of a request, none cached")
	flags.IntVar(&load.OutputTokens, "output", load.OutputTokens, "output tokens of an answer")
	flags.Var(&load.Mix, "mix", "how the requests divide among the aliases, in percent")
	flags.IntVar(&load.RequestBytes, "request-bytes", load.RequestBytes, "bytes of a request")
	flags.IntVar(&load.AnswerBytes, "answer-bytes", load.AnswerBytes, "bytes of an answer; a stream's events are many times its text")
	flags.IntVar(&load.LogBytes, "log-bytes", load.LogBytes, "bytes that a request leaves in a log group")
}

// monthly says for a diff what stands in a stack for a month, whatever the load.
func monthly() (func(*assembly.Stack) (diff.Cost, error), error) {
	prices, err := price.Load()
	if err != nil {
		return nil, err
	}
	return func(s *assembly.Stack) (diff.Cost, error) {
		fixed, err := costing.OfStack(prices, s)
		return diff.Cost{USD: fixed.USD, Note: fixed.Note()}, err
	}, nil
}
