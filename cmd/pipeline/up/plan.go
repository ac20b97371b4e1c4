package up

import (
	"errors"
	"fmt"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// planned is what gets an address of its own: the functions of a stack, behind one front, or a server.
type planned struct {
	stack     *assembly.Stack
	functions []assembly.Function
	server    *assembly.Server // nil for functions
}

// plan reads what is to run from every stack, functions first, and within a kind by the stacks' ids.
func plan(a *assembly.Assembly) ([]planned, error) {
	var functions, servers []planned
	var problems []error
	for _, stack := range a.Stacks {
		listed, err := stack.Functions()
		problems = append(problems, err)
		if len(listed) > 0 {
			functions = append(functions, planned{stack: stack, functions: listed})
		}
		listening, err := stack.Servers()
		problems = append(problems, err)
		for _, server := range listening {
			servers = append(servers, planned{stack: stack, server: &server})
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if len(functions)+len(servers) == 0 {
		return nil, fmt.Errorf("no stack in %s names a program of this repository, so there is nothing to run", a.Dir)
	}
	return append(functions, servers...), nil
}

// environments are the templates' variables of what is to run.
func (p planned) environments() []map[string]string {
	if p.server != nil {
		return []map[string]string{p.server.Environment}
	}
	var all []map[string]string
	for _, f := range p.functions {
		all = append(all, f.Environment)
	}
	return all
}
