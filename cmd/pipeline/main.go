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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
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
		{"stacks", "list the stacks of a synthesized assembly and what is in them", stacks},
		{"image", "build the container image without an engine; with push REGISTRY/REPOSITORY, send it there", image},
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
		fmt.Fprintf(&text, "  %-9s %s\n", c.name, c.about)
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
