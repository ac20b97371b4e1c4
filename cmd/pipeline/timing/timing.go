// Package timing compares what synthesizing environments takes: each alone, and all at once, which should not take much
// longer than the slowest.
//
// It must not know what is in an environment.
package timing

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Synthesizing every environment at once should take no longer than this: the factor times the slowest of them alone,
// and the allowance for each stack more than that one has.
const (
	factor    = 1.3
	allowance = time.Second
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

// Run synthesizes each environment of the repository at root alone and all at once, some times in turns, at least once,
// and prints how the fastest times compare. Times above the limit are no error.
func Run(ctx context.Context, root string, environ []string, rounds int, stdout io.Writer) error {
	names, err := environment.Names(filepath.Join(root, environment.DefaultFolder))
	if err != nil {
		return err
	}
	all := make([]synthesis, 0, len(names)+1)
	for _, name := range names {
		all = append(all, synthesis{names: []string{name}})
	}
	all = append(all, synthesis{names: names})
	for range rounds {
		for i := range all {
			if err := all[i].run(ctx, root, environ); err != nil {
				return err
			}
		}
	}
	return report(stdout, all[:len(names)], all[len(names)])
}

// run synthesizes once, into a folder of its own.
func (s *synthesis) run(ctx context.Context, root string, environ []string) error {
	dir, err := os.MkdirTemp("", "timing")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover is only untidy
	begin := time.Now()
	if err := up.Synthesize(ctx, up.Options{Root: root, Environ: environ, Environment: strings.Join(s.names, ",")}, dir); err != nil {
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

// report prints the times and whether the one of all keeps to the limit. At least one single is needed.
func report(stdout io.Writer, singles []synthesis, together synthesis) error {
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
	limit := time.Duration(factor*float64(slowest.fastest())) + time.Duration(further)*allowance
	verdict := "within"
	if together.fastest() > limit {
		verdict = "ABOVE"
	}
	_, err := fmt.Fprintf(stdout, "All at once takes %.2f times the slowest alone (%s). That is %s the limit of %.1f s: %.1f times that one, and %.0f s for each of %d further stacks.\n",
		together.fastest().Seconds()/slowest.fastest().Seconds(), strings.Join(slowest.names, ","), verdict,
		limit.Seconds(), factor, allowance.Seconds(), further)
	return err
}
