package iam_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

var update = flag.Bool("update", false, "rewrite the tables in testdata")

func TestTheRoleAllowsExactlyWhatIsCalled(t *testing.T) {
	for _, s := range subjects(t) {
		t.Run(s.stack.ID, func(t *testing.T) {
			t.Parallel()
			c := newContract(t, s)
			for _, problem := range c.problems() {
				t.Error(problem)
			}
			if t.Failed() {
				return // a contract that is broken would be red for every change
			}
			t.Run("every change is noticed", c.everyChangeIsNoticed)
			if strings.HasPrefix(s.stack.ID, own+"-") {
				t.Run("table", func(t *testing.T) { c.compareTable(t, filepath.Join("testdata", s.name+".contract")) })
			}
		})
	}
}

// contract is a role's policies and everything they are needed for.
type contract struct {
	role     string // for messages
	policies []policy.Policy
	needs    []need
}

func newContract(t *testing.T, s subject) contract {
	t.Helper()
	c := contract{role: s.stack.ID + "/" + s.told.role}
	var err error
	if c.policies, err = policiesOf(s.stack, s.told.role); err != nil {
		t.Fatal(err)
	}
	if c.needs, err = s.platform(s); err != nil {
		t.Fatal(err)
	}
	for _, call := range observe(t, s) {
		needs, err := needsOf(call, s.stack.Account)
		if err != nil {
			t.Fatal(err)
		}
		c.needs = append(c.needs, needs...)
	}
	return c
}

// problems returns what is wrong: a call that is not allowed, a grant that no call needs, a grant that two statements
// give, and a request next to a needed one that is allowed too.
func (c contract) problems() []string {
	missing, grants := c.missing()
	return slices.Concat(missing, c.unused(grants), c.wider())
}

// grant is one action pattern on one resource pattern of one statement: the least that can be taken away.
type grant struct {
	policy.Place
	action, resource string
}

// use is what needs a grant.
type use struct {
	alone []string // calls that no other statement allows
	also  string   // a statement that allows the same, when there is one
}

// missing evaluates every need. It also returns what each grant is used for.
func (c contract) missing() (problems []string, grants map[grant]*use) {
	grants = map[grant]*use{}
	for _, n := range c.needs {
		decision, err := policy.Decide(c.policies, n.Request)
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s\n\tcannot be evaluated: %v", n.by, err))
		case decision.Outcome == policy.ExplicitlyDenied:
			problems = append(problems, fmt.Sprintf("%s\n\tneeds     %s\n\trole      %s\n\tdenied by %s",
				n.by, n.Request, c.role, c.at(decision.Places[0])))
		case decision.Outcome != policy.Allowed:
			problems = append(problems, fmt.Sprintf("%s\n\tneeds     %s\n\trole      %s does not allow it\n\tclosest   %s",
				n.by, n.Request, c.role, policy.Closest(c.policies, n.Request)))
		}
		c.note(grants, n, decision.Places)
	}
	return problems, grants
}

func (c contract) note(grants map[grant]*use, n need, places []policy.Place) {
	for i, place := range places {
		s := c.statement(place)
		for _, action := range s.Actions {
			for _, resource := range s.Resources {
				if !policy.MatchAction(action, n.Action) || !policy.MatchResource(resource, n.Resource) {
					continue
				}
				g := grant{place, action, resource}
				if grants[g] == nil {
					grants[g] = &use{}
				}
				if len(places) == 1 {
					grants[g].alone = append(grants[g].alone, n.by)
				} else {
					grants[g].also = c.at(places[(i+1)%len(places)])
				}
			}
		}
	}
}

// unused returns the grants that nothing needs.
func (c contract) unused(grants map[grant]*use) []string {
	var problems []string
	for i, p := range c.policies {
		for j, s := range p.Statements {
			place := policy.Place{Policy: i, Statement: j}
			if len(s.NotActions)+len(s.NotResources) > 0 || s.Effect != policy.Allow {
				problems = append(problems, fmt.Sprintf("%s\n\trole %s: no call can show that this statement is needed", c.at(place), c.role))
			}
			for _, action := range s.Actions {
				for _, resource := range s.Resources {
					if why := whyUnused(grants[grant{place, action, resource}]); why != "" {
						problems = append(problems, fmt.Sprintf("%s on %s\n\trole      %s\n\tstatement %s\n\t%s", action, resource, c.role, c.at(place), why))
					}
				}
			}
		}
	}
	return problems
}

func whyUnused(u *use) string {
	switch {
	case u == nil:
		return "no call uses it"
	case len(u.alone) == 0:
		return "nothing needs it, for it is also in " + u.also
	}
	return ""
}

// wider returns the requests next to a needed one that are allowed and not needed.
func (c contract) wider() []string {
	needed := map[string]bool{}
	for _, n := range c.needs {
		needed[n.Request.String()] = true
	}
	var problems []string
	for _, n := range c.needs {
		for _, f := range neighbours(n, c.needs) {
			if needed[f.Request.String()] {
				continue
			}
			if decision, err := policy.Decide(c.policies, f.Request); err != nil || decision.Outcome == policy.Allowed {
				where := fmt.Sprint(err)
				if err == nil {
					where = c.at(decision.Places[0])
				}
				problems = append(problems, fmt.Sprintf("%s: %s\n\tno call needs it, and role %s allows it\n\tstatement %s", f.why, f.Request, c.role, where))
			}
		}
	}
	return problems
}

func (c contract) statement(p policy.Place) policy.Statement {
	return c.policies[p.Policy].Statements[p.Statement]
}

// at names a statement for a message.
func (c contract) at(p policy.Place) string {
	return fmt.Sprintf("%s, statement %d (%s)", c.policies[p.Policy].Name, p.Statement, c.statement(p))
}

// table lists every grant and the calls that need it, in an order that depends on their content only.
func (c contract) table() string {
	_, grants := c.missing()
	var blocks []string
	for g, u := range grants {
		var b strings.Builder
		fmt.Fprintf(&b, "%s\n  on %s\n", g.action, g.resource)
		for _, condition := range c.statement(g.Place).Conditions {
			fmt.Fprintf(&b, "  if %s\n", condition)
		}
		slices.Sort(u.alone)
		for _, by := range slices.Compact(u.alone) {
			fmt.Fprintf(&b, "    used by %s\n", by)
		}
		blocks = append(blocks, b.String())
	}
	slices.SortFunc(blocks, cmp.Compare[string])
	return strings.Join(blocks, "\n")
}

// compareTable holds the table against the file.
func (c contract) compareTable(t *testing.T, path string) {
	got := "# What the role may do in the environment contract.yaml, and the calls that need it. Made by a test: -update.\n\n" + c.table()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is out of date: read the change, then run the test with -update\n%s", path, difference(string(want), got))
	}
}
