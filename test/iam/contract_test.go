package iam_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

var update = flag.Bool("update", false, "rewrite the tables in testdata")

func TestTheRolesAllowExactlyWhatIsCalled(t *testing.T) {
	for _, s := range subjects(t) {
		t.Run(s.stack.ID+"/"+s.told.resource, func(t *testing.T) {
			t.Parallel()
			calls := observed(t, s)
			for _, r := range s.asked(t).roles {
				t.Run(r.id, func(t *testing.T) {
					table := ""
					if strings.HasPrefix(s.stack.ID, own+"-") || strings.HasPrefix(s.stack.ID, keyed+"-") {
						table = strings.ReplaceAll(s.stack.ID, "/", "-") + "-" + r.id
					}
					roleContract(t, s, r, calls).hold(t, table)
				})
			}
		})
	}
}

// contract is a role's policies, or an endpoint's, and everything they are needed for.
type contract struct {
	holder   string // for messages
	policies []policy.Policy
	needs    []need
}

func roleContract(t *testing.T, s subject, r role, calls []call) contract {
	t.Helper()
	c := contract{holder: s.stack.ID + "/" + r.id, needs: r.needs}
	var err error
	if c.policies, err = policiesOf(s.stack, r.id); err != nil {
		t.Fatal(err)
	}
	if r.program {
		c.needs = append(c.needs, programNeeds(t, s, calls)...)
	}
	return c
}

// programNeeds is what AWS evaluates because of a program's calls.
func programNeeds(t *testing.T, s subject, calls []call) []need {
	t.Helper()
	var all []need
	for _, call := range calls {
		needs, err := needsOf(call, s.stack.Account)
		if err != nil {
			t.Fatal(err)
		}
		if call.region != s.stack.Region {
			needs = passing(needs) // an endpoint is one Region's
		}
		all = append(all, needs...)
	}
	return all
}

// hold fails the test for every problem, and for every change of the policies that nobody would notice. It compares the
// table with the one in testdata, if that has a name.
func (c contract) hold(t *testing.T, table string) {
	for _, problem := range c.problems() {
		t.Error(problem)
	}
	if t.Failed() {
		return // a contract that is broken would be red for every change
	}
	t.Run("every change is noticed", c.everyChangeIsNoticed)
	if table != "" {
		t.Run("table", func(t *testing.T) { c.compareTable(t, filepath.Join("testdata", table+".contract")) })
	}
}

// problems returns what is wrong: a call that is not allowed, a grant that no call needs, a grant that two statements
// give, and a request next to a needed one that is allowed too.
func (c contract) problems() []string {
	missing, grants := c.missing()
	return slices.Concat(missing, c.unused(grants), c.wider())
}

// grant is one action pattern on one resource pattern of one statement: the least that can be taken away. Of a denial it
// is what the statement keeps out.
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
			problems = append(problems, fmt.Sprintf("%s\n\tneeds     %s\n\tholder    %s\n\tdenied by %s",
				n.by, n.Request, c.holder, c.at(decision.Places[0])))
		case decision.Outcome != policy.Allowed:
			problems = append(problems, fmt.Sprintf("%s\n\tneeds     %s\n\tholder    %s does not allow it\n\tclosest   %s",
				n.by, n.Request, c.holder, policy.Closest(c.policies, n.Request)))
		default:
			c.note(grants, n.by, n.Request, decision.Places)
		}
		for _, f := range n.never {
			if decision, err := policy.Decide(c.policies, f.Request); err == nil && decision.Outcome == policy.ExplicitlyDenied && c.allowedBut(f.Request) {
				c.note(grants, "nothing: it keeps out "+f.why, f.Request, decision.Places)
			}
		}
	}
	return problems, grants
}

// allowedBut tells whether a request would be allowed if no statement denied anything: a denial of what is not allowed
// anyway is needed for nothing.
func (c contract) allowedBut(r policy.Request) bool {
	policies := slices.Clone(c.policies)
	for i, p := range policies {
		policies[i].Statements = slices.DeleteFunc(slices.Clone(p.Statements), func(s policy.Statement) bool { return s.Effect == policy.Deny })
	}
	decision, err := policy.Decide(policies, r)
	return err == nil && decision.Outcome == policy.Allowed
}

// note adds a request to the uses of every grant that decided it.
func (c contract) note(grants map[grant]*use, by string, r policy.Request, places []policy.Place) {
	for i, place := range places {
		s := c.statement(place)
		for _, action := range s.Actions {
			for _, resource := range s.Resources {
				if !policy.MatchAction(action, r.Action) || !policy.MatchResource(resource, r.Resource) {
					continue
				}
				g := grant{place, action, resource}
				if grants[g] == nil {
					grants[g] = &use{}
				}
				if len(places) == 1 {
					grants[g].alone = append(grants[g].alone, by)
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
			if len(s.NotActions)+len(s.NotResources) > 0 {
				problems = append(problems, fmt.Sprintf("%s\n\t%s: no call can show that this statement is needed", c.at(place), c.holder))
			}
			for _, action := range s.Actions {
				for _, resource := range s.Resources {
					if why := whyUnused(grants[grant{place, action, resource}]); why != "" {
						problems = append(problems, fmt.Sprintf("%s on %s\n\tholder    %s\n\tstatement %s\n\t%s", action, resource, c.holder, c.at(place), why))
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
				problems = append(problems, fmt.Sprintf("%s: %s\n\tno call needs it, and %s allows it\n\tstatement %s", f.why, f.Request, c.holder, where))
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

// digest is in the names of assets, and another with every change of a program.
var digest = regexp.MustCompile(`[0-9a-f]{64}`)

// table lists every grant and the calls that need it, in an order that depends on their content only.
func (c contract) table() string {
	_, grants := c.missing()
	var blocks []string
	for g, u := range grants {
		var b strings.Builder
		if c.statement(g.Place).Effect == policy.Deny {
			b.WriteString("denied ")
		}
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
	return digest.ReplaceAllString(strings.Join(blocks, "\n"), "DIGEST")
}

// compareTable holds the table against the file.
func (c contract) compareTable(t *testing.T, path string) {
	got := "# What the role of this name may do, and the calls that need it. Made by a test: -update.\n\n" + c.table()
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
