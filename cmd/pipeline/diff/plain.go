package diff

import (
	"fmt"
	"strings"
)

// Text writes the report for a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	b.WriteString(r.headline() + "\n")
	if r.Cost != nil {
		fmt.Fprintf(&b, "cost: %s\n", r.Cost)
	}
	r.textFindings(&b)
	for _, s := range r.Stacks {
		r.textStack(&b, s)
	}
	if len(r.Failed) > 0 {
		fmt.Fprintf(&b, "\nDoes not pass: %s\n", strings.Join(r.Failed, ", "))
	}
	return b.String()
}

func (r *Report) textFindings(b *strings.Builder) {
	for i, f := range r.Findings {
		if i == 0 {
			b.WriteString("\n")
		}
		label := string(f.Category)
		if f.Waiver != nil {
			label = "waived until " + f.Waiver.Until.String() + " (" + clip(f.Waiver.Reason, maxValue) + "): " + label
		}
		b.WriteString(label + prefixed("  ", f.Stack))
		if f.Resource != "" {
			fmt.Fprintf(b, "  %s (%s)", f.Name, shortType(f.Type))
		}
		fmt.Fprintf(b, ": %s\n", f.text())
		for _, detail := range f.Details {
			fmt.Fprintf(b, "    %s\n", detail)
		}
	}
	for i, w := range r.Waivers {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "waiver %s excuses nothing; %s\n", w.Waiver, w.Why)
	}
}

func (r *Report) textStack(b *strings.Builder, s StackChange) {
	fmt.Fprintf(b, "\n%s\n", s.title())
	if s.Cost != nil && !s.Cost.same() {
		fmt.Fprintf(b, "  cost: %s%s\n", s.Cost, prefixed("; ", s.Cost.After.Note))
	}
	for _, c := range s.Changes {
		fmt.Fprintf(b, "  %-15s  %s (%s)\n", c.Action, c.Name, shortType(c.Type))
		for _, p := range c.Properties {
			fmt.Fprintf(b, "    %s: %s\n", p.Name, p.change(func(value string) string { return value }))
		}
	}
	for _, line := range s.folds() {
		fmt.Fprintf(b, "  %s: %s\n", line[0], line[1])
	}
}
