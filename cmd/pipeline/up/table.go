package up

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// table prints what there is and where, and two commands to copy.
func (s *session) table(a *assembly.Assembly) {
	s.printf("\n")
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row("STACK", "RESOURCES", "PROGRAM", "URL")
	for _, stack := range a.Stacks {
		program, url := "", ""
		for _, v := range s.variants {
			if v.Stack == stack {
				program, url = v.Functions[0].Program, v.url
			}
		}
		row(stack.ID, fmt.Sprint(len(stack.Resources)), program, url)
	}
	if s.bedrock != "" {
		row("embedded Bedrock", "", "", s.bedrock)
	} else {
		row("Amazon Bedrock", "", "", "your credentials; tokens are billed")
	}
	_ = w.Flush()
	for _, v := range s.variants {
		for _, f := range v.Functions {
			pids := strings.Trim(fmt.Sprint(f.Runtime.Processes()), "[]")
			s.printf("\nprocess %s of %s (%d MB, %s) logs to %s\n", pids, f.LogicalID, f.MemoryMB, f.Timeout, s.short(f.Log))
		}
	}
	s.printf("\n")
	for _, e := range s.variants[0].examples() {
		s.printf("%s\n", s.variants[0].curl(e))
	}
}
