package synth

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/profile"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func init() { told["AWS::Bedrock::ApplicationInferenceProfile"] = []string{} }

// billed is an environment whose tokens are on the bill with tags: two aliases share a model, one falls over to the other
// Region, and one is called on demand.
const billed = `account: "123456789012"
regions: [us-east-1, us-west-2]
applicationProfiles: true
models:
  haiku:
    targets: [{model: global.anthropic.claude-haiku-5-5}, {model: us.anthropic.claude-haiku-5-5, region: us-west-2}]
  batch: {targets: [{model: global.anthropic.claude-haiku-5-5}]}
  lite: {targets: [{model: amazon.nova-lite-v1:0, region: us-east-1}]}
serverless: {api: {authorizer: iam}}
observability: {emails: [a@example.com]}
`

// nameForm is what CloudFormation takes for the name of a profile: CDK's validation has it from the resource's schema.
var nameForm = regexp.MustCompile(`^([0-9a-zA-Z][ _-]?)+$`)

const profileType = "AWS::Bedrock::ApplicationInferenceProfile"

// billedAssembly is that environment, synthesized.
func billedAssembly(t *testing.T, replace ...string) *assembly.Assembly {
	t.Helper()
	text := strings.NewReplacer(replace...).Replace(billed)
	read, err := assembly.Read(synthesize(t, stub(t), written(t, "billed", text)))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func stackIn(t *testing.T, a *assembly.Assembly, id string) *assembly.Stack {
	t.Helper()
	stack, err := a.Stack(id)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// aliasesTold are the aliases that the function of a Region is told, with the profiles that an assembly makes up.
func aliasesTold(t *testing.T, a *assembly.Assembly, region string) []settings.Alias {
	t.Helper()
	functions, err := stackIn(t, a, "billed-"+region+"/serverless").Functions()
	if err != nil || len(functions) != 1 {
		t.Fatalf("%d functions, %v", len(functions), err)
	}
	told, err := settings.Load(func(name string) string { return functions[0].Environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	return told.Aliases
}

// profilesOf describes a stack's profiles: what they are copied from and what the bill will say.
func profilesOf(t *testing.T, stack *assembly.Stack) []string {
	t.Helper()
	var lines []string
	for _, r := range stack.ByType(profileType) {
		if name, _ := r.Properties["InferenceProfileName"].(string); !nameForm.MatchString(name) {
			t.Errorf("CloudFormation takes no profile with the name %q", name)
		}
		line := fmt.Sprint(r.Properties["InferenceProfileName"], " of ", at(r.Properties["ModelSource"], "CopyFrom"))
		for _, pair := range r.Properties["Tags"].([]any) {
			line += fmt.Sprintf(", %s=%s", at(pair, "Key"), at(pair, "Value"))
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// TestEachAliasHasAProfileInItsOwnRegion also holds the tags, which is what the profiles are for.
func TestEachAliasHasAProfileInItsOwnRegion(t *testing.T) {
	a := billedAssembly(t)
	line := func(alias, model, copied string) string {
		return "billed-serverless-" + alias + "-" + strings.NewReplacer(".", "-", ":", "-").Replace(model) + " of arn:aws:bedrock:" + copied + model +
			", alias=" + alias + ", environment=billed, lifecycle=disposable, project=genai-pipeline, variant=serverless"
	}
	const global, geography = "global.anthropic.claude-haiku-5-5", "us.anthropic.claude-haiku-5-5"
	for region, want := range map[string][]string{
		"us-east-1": {line("batch", global, "us-east-1:123456789012:inference-profile/"), line("haiku", global, "us-east-1:123456789012:inference-profile/"),
			line("lite", "amazon.nova-lite-v1:0", "us-east-1::foundation-model/")},
		"us-west-2": {line("batch", global, "us-west-2:123456789012:inference-profile/"), line("haiku", global, "us-west-2:123456789012:inference-profile/"),
			line("haiku", geography, "us-west-2:123456789012:inference-profile/")},
	} {
		if diff := cmp.Diff(want, profilesOf(t, stackIn(t, a, "billed-"+region+"/serverless"))); diff != "" {
			t.Errorf("%s: %s", region, diff)
		}
	}
}

// TestAProgramIsToldTheProfilesOfItsOwnStack finds for each target the one that is copied from its model; a target in the
// other Region has none.
func TestAProgramIsToldTheProfilesOfItsOwnStack(t *testing.T) {
	a := billedAssembly(t)
	copied, err := a.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"us-east-1", "us-west-2"} {
		met := map[string]bool{}
		for _, alias := range aliasesTold(t, a, region) {
			for _, target := range alias.Targets {
				switch {
				case target.Region != region && target.Profile != "":
					t.Errorf("%s: %s calls %s in %s through %s", region, alias.Name, target.Model, target.Region, target.Profile)
				case target.Region == region && (copied[target.Profile] != target.Model || met[target.Profile]):
					t.Errorf("%s: %s calls %s through %q, which is copied from %q or is another's", region, alias.Name, target.Model, target.Profile, copied[target.Profile])
				}
				met[target.Profile] = target.Profile != ""
			}
		}
	}
}

// TestAnotherModelIsAnotherProfile: a replacement under the same name would be refused while the first is there, and the
// program would be told of nothing new until it is gone.
func TestAnotherModelIsAnotherProfile(t *testing.T) {
	before := stackIn(t, billedAssembly(t), "billed-us-east-1/serverless").ByType(profileType)
	after := stackIn(t, billedAssembly(t, "batch: {targets: [{model: global.anthropic.claude-haiku-5-5", "batch: {targets: [{model: global.anthropic.claude-sonnet-5-5"),
		"billed-us-east-1/serverless").ByType(profileType)
	fresh := func(r assembly.Resource) bool {
		return !slices.ContainsFunc(before, func(b assembly.Resource) bool {
			return b.LogicalID == r.LogicalID || b.Properties["InferenceProfileName"] == r.Properties["InferenceProfileName"]
		})
	}
	if added := slices.DeleteFunc(slices.Clone(after), func(r assembly.Resource) bool { return !fresh(r) }); len(after) != len(before) || len(added) != 1 {
		t.Errorf("%d profiles became %d, of which %d are new in name and id; want one", len(before), len(after), len(added))
	}
}

// TestBedrocksMetricsAreReadByProfile looks at the alarm on legacy models and at the graphs: they have the model's own id,
// by which the other Region calls it, and the id of each profile.
func TestBedrocksMetricsAreReadByProfile(t *testing.T) {
	a := billedAssembly(t)
	watch := stackIn(t, a, "billed-us-west-2/observability")
	want := map[string]bool{"global.anthropic.claude-haiku-5-5": true}
	for _, target := range aliasesTold(t, a, "us-west-2")[:2] {
		arn := target.Targets[0].Profile
		want[arn[strings.LastIndexByte(arn, '/')+1:]] = true
	}
	for _, r := range watch.ByType("AWS::CloudWatch::Alarm") {
		if r.Properties["AlarmName"] != "billed-us-west-2-global-anthropic-claude-haiku-5-5-legacy" {
			continue
		}
		metrics, err := watch.Evaluate(r, "Metrics")
		if err != nil {
			t.Fatal(err)
		}
		var expression string
		got := map[string]bool{}
		for _, m := range metrics.([]any) {
			if text, ok := at(m, "Expression").(string); ok {
				expression = text
				continue
			}
			got[at(m, "MetricStat", "Metric", "Dimensions", 0, "Value").(string)] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || expression != "FILL(called0, 0) + FILL(called1, 0) + FILL(called2, 0)" {
			t.Errorf("%q of %s", expression, diff)
		}
		return
	}
	t.Error("there is no alarm on legacy models")
}

// TestBedrocksGraphsHaveALineForEachProfile: which id is behind a line is the other stack's to say, so its output is named.
func TestBedrocksGraphsHaveALineForEachProfile(t *testing.T) {
	read, err := dashboards.Read(stackIn(t, billedAssembly(t), "billed-us-west-2/observability"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"global.anthropic.claude-haiku-5-5", "us.anthropic.claude-haiku-5-5", "serverless haiku global.anthropic.claude-haiku-5-5",
		"serverless haiku us.anthropic.claude-haiku-5-5", "serverless batch global.anthropic.claude-haiku-5-5"}
	graphs := 0
	for _, d := range read {
		for _, w := range d.Widgets {
			var labels []string
			for _, l := range w.Lines {
				if l.Metric.Namespace != "AWS/Bedrock" {
					continue
				}
				labels = append(labels, l.Label)
				if id := l.Metric.Dimensions["ModelId"]; strings.HasPrefix(l.Label, "serverless ") != strings.Contains(id, "InferenceProfileId") {
					t.Errorf("%s is of %s", l.Label, id)
				}
			}
			if len(labels) == 0 {
				continue
			}
			graphs++
			if diff := cmp.Diff(want, labels); diff != "" {
				t.Errorf("%s: %s", w.Title, diff)
			}
		}
	}
	if graphs != 3 {
		t.Errorf("%d graphs are of Bedrock's own metrics, want 3", graphs)
	}
}

// TestProfileProblems gives what cannot be made, and names that would be too long for Bedrock.
func TestProfileProblems(t *testing.T) {
	models := []access.Target{{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"}}
	alias := settings.Alias{Name: "haiku", Targets: []settings.Target{{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"}}}
	elsewhere := settings.Alias{Name: "a--b", Targets: []settings.Target{{Model: "none", Region: "us-east-1", Profile: "arn"}}}
	for _, test := range []struct {
		props profile.Props
		want  []string
	}{
		{profile.Props{}, []string{`Name: is ""`, `Variant: is ""`, "Aliases: are none"}},
		{profile.Props{Name: "a-", Variant: "containers", Aliases: []settings.Alias{alias, elsewhere}, Models: models}, []string{`Name: is "a-"`,
			`Aliases: "a--b" is no name`, `a--b, target 0: has the profile "arn" already`, "a--b, target 0: calls none in us-east-1, which is not among Models",
			`a--b, target 0: "none": the model is not in the catalog`}},
	} {
		_, stack, _ := benchIn(t, "us-east-1")
		refused(t, test.want, func() { profile.New(stack, "Profiles", test.props) })
	}
	long := profile.Props{Name: strings.Repeat("x", 40), Variant: "containers", Aliases: []settings.Alias{alias}, Models: models}
	other := long
	other.Name += "y"
	names := map[string]bool{}
	for i, props := range []profile.Props{long, other} {
		_, stack, _ := benchIn(t, "us-east-1")
		made := profile.New(stack, fmt.Sprint("Profiles", i), props)
		names[*made.All()[0].Resource.InferenceProfileName()] = true
	}
	for name := range names {
		if !nameForm.MatchString(name) || len(name) > profile.MaxNameBytes || len(names) != 2 {
			t.Errorf("names are %v; want two of at most %d characters", names, profile.MaxNameBytes)
		}
	}
}
