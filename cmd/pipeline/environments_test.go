package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
	costing "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
)

// aging has one environment whose model has an end of life.
func aging(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	text := "account: \"123456789012\"\nregions: [us-east-1, us-west-2]\nserverless: {}\nmodels:\n  old:\n    targets:\n" +
		"      - {model: global.anthropic.claude-sonnet-4-5-20250929-v1:0}\n      - {model: amazon.nova-lite-v1:0, region: us-east-1}\n"
	if err := os.WriteFile(filepath.Join(folder, "aging.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestEnvironmentsAsOfADay puts the gate of the models on a clock: alive with a warning, near its end, and past it.
func TestEnvironmentsAsOfADay(t *testing.T) {
	folder := aging(t)
	at := func(day string) (string, error) {
		return runHere(t, t.Context(), "environments", "-quick", "-folder", folder, "-as-of", day)
	}
	got, err := at("2026-11-22")
	want := `ENVIRONMENT   ACCOUNT        REGION                VARIANTS     STACKS   RTO   A MONTH   ALIAS   MODEL                                              END OF LIFE
aging         123456789012   us-east-1 us-west-2   serverless   -        -     -         old     global.anthropic.claude-sonnet-4-5-20250929-v1:0   2027-04-08, legacy
                                                                                                 amazon.nova-lite-v1:0 in us-east-1                 none announced
warning: ` + folder + `/aging.yaml:7: models.old.targets[0].model: is "global.`
	if err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("got %v\n%s\nwant\n%s…", err, got, want)
	}
	for _, day := range []string{"2027-03-20", "2027-04-08", "2028-01-01"} {
		if got, err = at(day); err == nil || !strings.Contains(got, "refused, see below") ||
			!strings.Contains(err.Error(), "1 of 1 environments are refused as of "+day+":\n"+folder+"/aging.yaml:7: ") {
			t.Errorf("got %v\n%s", err, got)
		}
	}
	if _, err = at("tomorrow"); err == nil || err.Error() != `-as-of is "tomorrow"; allowed is a day such as 2027-03-01` {
		t.Errorf("got %v", err)
	}
}

// TestEnvironmentsAreSynthesizedForTheirCost runs the command line of CDK, which is long, on the smallest environment.
func TestEnvironmentsAreSynthesizedForTheirCost(t *testing.T) {
	if _, err := os.Stat(filepath.Join("..", "..", "node_modules", ".installed")); err != nil {
		t.Skip("the CDK command line is not installed; make test installs it")
	}
	got, err := runHere(t, t.Context(), "environments", "-folder", aging(t), "-as-of", "2026-11-22")
	if err != nil || !strings.Contains(got, "\nstacks of aging: aging-us-east-1/serverless, aging-us-west-2/serverless\n") ||
		!strings.Contains(got, " s to synthesize; -quick does without them") {
		t.Errorf("got %v\n%s", err, got)
	}
}

func TestEnvironmentsCostWhatCostSays(t *testing.T) {
	folder, dir := t.TempDir(), t.TempDir()
	shipped, err := os.ReadFile(filepath.Join("..", "..", "environments", "local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// A name that begins as the other's stages do.
	for _, name := range []string{"local", "local-us"} {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), shipped, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stages(t, dir, "local-us-east-1/serverless", "local-us-us-east-1/serverless", "local-us-us-east-1/containers")
	text, err := runHere(t, t.Context(), "environments", "-folder", folder, "-assembly", dir, "-format", "json", "-as-of", "2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		Environments []struct {
			Name         string
			Stacks       []string
			FixedMonthly *costing.Sum
		}
	}
	if err := json.Unmarshal([]byte(text), &seen); err != nil {
		t.Fatal(err)
	}
	table, err := runHere(t, t.Context(), "environments", "-folder", folder, "-assembly", dir, "-as-of", "2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Environments) != 2 {
		t.Fatalf("got %s", text)
	}
	for i, want := range [][]string{{"local-us-us-east-1/containers", "local-us-us-east-1/serverless"}, {"local-us-east-1/serverless"}} {
		e := seen.Environments[i]
		if !slices.Equal(e.Stacks, want) {
			t.Errorf("%s has %v, want %v", e.Name, e.Stacks, want)
		}
		alone := t.TempDir()
		stages(t, alone, want...)
		text, err := runHere(t, t.Context(), "cost", "-assembly", alone)
		if err != nil {
			t.Fatal(err)
		}
		if said := "whatever the load: " + e.FixedMonthly.String() + ".\n"; !strings.Contains(text, said) {
			t.Errorf("pipeline cost does not say %q of %s:\n%s", said, e.Name, text)
		}
		if e.FixedMonthly.USD == 0 || !strings.Contains(table, "   "+fmt.Sprint(len(want))+"        -     "+e.FixedMonthly.String()+"   ") {
			t.Errorf("the table does not say %s of %s:\n%s", e.FixedMonthly, e.Name, table)
		}
	}
	a, err := assembly.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := costing.Standing(a); err != nil || all.USD <= seen.Environments[0].FixedMonthly.USD {
		t.Errorf("both cost %v, %v", all, err)
	}
}

// stages writes an assembly of stacks with a web ACL each, of as many rules as their id has letters: none costs as another.
func stages(t *testing.T, dir string, ids ...string) {
	t.Helper()
	var stacks []assemblytest.Stack
	for _, id := range ids {
		stacks = append(stacks, assemblytest.Stack{ID: id, Template: map[string]any{"Resources": map[string]any{"Firewall": map[string]any{
			"Type": "AWS::WAFv2::WebACL", "Properties": map[string]any{"Rules": make([]struct{}, len(id))},
		}}}})
	}
	assemblytest.Write(t, dir, stacks...)
}
