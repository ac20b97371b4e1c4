package cost

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// table is one table of a report, as text and Markdown both show it.
type table struct {
	title string
	head  []string
	rows  [][]string
	after string // what a reader must know of it
}

// Text writes the report for a terminal.
func (r *Report) Text() string {
	var out strings.Builder
	for _, line := range r.preface() {
		fmt.Fprintln(&out, line)
	}
	for _, t := range r.tables() {
		fmt.Fprintf(&out, "\n%s\n\n", t.title)
		w := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
		_, _ = fmt.Fprintln(w, strings.ToUpper(strings.Join(t.head, "\t")))
		for _, row := range t.rows {
			_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
		}
		_ = w.Flush()
		if t.after != "" {
			fmt.Fprintf(&out, "\n%s\n", t.after)
		}
	}
	return out.String()
}

// Markdown writes the report with headings of the third level.
func (r *Report) Markdown() string {
	var out strings.Builder
	out.WriteString(strings.Join(r.preface(), "\n\n") + "\n")
	for _, t := range r.tables() {
		fmt.Fprintf(&out, "\n### %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.head, " | "), strings.Repeat("---|", len(t.head)))
		for _, row := range t.rows {
			fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		}
		if t.after != "" {
			fmt.Fprintf(&out, "\n%s\n", t.after)
		}
	}
	return out.String()
}

// preface says what the figures assume. Each entry is a paragraph.
func (r *Report) preface() []string {
	l := r.Load
	lines := []string{
		fmt.Sprintf("List prices in US dollars, without free tiers, taxes and agreements; a month has 730 hours. Prices are judged by %s.", r.AsOf.Format(time.DateOnly)),
		fmt.Sprintf("Assumed load: %v requests a second at every moment, which is %.2f million a month; %v s an answer; %d input and %d output tokens, none cached; %s; %d bytes a request, %d an answer, %d in the log.",
			l.RequestsPerSecond, r.RequestsPerMonth, l.Seconds, l.InputTokens, l.OutputTokens, l.Mix, l.RequestBytes, l.AnswerBytes, l.LogBytes),
	}
	lines = append(lines, "All that stands there, for a month, whatever the load: "+r.Fixed.String()+".")
	for _, w := range r.Warnings {
		lines = append(lines, "Warning: "+w)
	}
	return lines
}

func (r *Report) tables() []table {
	var tables []table
	for _, d := range r.Deployments {
		tables = append(tables, d.fixed())
		for _, v := range d.Variants {
			tables = append(tables, v.million(d.Name))
		}
		if len(d.Variants) > 0 {
			tables = append(tables, d.architectures(), d.levers())
		}
	}
	return tables
}

func (d Deployment) fixed() table {
	t := table{title: d.Name + ": a month, whatever the load", head: []string{"stack", "item", "quantity", "each", "a month"}}
	for _, s := range d.Stacks {
		for _, l := range s.Lines {
			item, quantity, each, month := l.Item, "", "", NoPrice
			if l.USD != nil {
				quantity, each, month = fmt.Sprintf("%v %s", round(l.Quantity), l.Unit), fmt.Sprintf("$%v", l.UnitUSD), dollars(*l.USD)
			} else if l.Why != "" && l.Why != NoPrice {
				month += ": " + l.Why
			}
			t.rows = append(t.rows, []string{s.ID, item, quantity, each, month})
		}
	}
	total := dollars(d.USD)
	if d.Unknown > 0 {
		total += fmt.Sprintf(", and %d without a price", d.Unknown)
	}
	t.rows = append(t.rows, []string{d.Name, "all", "", "", total})
	t.after = d.left()
	return t
}

// left names the types that have no line.
func (d Deployment) left() string {
	counts := map[bool]map[string]int{true: {}, false: {}}
	var use, not []string
	for _, s := range d.Stacks {
		for _, k := range s.ByUse {
			if counts[true][k.Type] == 0 {
				use = append(use, k.Type)
			}
			counts[true][k.Type] += k.Count
		}
		for _, k := range s.NotPriced {
			if counts[false][k.Type] == 0 {
				not = append(not, k.Type)
			}
			counts[false][k.Type] += k.Count
		}
	}
	list := func(kinds []string, count map[string]int) string {
		if len(kinds) == 0 {
			return "none"
		}
		parts := make([]string, len(kinds))
		for i, k := range kinds {
			parts[i] = fmt.Sprintf("%s (%d)", strings.TrimPrefix(k, "AWS::"), count[k])
		}
		return strings.Join(parts, ", ")
	}
	return "Billed by use alone: " + list(use, counts[true]) + ". Not priced: " + list(not, counts[false]) + "."
}

func (v Variant) million(deployment string) table {
	t := table{title: fmt.Sprintf("%s: a million requests through %s (%s)", deployment, v.Name, v.Shape), head: []string{"part", "a million", "from"}}
	row := func(p Part) {
		t.rows = append(t.rows, []string{p.Item, amount(p.USD), strings.TrimPrefix(p.Basis, NoPrice+": ")})
	}
	for _, p := range v.Parts {
		row(p)
	}
	t.rows = append(t.rows, []string{"all without tokens", v.Own.String(), ""})
	row(v.Tokens)
	row(v.Shared)
	return t
}

func (d Deployment) architectures() table {
	t := table{
		title: d.Name + ": arm64 against x86, compute of a million requests",
		head:  []string{"variant", "arm64", "the same on x86", "saved", "of all without tokens", "of all with tokens"},
		after: "Price alone: whether a request takes as long on both was not measured. For an instance, x86 is the newest type of as many CPUs and as much memory whose price is known.",
	}
	for _, v := range d.Variants {
		t.rows = append(t.rows, []string{
			v.Name, amount(v.Parts[0].USD) + " (" + v.Shape + ")", amount(v.X86.Compute) + " (" + v.X86.Shape + ")",
			percent(v.X86.Saving, 1), percent(v.X86.OfOwn, 1), percent(v.X86.OfAll, 2),
		})
	}
	return t
}

func (d Deployment) levers() table {
	t := table{title: d.Name + ": what else would change the compute", head: []string{"variant", "lever", "compute of a million", "instead of", "from"}}
	for _, v := range d.Variants {
		for _, p := range v.Levers {
			t.rows = append(t.rows, []string{v.Name, p.Item, amount(p.USD), amount(v.Parts[0].USD), strings.TrimPrefix(p.Basis, NoPrice+": ")})
		}
	}
	return t
}

// String writes the sum, and what is not in it.
func (s Sum) String() string {
	if s.Unknown > 0 {
		return fmt.Sprintf("%s, and %d without a price", dollars(s.USD), s.Unknown)
	}
	return dollars(s.USD)
}

func dollars(usd float64) string { return fmt.Sprintf("$%.2f", usd) }

func amount(usd *float64) string {
	if usd == nil {
		return NoPrice
	}
	return dollars(*usd)
}

func percent(p *float64, digits int) string {
	if p == nil {
		return "not known"
	}
	return fmt.Sprintf("%.*f %%", digits, *p)
}

// many writes a number with its noun.
func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// round drops what floating point adds to a quantity.
func round(quantity float64) float64 { return float64(int64(quantity*1e6+0.5)) / 1e6 }
