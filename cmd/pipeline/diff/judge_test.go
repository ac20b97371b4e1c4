package diff_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff"
)

// compare reports one of the cases, in this process.
func compare(t *testing.T, name string, change func(*diff.Options)) (*diff.Report, error) {
	t.Helper()
	f := readFixture(t, filepath.Join("testdata", "cases", name+".yaml"))
	o := diff.Options{Before: write(t, f.Before), After: write(t, f.After), Root: root, Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	change(&o)
	return diff.Compare(t.Context(), o)
}

func gates(t *testing.T, text string) diff.Gates {
	t.Helper()
	g, err := diff.ParseGates(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func waiverFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "waivers.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWaivers(t *testing.T) {
	waivers, err := diff.ReadWaivers(waiverFile(t, `
waivers:
  - {stack: app/data, resource: Bucket, category: destructive, reason: "moved by hand", until: 2026-11-23}
  - {resource: Table, reason: "retained", until: 2026-12-31}
  - {resource: Secret, reason: "was needed last week", until: 2026-11-22}
  - {resource: Sekret, reason: "misspelt", until: 2026-12-31}
  - {stack: app/dta, reason: "misspelt", until: 2026-12-31}
  - {category: destruction, reason: "misspelt", until: 2026-12-31}
  - {category: exposure, reason: "not needed", until: 2026-12-31}
`))
	if err != nil {
		t.Fatal(err)
	}
	report, err := compare(t, "data-replaced", func(o *diff.Options) { o.Waivers, o.Gates = waivers, gates(t, "destructive") })
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"destructive (1)"}; !cmp.Equal(want, report.Failed) {
		t.Errorf("failed %v; want %v: only the secret's finding counts", report.Failed, want)
	}
	golden(t, "testdata/waivers.md", report.Markdown())
	golden(t, "testdata/waivers.txt", report.Text())
}

func TestAWaiverForAllLetsPass(t *testing.T) {
	waivers, err := diff.ReadWaivers(waiverFile(t, `waivers: [{category: destructive, reason: r, until: 2026-11-23}]`))
	if err != nil {
		t.Fatal(err)
	}
	report, err := compare(t, "data-replaced", func(o *diff.Options) { o.Waivers, o.Gates = waivers, gates(t, "destructive") })
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Failed) > 0 {
		t.Errorf("failed %v; want nothing", report.Failed)
	}
}

func TestWaiversThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing named":  {`waivers: [{reason: r, until: 2026-12-31}]`, "waiver 1 names neither stack nor resource nor category"},
		"no reason":      {`waivers: [{stack: s, until: 2026-12-31}]`, "waiver 1 (s) gives no reason"},
		"no last day":    {`waivers: [{stack: s, reason: r}]`, "has no last day"},
		"a day in words": {`waivers: [{stack: s, reason: r, until: soon}]`, `until is "soon"; it is a day such as 2026-12-31`},
		"an unknown key": {`waivers: [{stacks: s, reason: r, until: 2026-12-31}]`, "field stacks not found"},
	} {
		if _, err := diff.ReadWaivers(waiverFile(t, test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v; want it to contain %q", name, err, test.want)
		}
	}
}

func TestCost(t *testing.T) {
	for name, test := range map[string]struct {
		before, after float64
		gate          string
		failed        []string
	}{
		"less":            {10, 5, "cost>0%", []string{}},
		"at the limit":    {10, 11, "cost>10%", []string{}},
		"above":           {10, 11.01, "cost>10%", []string{"cost>10%"}},
		"out of nothing":  {0, 1, "cost>1000%", []string{"cost>1000%"}},
		"without a gate":  {10, 20, "", []string{}},
		"a fraction more": {10, 10.06, "cost>0.5%", []string{"cost>0.5%"}},
	} {
		report, err := compare(t, "changed", func(o *diff.Options) {
			o.Gates = gates(t, test.gate)
			o.Cost = func(s *assembly.Stack) (diff.Cost, error) {
				if s.Resources["Topic"].Properties["DisplayName"] == "a" {
					return diff.Cost{USD: test.before}, nil
				}
				return diff.Cost{USD: test.after, Note: "without traffic"}, nil
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(test.failed, report.Failed) {
			t.Errorf("%s: failed %v; want %v", name, report.Failed, test.failed)
		}
		if name == "above" {
			golden(t, "testdata/cost.md", report.Markdown())
		}
	}
}

func TestNothingIsSaidWithoutPrices(t *testing.T) {
	if _, err := compare(t, "changed", func(o *diff.Options) { o.Gates = gates(t, "cost>10%") }); err == nil || !strings.Contains(err.Error(), "there are no prices") {
		t.Errorf("got %v; a gate that cannot be judged must not pass", err)
	}
	refused := errors.New("no price for that")
	if _, err := compare(t, "changed", func(o *diff.Options) {
		o.Cost = func(*assembly.Stack) (diff.Cost, error) { return diff.Cost{}, refused }
	}); !errors.Is(err, refused) {
		t.Errorf("got %v; want the error of the prices", err)
	}
}

func TestGatesThatAreRefused(t *testing.T) {
	for _, text := range []string{"destruction", "cost", "cost>x%", "cost>10", "destructive,,exposure"} {
		if _, err := diff.ParseGates(text); err == nil || !strings.Contains(err.Error(), "is not a gate; allowed are destructive") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestJSONIsForTools(t *testing.T) {
	report, err := compare(t, "group-world", func(o *diff.Options) { o.Gates = gates(t, "exposure, alarm") })
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := report.Write(&text, "json"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Failed   []string
		Stacks   []struct{ ID, Account, Region, Action string }
		Findings []struct{ Category, Stack, Resource, Type string }
	}
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Failed = []string{"exposure (1)"}
	want.Stacks = []struct{ ID, Account, Region, Action string }{{"app/data", "111122223333", "us-east-1", "changed"}}
	want.Findings = []struct{ Category, Stack, Resource, Type string }{
		{"exposure", "app/data", "Group", "AWS::EC2::SecurityGroup"}, {"broadening", "app/data", "Group", "AWS::EC2::SecurityGroup"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := report.Write(&text, "html"); err == nil || !strings.Contains(err.Error(), "allowed are text, markdown, json") {
		t.Errorf("got %v", err)
	}
}

func TestALongReportIsCutAndSaysSo(t *testing.T) {
	report := &diff.Report{Stacks: []diff.StackChange{{ID: "s", Changes: []diff.ResourceChange{{Name: strings.Repeat("x", 70_000)}}}}}
	for range 2 {
		got := report.Markdown()
		if len(got) > 65_000 || !strings.Contains(got, "This report is cut") || !strings.Contains(got, "| `s` |") {
			t.Errorf("%d bytes", len(got))
		}
		for range 1000 {
			report.Findings = append(report.Findings, diff.Finding{Category: diff.Alarm, Stack: "s", Summary: strings.Repeat("y", 100)})
		}
	}
}

func TestFoldersOfSeveralAssemblies(t *testing.T) {
	f := readFixture(t, "testdata/cases/stack-moved.yaml")
	dir := t.TempDir()
	for name, stacks := range map[string]map[string]stack{"dev": f.Before, "prod": f.After} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(write(t, stacks))); err != nil {
			t.Fatal(err)
		}
	}
	report, err := diff.Compare(t.Context(), diff.Options{Before: write(t, f.Before), After: dir, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Stacks) != 1 || report.Stacks[0].Action != diff.Added || report.Stacks[0].Region != "eu-west-1" {
		t.Errorf("got %+v; want the stack of prod added, and that of dev unchanged", report.Stacks)
	}
	if _, err := diff.Compare(t.Context(), diff.Options{Before: t.TempDir(), After: dir, Root: root}); err == nil || !strings.Contains(err.Error(), "is not a cloud assembly") {
		t.Errorf("an empty folder: got %v", err)
	}
}

func TestTheLibraryMustBeInstalled(t *testing.T) {
	_, err := compare(t, "changed", func(o *diff.Options) { o.Root = t.TempDir() })
	if err == nil || !strings.Contains(err.Error(), "npm ci installs them") {
		t.Errorf("got %v", err)
	}
}
