// Package rehearse takes an environment through the life of a deployment on this machine: the real CDK command line
// bootstraps, deploys, deploys again, compares, updates and destroys every stack, in the order of make deploy, against
// MiniStack, an emulator of AWS that listens on loopback only.
//
// It proves our path through the command line: assets, change sets, references between stacks, order, protection. It
// does not prove that AWS accepts a template. It must not know what is in the stacks.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/progress"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Options says what to rehearse.
type Options struct {
	Root        string   // of the checkout
	Environment string   // name of the environment
	Folder      string   // of its file; default the checkout's
	Work        string   // where everything is written; default .build/rehearse/<environment>
	Environ     []string // this process's own
	// Image returns the digest that containers run by in the rehearsal, where the environment names no image: there may be
	// no engine to build one with.
	Image func() (string, error)
	// Synthesize writes the assembly of the environment whose file is in the folder; default the CDK command line.
	Synthesize func(ctx context.Context, folder, output string) error
	// Document shows, between marks, what the emulator stubs; default none is held against the run.
	Document string
	Write    bool // writes the document instead
}

// filled has the defaults.
func (o Options) filled() Options {
	if o.Folder == "" {
		o.Folder = filepath.Join(o.Root, environment.DefaultFolder)
	}
	if o.Work == "" {
		o.Work = filepath.Join(o.Root, ".build", "rehearse", o.Environment)
	}
	if o.Synthesize == nil {
		o.Synthesize = func(ctx context.Context, folder, output string) error {
			return up.Synthesize(ctx, up.Options{Root: o.Root, Environ: o.Environ, Environment: o.Environment, Environments: folder}, output)
		}
	}
	return o
}

// rehearsal is one run.
type rehearsal struct {
	Options
	out      io.Writer
	progress *progress.Reporter
	e        environment.Environment
	emulator *emulator
	cli      cli
	as       *assembly.Assembly // as the environment is
	changed  *assembly.Assembly // with one setting changed
	differ   []string           // the stacks whose templates have the change, by id
}

// Run does it, and returns what went wrong first. Nothing of it is running when it returns. Its error is ErrNoPython where
// there is no Python to run the emulator with.
func Run(ctx context.Context, o Options, stdout io.Writer) (err error) {
	r := &rehearsal{Options: o.filled(), out: stdout, progress: progress.New(stdout)}
	begin := time.Now()
	if _, err := environment.LoadNamed(r.Folder, []string{r.Environment}, begin); err != nil {
		return err // before a minute goes into what it would run on
	}
	var python string
	if err := r.progress.Step("install MiniStack "+Version, func() (err error) {
		python, err = install(ctx, r.Root)
		return err
	}); err != nil {
		return err
	}
	if err := r.synthesize(ctx); err != nil {
		return err
	}
	if err := r.progress.Step("start MiniStack", func() (err error) {
		r.emulator, err = start(ctx, python, r.Work, r.e)
		return err
	}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.emulator.close()) }()
	r.print("  it listens on %s alone, and logs to %s\n", r.emulator.url(), r.emulator.log)
	r.cli = newCLI(r.Options, r.e, r.emulator)
	for _, phase := range []func(context.Context) error{r.bootstrap, r.deploy, r.again, r.compare, r.update, r.protected, r.destroy} {
		if err := phase(ctx); err != nil {
			return fmt.Errorf("%w\nall that cdk said: %s", err, r.cli.log)
		}
	}
	if err := r.report(); err != nil {
		return err
	}
	r.print("\nRehearsed %s in %.0f s: %d stacks, and none is left.\n%s\n", r.Environment, time.Since(begin).Seconds(), len(r.as.Stacks), proves)
	return nil
}

// synthesize makes both assemblies, from copies of the environment's file.
func (r *rehearsal) synthesize(ctx context.Context) error {
	if err := os.RemoveAll(r.Work); err != nil {
		return err
	}
	c, err := r.change()
	if err != nil {
		return err
	}
	r.e = c.e
	for _, s := range []struct {
		name, folder string
		into         **assembly.Assembly
	}{{"synthesize " + r.Environment, c.as, &r.as}, {"synthesize it with " + c.what, c.changed, &r.changed}} {
		if err := r.progress.Step(s.name, func() error {
			output := s.folder + ".out"
			if err := r.Synthesize(ctx, s.folder, output); err != nil {
				return err
			}
			*s.into, err = assembly.Read(output)
			return err
		}); err != nil {
			return err
		}
	}
	if c.image != "" {
		r.print("  containers run by %s: no image is built or published\n", c.image)
	}
	return nil
}

func (r *rehearsal) bootstrap(ctx context.Context) error {
	var places []string
	for _, s := range r.as.Stacks {
		places = append(places, "aws://"+s.Account+"/"+s.Region)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	return r.progress.Step("bootstrap "+strings.Join(places, " "), func() error {
		_, err := r.cli.run(ctx, "bootstrap", append([]string{"bootstrap"}, places...)...)
		return err
	})
}

// deploy deploys everything, and wants every stack to be there after it.
func (r *rehearsal) deploy(ctx context.Context) error {
	done, err := r.steps(ctx, "deploy", r.as, r.e.Steps(), "deploy", "--require-approval", "never")
	if err != nil {
		return err
	}
	for _, s := range r.as.Stacks {
		if !slices.Contains(names(done), s.ID) {
			return fmt.Errorf("deploy: no step deploys stack %s; the steps are %s", s.ID, strings.Join(r.e.Steps(), " "))
		}
	}
	return nil
}

// again deploys what is there, and wants no change.
func (r *rehearsal) again(ctx context.Context) error {
	done, err := r.steps(ctx, "deploy again", r.as, r.e.Steps(), "deploy", "--require-approval", "never")
	if err != nil {
		return err
	}
	for _, d := range done {
		if !d.unchanged {
			return fmt.Errorf("deploy again: stack %s was changed, and nothing in it had changed", d.stack)
		}
	}
	return nil
}

// compare wants cdk diff to show the change, in those stacks whose templates have it.
func (r *rehearsal) compare(ctx context.Context) error {
	for _, s := range r.changed.Stacks {
		before, err := r.as.Stack(s.ID)
		if err != nil || !reflect.DeepEqual(before.Template, s.Template) {
			r.differ = append(r.differ, s.ID)
		}
	}
	if len(r.differ) == 0 {
		return errors.New("diff: the changed setting is in no template, so that nothing would be updated")
	}
	shown, err := r.differences(ctx, "diff before the update")
	if err != nil {
		return err
	}
	if !slices.Equal(shown, r.differ) {
		return fmt.Errorf("diff before the update: cdk shows changes in [%s]; the templates differ in [%s]", strings.Join(shown, " "), strings.Join(r.differ, " "))
	}
	r.print("  as the templates: %s\n", strings.Join(r.differ, " "))
	return nil
}

// update deploys the change, and wants no difference after it.
func (r *rehearsal) update(ctx context.Context) error {
	done, err := r.steps(ctx, "update", r.changed, r.e.Steps(), "deploy", "--require-approval", "never")
	if err != nil {
		return err
	}
	var updated []string
	for _, d := range done {
		if !d.unchanged {
			updated = append(updated, d.stack)
		}
	}
	slices.Sort(updated)
	if !slices.Equal(updated, r.differ) {
		return fmt.Errorf("update: cdk updated [%s]; the templates differ in [%s]", strings.Join(updated, " "), strings.Join(r.differ, " "))
	}
	left, err := r.differences(ctx, "diff after the update")
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("diff after the update: there are still changes in %s", strings.Join(left, " "))
	}
	return err
}

// protected wants stacks with termination protection to stay, and then takes it off, as a person does before the end.
func (r *rehearsal) protected(ctx context.Context) error {
	var kept []*assembly.Stack
	for _, s := range r.changed.Stacks {
		if s.TerminationProtection {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return r.progress.Step("destroy what is protected, which must be refused", func() error {
		for i, s := range kept {
			if i == 0 { // one will do: the emulator tells the others' protection below
				said, err := r.cli.run(ctx, "destroy what is protected", "--app", r.changed.Dir, "destroy", "--force", "--exclusively", s.ID)
				if err == nil || !strings.Contains(said, "TerminationProtection") {
					return fmt.Errorf("destroy what is protected: stack %s was not refused for its termination protection; the last lines of cdk:\n%s", s.ID, tail(said, shownLines))
				}
			}
			is, err := r.emulator.stack(ctx, s)
			if err != nil {
				return err
			}
			if !is.Protected {
				return fmt.Errorf("stack %s is to be protected from termination, and is not", s.ID)
			}
			if err := r.emulator.unprotect(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// destroy destroys everything, the last step first, and wants nothing of ours to be left in any Region.
func (r *rehearsal) destroy(ctx context.Context) error {
	steps := r.e.Steps()
	slices.Reverse(steps)
	for _, step := range steps {
		if err := r.progress.Step("destroy "+step, func() error {
			_, err := r.cli.run(ctx, "destroy "+step, "--app", r.changed.Dir, "destroy", "--force", step)
			return err
		}); err != nil {
			return err
		}
	}
	left, err := r.emulator.left(ctx, r.changed.Stacks)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("destroy: these stacks are left: %s", strings.Join(left, ", "))
	}
	return err
}

// steps runs a command for each step, and prints of each stack what the emulator says of it.
func (r *rehearsal) steps(ctx context.Context, name string, of *assembly.Assembly, steps []string, args ...string) ([]outcome, error) {
	var all []outcome
	for _, step := range steps {
		var done []outcome
		if err := r.progress.Step(name+" "+step, func() error {
			said, err := r.cli.run(ctx, name+" "+step, append(append([]string{"--app", of.Dir}, args...), step)...)
			done = outcomes(said)
			return err
		}); err != nil {
			return nil, err
		}
		for _, d := range done {
			if err := r.show(ctx, of, d); err != nil {
				return nil, fmt.Errorf("%s %s: %w", name, step, err)
			}
		}
		all = append(all, done...)
	}
	return all, nil
}

// show prints a stack as the emulator has it, which must be complete.
func (r *rehearsal) show(ctx context.Context, of *assembly.Assembly, d outcome) error {
	s, err := of.Stack(d.stack)
	if err != nil {
		return err
	}
	is, err := r.emulator.stack(ctx, s)
	if err != nil {
		return err
	}
	if is.Status != "CREATE_COMPLETE" && is.Status != "UPDATE_COMPLETE" {
		return fmt.Errorf("stack %s is %s: %s", s.ID, is.Status, is.Reason)
	}
	note := ""
	if d.unchanged {
		note = ", no changes"
	}
	r.print("  %s: %s, %d resources%s\n", s.ID, is.Status, len(s.Resources), note)
	return nil
}

// differences are the stacks in which cdk diff shows any, by id.
func (r *rehearsal) differences(ctx context.Context, name string) ([]string, error) {
	var all []string
	for _, step := range r.e.Steps() {
		if err := r.progress.Step(name+" "+step, func() error {
			said, err := r.cli.run(ctx, name+" "+step, "--app", r.changed.Dir, "diff", step)
			all = append(all, differing(said)...)
			return err
		}); err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// print ignores errors: a rehearsal does not fail because nobody reads it.
func (r *rehearsal) print(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format, args...) }

func names(done []outcome) []string {
	var all []string
	for _, d := range done {
		all = append(all, d.stack)
	}
	return all
}
