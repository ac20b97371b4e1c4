package environment

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong, or, as a warning, doubtful about an environment file.
type Problem struct {
	File    string // as it was opened
	Line    int    // 1 for the first; the nearest line there is when a key is missing
	Path    string // of the key, such as "models.haiku.targets[0].model"; empty for the whole file
	Message string // what was got, what is allowed, what to do
}

// Error returns "file:line: path: message", the form that editors and CI make a link of.
func (p Problem) Error() string {
	if p.Path == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Path, p.Message)
}

// Problems is every problem there is, by line. It is the error of Load.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// sortByLine orders problems as a person meets them in the file; those of one line keep their order.
func (ps Problems) sortByLine() {
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].Line < ps[j].Line })
}
