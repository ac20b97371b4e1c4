package templates_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/drill"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// What a drill holds callers' waiting against comes from the templates; what the operator is told comes from the
// environment's file.
func TestTheDrillHoldsProdToTheRecoveryThatItPromises(t *testing.T) {
	a, err := assembly.Read(built.out)
	if err != nil {
		t.Fatal(err)
	}
	e, err := environment.LoadNamed(filepath.Join(built.root, "environments"), []string{"prod"}, written)
	if err != nil {
		t.Fatal(err)
	}
	want, ok := e[0].Recovery()
	if !ok {
		t.Fatal("prod does not fail over")
	}
	want.Capacity = 0 // nothing has to grow in a drill
	of := e[0].Gateway.StreamBudget
	longest := time.Duration(0)
	for variant, silence := range map[string]time.Duration{
		settings.VariantServerless: budget.Function(of), settings.VariantContainers: budget.BalancerIdle(of), settings.VariantInstances: budget.BalancerIdle(of),
	} {
		got, err := drill.Plan(a, variant)
		if err != nil {
			t.Fatal(err)
		}
		own := want
		own.Silence, longest = silence, max(longest, silence)
		if diff := cmp.Diff(own, got); diff != "" {
			t.Errorf("%s: %s", variant, diff)
		}
	}
	if want.Silence != longest {
		t.Errorf("prod promises a silence of %s; the longest of its variants is %s", want.Silence, longest)
	}
}
