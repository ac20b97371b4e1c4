package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// The table of environments.md is the recovery time of prod, term by term.
func TestRecoveryTimeOfProdIsDocumented(t *testing.T) {
	e, err := environment.Load("../environments/prod.yaml", time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	plan, ok := e.Recovery()
	if !ok {
		t.Fatal("prod does not fail over")
	}
	terms := map[string]time.Duration{"RTO": plan.RTO()}
	for _, term := range plan.Terms() {
		name := term.Name
		if name == "checkers" || name == "detection" {
			name = "detection, checkers"
		}
		terms[name] += term.Time
	}
	text, err := os.ReadFile("environments.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range terms {
		if row := "\n| " + name + " | " + want.String() + " | "; !strings.Contains(string(text), row) {
			t.Errorf("environments.md lacks the row %q", row)
		}
	}
	if want := fmt.Sprintf(" wait %d s for a Region", plan.Silence/time.Second); !strings.Contains(string(text), want) {
		t.Errorf("environments.md lacks %q", want)
	}
}

// Each runbook of a disaster says what to type, how long it takes and how to see that it is over.
func TestRunbooksOfDisastersAreComplete(t *testing.T) {
	for _, name := range []string{"failover", "fail-back", "lost-region", "lost-secret", "lost-stack", "corrupted-release", "key-rotation", "quota-exhausted"} {
		text, err := os.ReadFile("runbooks/" + name + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		parts := []string{"```sh\n", "**Takes**", "**Verify.**"}
		if name == "failover" {
			parts = append(parts, "fails open")
		}
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				t.Errorf("runbooks/%s.md lacks %q", name, part)
			}
		}
	}
}
