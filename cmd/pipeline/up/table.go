package up

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// table prints what there is and where, and commands to copy.
func (s *session) table(a *assembly.Assembly) {
	s.printf("\n")
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row("STACK", "RESOURCES", "PROGRAM", "URL")
	for _, stack := range a.Stacks {
		resources, runs := fmt.Sprint(len(stack.Resources)), false
		for _, v := range s.variants {
			if v.Stack == stack {
				row(stack.ID, resources, v.Programs[0].Package, v.url)
				runs = true
			}
		}
		if !runs {
			row(stack.ID, resources, "", "")
		}
	}
	if s.bedrock != "" {
		row("embedded Bedrock", "", "", s.bedrock)
	} else {
		row("Amazon Bedrock", "", "", "your credentials; tokens are billed")
	}
	if s.showing != "" {
		row("dashboards", "", "", s.showing)
	}
	_ = w.Flush()
	for line := range strings.Lines(text.String()) {
		s.printf("%s\n", strings.TrimRight(line, " \n")) // what a row lacks at its end is filled up, too
	}
	s.printf("\n")
	for _, v := range s.variants {
		for _, p := range v.Programs {
			pids := strings.Trim(fmt.Sprint(p.Processes()), "[]")
			s.printf("process %s of %s (%s) logs to %s\n", pids, p.LogicalID, p.Limits, s.short(p.Log))
		}
	}
	s.printf("\n")
	if s.vault != nil && s.vault.Key != "" {
		s.printf("The API key is made for this run and good for nothing else.\n")
	}
	s.commands()
}

// commands prints what asks the variants: of those that differ in their URLs only, the commands of the first and the
// URLs of the others.
func (s *session) commands() {
	same := map[string][]*variant{}
	var order []string
	for _, v := range s.variants {
		key := strings.ReplaceAll(strings.Join(v.commands(), "\n"), v.url, "")
		if same[key] == nil {
			order = append(order, key)
		}
		same[key] = append(same[key], v)
	}
	for _, key := range order {
		s.printf("%s\n", strings.Join(same[key][0].commands(), "\n"))
		var others []string
		for _, v := range same[key][1:] {
			others = append(others, v.url)
		}
		if len(others) > 0 {
			s.printf("the same at %s\n", strings.Join(others, " and "))
		}
	}
}

func (v *variant) commands() []string {
	var all []string
	for _, e := range v.examples() {
		all = append(all, v.curl(e))
	}
	return all
}
