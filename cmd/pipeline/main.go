// Command pipeline is the operator's command. It reads what was synthesized, as files, and runs or explains it.
//
// It must not start the CDK's own runtime: the CDK command line, where it is needed, is a child process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait for what the first one ends
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(status(err))
	}
}

// status tells a gate that failed from everything else that can go wrong.
func status(err error) int {
	var failed *diff.FailedError
	if errors.As(err, &failed) {
		return 2
	}
	return 1
}

// command is one subcommand.
type command struct {
	name  string
	about string
	// run parses its own arguments with the flag set, and does the work.
	run func(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error
}

// commands are the subcommands, in the order a person would list them.
func commands() []command {
	return []command{
		{"up", "synthesize an environment and run it on this machine", up},
		{"bedrock", "serve the embedded Bedrock", bedrock},
		{"drill", "rehearse the failover of an environment on this machine, and say how long it takes", drill},
		{"environments", "list the environments, their models with their ends, and what they warn of", environments},
		{"steps", "list what to deploy one after the other, as patterns for cdk deploy", steps},
		{"endpoints", "list what is asked after a deployment, and what cannot be asked from outside and why; .ci/ask reads it", endpoints},
		{"bootstrap", "print the commands that make an environment's account ready", bootstrap},
		{"empty", "delete what is in the buckets of an environment that is no production, before its stacks go", empty},
		{"stacks", "list the stacks of a synthesized assembly and what is in them", stacks},
		{"rehearse", "deploy, update and destroy an environment with the CDK command line on a local emulator", rehearsing},
		{"timing", "synthesize each environment alone and all at once, and compare the times", timings},
		{"cost", "say what an environment costs, from its templates and list prices", cost},
		{"dashboards", "draw the dashboards of the templates from the logs of a local run", dashboards},
		{"image", "build the container image without an engine; with push REGISTRY/REPOSITORY, send it there", image},
		{"diff", "say what deploying one synthesized assembly over another would change", changes},
		{"key", "make an API key for a tenant, and the hash that is stored", key},
	}
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("a command is missing\n%s", usage())
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		_, err := io.WriteString(stdout, usage())
		return err
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		flags := flag.NewFlagSet("pipeline "+c.name, flag.ContinueOnError)
		flags.SetOutput(stderr)
		flags.Usage = func() {
			_, _ = fmt.Fprintf(stderr, "pipeline %s: %s\n", c.name, c.about)
			flags.PrintDefaults()
		}
		err := c.run(ctx, flags, args[1:], environ, stdout)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	return fmt.Errorf("there is no command %q\n%s", args[0], usage())
}

func usage() string {
	var text strings.Builder
	text.WriteString("usage: pipeline COMMAND [FLAGS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&text, "  %-12s %s\n", c.name, c.about)
	}
	text.WriteString("\npipeline COMMAND -h lists the flags of a command.\n")
	return text.String()
}

// parse parses the flags of a command that takes no other arguments.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q", flags.Name(), flags.Arg(0))
	}
	return nil
}

// arguments parses the flags of a command and returns its other arguments, which may stand before and after flags.
func arguments(flags *flag.FlagSet, args []string) ([]string, error) {
	var others []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return others, nil
		}
		others, args = append(others, flags.Arg(0)), flags.Args()[1:]
	}
}
