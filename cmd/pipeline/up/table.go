package up

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// table prints what there is and where, and commands to copy.
func (s *session) table(a *assembly.Assembly) {
	s.printf("\n")
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', 0)
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
	_ = w.Flush()
	s.printf("\n")
	for _, v := range s.variants {
		for _, p := range v.Programs {
			pids := strings.Trim(fmt.Sprint(p.Processes()), "[]")
			s.printf("process %s of %s (%s) logs to %s\n", pids, p.LogicalID, p.Limits, s.short(p.Log))
		}
	}
	s.printf("\n")
	if s.vault != nil {
		s.printf("The API key is made for this run and good for nothing else.\n")
	}
	s.commands()
}

// commands prints what asks the variants: those of the first one, and of another only what is not the same but for the
// URL.
func (s *session) commands() {
	first := s.variants[0].commands()
	for _, command := range first {
		s.printf("%s\n", command)
	}
	var same []string
	for _, v := range s.variants[1:] {
		own := v.commands()
		for i, command := range own {
			own[i] = strings.Replace(command, v.url, s.variants[0].url, 1)
		}
		if slices.Equal(own, first) {
			same = append(same, v.url)
			continue
		}
		for _, command := range v.commands() {
			s.printf("%s\n", command)
		}
	}
	if len(same) > 0 {
		s.printf("\nThe same at %s.\n", strings.Join(same, " and "))
	}
}

func (v *variant) commands() []string {
	var all []string
	for _, e := range v.examples() {
		all = append(all, v.curl(e))
	}
	return all
}
