// Package diff says what the deployment of one synthesized assembly over another would do: per stack what is added,
// changed, replaced and destroyed, and of that what a reviewer must not miss: lost data, broader access, public
// exposure, lost alarms, higher cost. It needs both assemblies as folders, and neither credentials nor a network.
//
// What a change of a property does to a resource is AWS's own knowledge, asked of its template library; every judgement
// on top of it is made here. The report is about templates: it cannot see what was changed in an account by hand.
//
// It must not know CDK or jsii, nor who posts the report where.
package diff

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// Cost is what a stack costs by its template.
type Cost struct {
	USD  float64 `json:"usd"`            // per month of 730 hours
	Note string  `json:"note,omitempty"` // what the figure assumes or leaves out, on one line
}

// Options say what to compare and how to judge it.
type Options struct {
	Before, After string // folders: an assembly, or assemblies in subfolders
	Root          string // of the checkout, whose node_modules hold Node and AWS's library
	Gates         Gates
	Waivers       []Waiver
	Now           time.Time // decides which waivers have expired
	// Cost tells what a stack costs per month. Without it the report says nothing about cost, and a gate on cost is an
	// error.
	Cost func(*assembly.Stack) (Cost, error)
}

// Compare reads both sides and reports the difference.
func Compare(ctx context.Context, o Options) (*Report, error) {
	if o.Gates.cost != nil && o.Cost == nil {
		return nil, fmt.Errorf("-fail-on %s: there are no prices to judge by, so nothing can be said about cost", o.Gates.cost)
	}
	before, err := read(o.Before)
	if err != nil {
		return nil, err
	}
	after, err := read(o.After)
	if err != nil {
		return nil, err
	}
	sides := match(before, after)
	pairs := make([]pair, len(sides))
	for i, s := range sides {
		pairs[i] = pair{s.before.Template, s.after.Template}
	}
	answers, err := ask(ctx, o.Root, pairs)
	if err != nil {
		return nil, err
	}
	report := &Report{Stacks: []StackChange{}, Findings: []Finding{}}
	for i, s := range sides {
		report.add(s, answers[i])
	}
	if err := report.price(sides, o); err != nil {
		return nil, err
	}
	report.waive(o.Waivers, sides, o.Now)
	report.Failed = o.Gates.failed(report)
	return report, nil
}

// read returns the stacks of an assembly, or of all assemblies in the subfolders of a folder, with nested stacks.
func read(dir string) ([]*assembly.Stack, error) {
	dirs := []string{dir}
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); os.IsNotExist(err) {
		manifests, err := filepath.Glob(filepath.Join(dir, "*", "manifest.json"))
		if err != nil {
			return nil, err
		}
		if len(manifests) > 0 {
			dirs = nil
		}
		for _, path := range manifests {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	var stacks []*assembly.Stack
	for _, dir := range dirs {
		a, err := assembly.Read(dir)
		if err != nil {
			return nil, err
		}
		for _, s := range a.Stacks {
			nested, err := s.Nested()
			if err != nil {
				return nil, err
			}
			stacks = append(append(stacks, s), nested...)
		}
	}
	return stacks, nil
}

// side is a stack before and after. Where it is on one side only, the other is empty, with the same identity.
type side struct {
	before, after *assembly.Stack
	added         bool
	removed       bool
}

// stack returns the stack under the id that it has now.
func (s side) stack() *assembly.Stack {
	if s.removed {
		return s.before
	}
	return s.after
}

// identity is what CloudFormation knows a stack by. Whatever the app calls it, another name, account or Region is
// another stack.
type identity struct{ name, account, region string }

func identify(s *assembly.Stack) identity { return identity{s.Name, s.Account, s.Region} }

// match finds the stack of the one side that is the stack of the other.
func match(before, after []*assembly.Stack) []side {
	old := map[identity]*assembly.Stack{}
	for _, s := range before {
		old[identify(s)] = s
	}
	var sides []side
	for _, s := range after {
		was, ok := old[identify(s)]
		if !ok {
			was = empty(s)
		}
		delete(old, identify(s))
		sides = append(sides, side{before: was, after: s, added: !ok})
	}
	for _, s := range old {
		sides = append(sides, side{before: s, after: empty(s), removed: true})
	}
	slices.SortFunc(sides, func(a, b side) int {
		return cmp.Or(cmp.Compare(a.stack().ID, b.stack().ID), cmp.Compare(a.stack().Name, b.stack().Name),
			cmp.Compare(a.stack().Account, b.stack().Account), cmp.Compare(a.stack().Region, b.stack().Region))
	})
	return sides
}

func empty(s *assembly.Stack) *assembly.Stack {
	return &assembly.Stack{ID: s.ID, Name: s.Name, Account: s.Account, Region: s.Region, Parent: s.Parent, Template: map[string]any{}}
}
