package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/overview"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/timing"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// environments lists what the files and their templates say, as on a day: whoever asks about a later one learns which
// models will have ended. A file that would be refused is an error, after all were listed.
func environments(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	folder := flags.String("folder", environment.DefaultFolder, "folder of the environment files")
	day := flags.String("as-of", "", "a day such as 2027-03-01, on which the models are judged; default today")
	dir := flags.String("assembly", "", "take stacks and cost from this synthesized assembly instead of synthesizing one")
	quick := flags.Bool("quick", false, "leave out stacks and cost, which only templates say: synthesizing every environment takes ten seconds on an idle machine")
	format := flags.String("format", "text", "text or json")
	if err := parse(flags, args); err != nil {
		return err
	}
	write, ok := map[string]func(*overview.Overview, io.Writer) error{"text": (*overview.Overview).Text, "json": (*overview.Overview).JSON}[*format]
	if !ok {
		return fmt.Errorf("-format is %q; allowed are text and json", *format)
	}
	asOf := time.Now().UTC()
	if *day != "" {
		var err error
		if asOf, err = time.Parse(time.DateOnly, *day); err != nil {
			return fmt.Errorf("-as-of is %q; allowed is a day such as 2027-03-01", *day)
		}
	}
	seen, err := overview.Look(*folder, asOf)
	if err != nil {
		return err
	}
	if !*quick {
		if *dir == "" {
			*dir, err = seen.Synthesize(ctx, *folder, environ)
			defer func() { _ = os.RemoveAll(*dir) }() // a leftover is only untidy
		}
		if err == nil {
			err = seen.Price(*dir)
		}
		if err != nil {
			return err
		}
	}
	if err := write(seen, stdout); err != nil {
		return err
	}
	return seen.Refused()
}

// timings says how long the synthesis of each environment takes, and that of all at once.
func timings(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	rounds := flags.Int("rounds", 3, "times that each is synthesized, in turns; the fastest counts")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds is %d; allowed is 1 or more", *rounds)
	}
	root, err := running.Root(".")
	if err != nil {
		return err
	}
	return timing.Run(ctx, root, environ, *rounds, stdout)
}
