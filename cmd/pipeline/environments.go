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
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	costing "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
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
	write, ok := map[string]func(io.Writer, *overview) error{"text": writeOverview, "json": writeJSON}[*format]
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
	seen, err := look(*folder, asOf)
	if err != nil {
		return err
	}
	if !*quick {
		if *dir == "" {
			*dir, err = seen.synthesize(ctx, *folder, environ)
			defer func() { _ = os.RemoveAll(*dir) }() // a leftover is only untidy
		}
		if err == nil {
			err = seen.price(*dir)
		}
		if err != nil {
			return err
		}
	}
	if err := write(stdout, seen); err != nil {
		return err
	}
	return seen.refused()
}

// overview is what is known of every environment of a folder.
type overview struct {
	AsOf string `json:"asOf"` // the day the models are judged by
	// SynthesisSeconds is how long it took to make the templates; 0 where they were there, or not asked for.
	SynthesisSeconds float64  `json:"synthesisSeconds,omitempty"`
	Environments     []listed `json:"environments"`
}

// listed is an environment. Of one that is refused, nothing but its name and why is known.
type listed struct {
	Name     string        `json:"name"`
	Refused  string        `json:"refused,omitempty"`
	Account  string        `json:"account,omitempty"`
	Regions  []string      `json:"regions,omitempty"`
	Variants []string      `json:"variants,omitempty"`
	Models   []listedModel `json:"models,omitempty"`
	// RecoverySeconds is how long a failover takes at most; nil where there is none.
	RecoverySeconds *float64 `json:"recoverySeconds"`
	// Stacks are the ids of the stacks; nil where nobody asked for templates.
	Stacks []string `json:"stacks,omitempty"`
	// Fixed is what stands there for a month, as pipeline cost says it; nil where nobody asked for templates.
	Fixed    *costing.Sum `json:"fixedMonthly"`
	Warnings []string     `json:"warnings,omitempty"`

	loaded environment.Environment
}

// listedModel is a target of an alias.
type listedModel struct {
	Alias     string `json:"alias"`
	Model     string `json:"model"`
	Region    string `json:"region,omitempty"`    // whose Bedrock is called; empty: the stack's
	EndOfLife string `json:"endOfLife,omitempty"` // a day; empty: none announced
	Legacy    bool   `json:"legacy,omitempty"`
}

// look reads the files.
func look(folder string, asOf time.Time) (*overview, error) {
	names, err := environment.Names(folder)
	if err != nil {
		return nil, err
	}
	known, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	seen := &overview{AsOf: asOf.Format(time.DateOnly)}
	for _, name := range names {
		one := listed{Name: name}
		if all, err := environment.LoadNamed(folder, []string{name}, asOf); err != nil {
			one.Refused = err.Error()
		} else if err := one.describe(all[0], known, asOf); err != nil {
			return nil, err
		}
		seen.Environments = append(seen.Environments, one)
	}
	return seen, nil
}

func (l *listed) describe(e environment.Environment, known *catalog.Catalog, asOf time.Time) error {
	l.loaded, l.Account, l.Regions, l.Variants = e, e.Account, e.Regions, e.Variants()
	for _, m := range e.Models {
		for _, t := range m.Targets {
			call, err := known.Resolve(t.Model)
			if err != nil {
				return err // the environment was checked: the catalog knows every model in it
			}
			one := listedModel{Alias: m.Alias, Model: t.Model, Region: t.Region, Legacy: call.Model.Status(asOf) == catalog.Legacy}
			if !call.Model.EndOfLife.IsZero() {
				one.EndOfLife = call.Model.EndOfLife.Format(time.DateOnly)
			}
			l.Models = append(l.Models, one)
		}
	}
	if plan, ok := e.Recovery(); ok {
		seconds := plan.RTO().Seconds()
		l.RecoverySeconds = &seconds
	}
	for _, warning := range e.Warnings {
		l.Warnings = append(l.Warnings, warning.Error())
	}
	return nil
}

// synthesize makes the templates of every environment that is not refused, in a folder that it returns.
func (o *overview) synthesize(ctx context.Context, folder string, environ []string) (string, error) {
	var names []string
	for _, e := range o.Environments {
		if e.Refused == "" {
			names = append(names, e.Name)
		}
	}
	root, err := running.Root(".")
	if err != nil {
		return "", err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "environments")
	if err != nil || len(names) == 0 {
		return dir, err
	}
	begin := time.Now()
	options := running.Options{Root: root, Environ: environ, Environment: strings.Join(names, ","), Environments: folder}
	err = running.Synthesize(ctx, options, dir)
	o.SynthesisSeconds = time.Since(begin).Seconds()
	return dir, err
}

// price takes stacks and their fixed cost from an assembly.
func (o *overview) price(dir string) error {
	if !slices.ContainsFunc(o.Environments, func(e listed) bool { return e.Refused == "" }) {
		return nil
	}
	whole, err := assembly.Read(dir)
	if err != nil {
		return err
	}
	for i := range o.Environments {
		e := &o.Environments[i]
		if e.Refused != "" {
			continue
		}
		own := *whole
		own.Stacks = nil
		for _, s := range whole.Stacks {
			if stage, _, _ := strings.Cut(s.ID, "/"); slices.Contains(e.loaded.Stages(), stage) {
				own.Stacks = append(own.Stacks, s)
				e.Stacks = append(e.Stacks, s.ID)
			}
		}
		if len(own.Stacks) == 0 {
			return fmt.Errorf("%s has no stack of %s; synthesize it too, or leave -assembly out", dir, e.Name)
		}
		fixed, err := costing.Standing(&own)
		if err != nil {
			return err
		}
		e.Fixed = &fixed
	}
	return nil
}

// refused is the error of the files that are; nil when all are good.
func (o *overview) refused() error {
	var problems []string
	for _, e := range o.Environments {
		if e.Refused != "" {
			problems = append(problems, e.Refused)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d environments are refused as of %s:\n%s", len(problems), len(o.Environments), o.AsOf, strings.Join(problems, "\n"))
}
