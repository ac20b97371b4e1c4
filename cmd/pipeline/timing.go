package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Synthesizing every environment at once should take no longer than this: the factor times the slowest of them alone,
// and the allowance for each stack more than that one has.
const (
	timingFactor    = 1.3
	timingAllowance = time.Second
)

// synthesis is what one selection of environments took.
type synthesis struct {
	names     []string
	took      []time.Duration // one a round
	stacks    int
	resources int
}

// fastest is the round that counts: what else a machine does only adds to the others.
func (s synthesis) fastest() time.Duration { return slices.Min(s.took) }

// timing synthesizes each environment alone and all at once, and says how the times compare.
func timing(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
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
	names, err := environment.Names(filepath.Join(root, "environments"))
	if err != nil {
		return err
	}
	all := make([]synthesis, 0, len(names)+1)
	for _, name := range names {
		all = append(all, synthesis{names: []string{name}})
	}
	all = append(all, synthesis{names: names})
	for range *rounds {
		for i := range all {
			if err := all[i].run(ctx, root, environ); err != nil {
				return err
			}
		}
	}
	return timingReport(stdout, all[:len(names)], all[len(names)])
}

// run synthesizes once, into a folder of its own.
func (s *synthesis) run(ctx context.Context, root string, environ []string) error {
	dir, err := os.MkdirTemp("", "timing")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover is only untidy
	begin := time.Now()
	if err := running.Synthesize(ctx, running.Options{Root: root, Environ: environ, Environment: strings.Join(s.names, ",")}, dir); err != nil {
		return err
	}
	s.took = append(s.took, time.Since(begin))
	a, err := assembly.Read(dir)
	if err != nil {
		return err
	}
	s.stacks, s.resources = len(a.Stacks), 0
	for _, stack := range a.Stacks {
		s.resources += len(stack.Resources)
	}
	return nil
}

// timingReport prints the times and whether the one of all keeps to the limit. At least one single is needed.
func timingReport(stdout io.Writer, singles []synthesis, together synthesis) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "ENVIRONMENTS\tSTACKS\tRESOURCES\tSECONDS")
	for _, s := range append(slices.Clone(singles), together) {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\n", strings.Join(s.names, ","), s.stacks, s.resources, s.fastest().Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	slowest := slices.MaxFunc(singles, func(a, b synthesis) int { return int(a.fastest() - b.fastest()) })
	further := max(0, together.stacks-slowest.stacks)
	limit := time.Duration(timingFactor*float64(slowest.fastest())) + time.Duration(further)*timingAllowance
	verdict := "within"
	if together.fastest() > limit {
		verdict = "ABOVE"
	}
	_, err := fmt.Fprintf(stdout, "All at once takes %.2f times the slowest alone (%s). That is %s the limit of %.1f s: %.1f times that one, and %.0f s for each of %d further stacks.\n",
		together.fastest().Seconds()/slowest.fastest().Seconds(), strings.Join(slowest.names, ","), verdict,
		limit.Seconds(), timingFactor, timingAllowance.Seconds(), further)
	return err
}
