package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// environments lists what the files say, as on a day: whoever asks about a later one learns which models will have ended.
// A file that would be refused is an error, after all were listed.
func environments(_ context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	folder := flags.String("folder", "environments", "folder of the environment files")
	day := flags.String("as-of", "", "a day such as 2027-03-01, on which the models are judged; default today")
	if err := parse(flags, args); err != nil {
		return err
	}
	asOf := time.Now()
	if *day != "" {
		var err error
		if asOf, err = time.Parse(time.DateOnly, *day); err != nil {
			return fmt.Errorf("-as-of is %q; allowed is a day such as 2027-03-01", *day)
		}
	}
	names, err := environment.Names(*folder)
	if err != nil {
		return err
	}
	known, err := catalog.Load()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "ENVIRONMENT\tACCOUNT\tREGION\tVARIANTS\tALIAS\tMODEL\tEND OF LIFE")
	var refused, recoveries, warnings []string
	for _, name := range names {
		e, err := environment.LoadNamed(*folder, []string{name}, asOf)
		if err != nil {
			_, _ = fmt.Fprintf(w, "%s\t\t\trefused, see below\n", name)
			refused = append(refused, err.Error())
			continue
		}
		for _, warning := range e[0].Warnings {
			warnings = append(warnings, "warning: "+warning.Error())
		}
		listEnvironment(w, e[0], known, asOf)
		if plan, ok := e[0].Recovery(); ok {
			recoveries = append(recoveries, recoveryOf(e[0], plan))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, text := range append(recoveries, warnings...) {
		_, _ = fmt.Fprintln(stdout, text)
	}
	if len(refused) > 0 {
		return fmt.Errorf("%d of %d environments are refused as of %s:\n%s", len(refused), len(names), asOf.Format(time.DateOnly), strings.Join(refused, "\n"))
	}
	return nil
}

// listEnvironment writes a line for each target, the environment's own columns on the first alone.
func listEnvironment(w io.Writer, e environment.Environment, known *catalog.Catalog, asOf time.Time) {
	first := fmt.Sprintf("%s\t%s\t%s\t%s", e.Name, e.Account, strings.Join(e.Regions, " "), strings.Join(variantsOf(e), " "))
	for _, m := range e.Models {
		for i, t := range m.Targets {
			alias, where := m.Alias, t.Model
			if i > 0 {
				alias = ""
			}
			if t.Region != "" {
				where += " in " + t.Region
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", first, alias, where, end(known, t.Model, asOf))
			first = "\t\t\t"
		}
	}
}

// recoveryOf says how long a failover of an environment takes, and what is lost in it.
func recoveryOf(e environment.Environment, plan recovery.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s fails over from one of %s to the other (%s):\n%s\n", e.Name, strings.Join(e.Regions, ", "), e.Failover.Mode, plan)
	for _, loss := range e.Losses() {
		fmt.Fprintf(&b, "%s\n", loss)
	}
	return b.String()
}

func variantsOf(e environment.Environment) []string {
	var names []string
	for _, v := range []struct {
		name  string
		there bool
	}{{settings.VariantServerless, e.Serverless != nil}, {settings.VariantContainers, e.Containers != nil}, {settings.VariantInstances, e.Instances != nil}} {
		if v.there {
			names = append(names, v.name)
		}
	}
	return names
}

// end says when calls of a model begin to fail. The environment was checked: the catalog knows every model in it.
func end(known *catalog.Catalog, id string, asOf time.Time) string {
	call, err := known.Resolve(id)
	if err != nil {
		return err.Error()
	}
	text := "none announced"
	if !call.Model.EndOfLife.IsZero() {
		text = call.Model.EndOfLife.Format(time.DateOnly)
	}
	if call.Model.Status(asOf) == catalog.Legacy {
		text += ", legacy"
	}
	return text
}
