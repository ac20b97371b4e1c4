// Package overview says what the environments of a folder are: where, which variants and models, until when these live,
// how long a failover takes and, where templates are at hand, what stands there for a month.
//
// It must not know how the question was asked, nor what is in a template: costs are those of package cost.
package overview

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Overview is what is known of every environment of a folder.
type Overview struct {
	AsOf string `json:"asOf"` // the day the models are judged by
	// SynthesisSeconds is how long it took to make the templates; 0 where they were there, or not asked for.
	SynthesisSeconds float64       `json:"synthesisSeconds,omitempty"`
	Environments     []Environment `json:"environments"`
}

// Environment is an environment of the folder. Of one that is refused, nothing but its name and why is known.
type Environment struct {
	Name     string   `json:"name"`
	Refused  string   `json:"refused,omitempty"`
	Account  string   `json:"account,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Variants []string `json:"variants,omitempty"`
	Models   []Model  `json:"models,omitempty"`
	// RecoverySeconds is how long a failover takes at most; nil where there is none.
	RecoverySeconds *float64 `json:"recoverySeconds"`
	// Stacks are the ids of the stacks; nil where nobody asked for templates.
	Stacks []string `json:"stacks,omitempty"`
	// Fixed is what stands there for a month, as pipeline cost says it; nil where nobody asked for templates.
	Fixed    *cost.Sum `json:"fixedMonthly"`
	Warnings []string  `json:"warnings,omitempty"`

	loaded environment.Environment
}

// Model is a target of an alias.
type Model struct {
	Alias     string `json:"alias"`
	Model     string `json:"model"`
	Region    string `json:"region,omitempty"`    // whose Bedrock is called; empty: the stack's
	EndOfLife string `json:"endOfLife,omitempty"` // a day; empty: none announced
	Legacy    bool   `json:"legacy,omitempty"`
}

// Look reads the files of a folder, as on a day: whoever asks about a later one learns which models will have ended. A
// file that is refused is no error here: see Refused.
func Look(folder string, asOf time.Time) (*Overview, error) {
	names, err := environment.Names(folder)
	if err != nil {
		return nil, err
	}
	known, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	seen := &Overview{AsOf: asOf.Format(time.DateOnly)}
	for _, name := range names {
		one := Environment{Name: name}
		if all, err := environment.LoadNamed(folder, []string{name}, asOf); err != nil {
			one.Refused = err.Error()
		} else if err := one.describe(all[0], known, asOf); err != nil {
			return nil, err
		}
		seen.Environments = append(seen.Environments, one)
	}
	return seen, nil
}

func (l *Environment) describe(e environment.Environment, known *catalog.Catalog, asOf time.Time) error {
	l.loaded, l.Account, l.Regions, l.Variants = e, e.Account, e.Regions, e.Variants()
	for _, m := range e.Models {
		for _, t := range m.Targets {
			call, err := known.Resolve(t.Model)
			if err != nil {
				return err // the environment was checked: the catalog knows every model in it
			}
			one := Model{Alias: m.Alias, Model: t.Model, Region: t.Region, Legacy: call.Model.Status(asOf) == catalog.Legacy}
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

// Synthesize makes the templates of every environment that is not refused, with the CDK command line, in a folder that it
// returns and the caller removes, also after an error.
func (o *Overview) Synthesize(ctx context.Context, folder string, environ []string) (string, error) {
	var names []string
	for _, e := range o.Environments {
		if e.Refused == "" {
			names = append(names, e.Name)
		}
	}
	root, err := up.Root(".")
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
	options := up.Options{Root: root, Environ: environ, Environment: strings.Join(names, ","), Environments: folder}
	err = up.Synthesize(ctx, options, dir)
	o.SynthesisSeconds = time.Since(begin).Seconds()
	return dir, err
}

// Price takes stacks and their fixed cost from the assembly in the folder dir, which must have stacks of every environment
// that is not refused.
func (o *Overview) Price(dir string) error {
	if !slices.ContainsFunc(o.Environments, func(e Environment) bool { return e.Refused == "" }) {
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
		fixed, err := cost.Standing(&own)
		if err != nil {
			return err
		}
		e.Fixed = &fixed
	}
	return nil
}

// Refused is the error of the files that are; nil when all are good.
func (o *Overview) Refused() error {
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
