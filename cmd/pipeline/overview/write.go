package overview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// unknown stands in a column of which nothing is known, or nothing is there.
const unknown = "-"

// Text writes one table, and below it what does not fit in.
func (o *Overview) Text(stdout io.Writer) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "ENVIRONMENT\tACCOUNT\tREGION\tVARIANTS\tSTACKS\tRTO\tA MONTH\tALIAS\tMODEL\tEND OF LIFE")
	for _, e := range o.Environments {
		if e.Refused != "" {
			_, _ = fmt.Fprintf(w, "%s\t\t\trefused, see below\n", e.Name)
			continue
		}
		e.write(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var below strings.Builder
	for _, e := range o.Environments {
		if len(e.Stacks) > 0 {
			fmt.Fprintf(&below, "\nstacks of %s: %s\n", e.Name, strings.Join(e.Stacks, ", "))
		}
	}
	if below.Len() > 0 {
		below.WriteString("\nA MONTH is what stands there whatever the load, by list prices; pipeline cost says what it is made of.\n")
	}
	if o.SynthesisSeconds > 0 {
		fmt.Fprintf(&below, "The templates took %.0f s to synthesize; -quick does without them, -assembly takes those that are there.\n", o.SynthesisSeconds)
	}
	for _, e := range o.Environments {
		below.WriteString(e.recovery())
	}
	for _, e := range o.Environments {
		for _, warning := range e.Warnings {
			fmt.Fprintf(&below, "warning: %s\n", warning)
		}
	}
	_, err := io.WriteString(stdout, below.String())
	return err
}

// write writes a line for each target, the environment's own columns on the first alone and an alias on its first.
func (l Environment) write(w io.Writer) {
	stacks, month, rto := unknown, unknown, unknown
	if l.Fixed != nil {
		stacks, month = fmt.Sprint(len(l.Stacks)), l.Fixed.String()
	}
	if plan, ok := l.loaded.Recovery(); ok {
		rto = plan.RTO().String()
	}
	first := strings.Join([]string{l.Name, l.Account, strings.Join(l.Regions, " "), strings.Join(l.Variants, " "), stacks, rto, month}, "\t")
	alias := ""
	for _, m := range l.Models {
		shown, where, end := m.Alias, m.Model, cmp.Or(m.EndOfLife, "none announced")
		if shown == alias {
			shown = ""
		}
		alias = m.Alias
		if m.Region != "" {
			where += " in " + m.Region
		}
		if m.Legacy {
			end += ", legacy"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", first, shown, where, end)
		first = strings.Repeat("\t", 6)
	}
}

// recovery says how long a failover takes, and what is lost in it; empty where there is none.
func (l Environment) recovery() string {
	plan, ok := l.loaded.Recovery()
	if !ok {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s fails over from one of %s to the other (%s):\n%s\n", l.Name, strings.Join(l.Regions, ", "), l.loaded.Failover.Mode, plan)
	for _, loss := range l.loaded.Losses() {
		fmt.Fprintf(&b, "%s\n", loss)
	}
	b.WriteByte('\n')
	return b.String()
}

// JSON writes the same for tools.
func (o *Overview) JSON(stdout io.Writer) error {
	e := json.NewEncoder(stdout)
	e.SetIndent("", "  ")
	return e.Encode(o)
}
