package synth

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// names are the properties that name a resource for others, by its type.
var names = map[string]string{
	"AWS::S3::Bucket": "BucketName", "AWS::SecretsManager::Secret": "Name", "AWS::SNS::Topic": "TopicName", "AWS::DynamoDB::GlobalTable": "TableName",
	"AWS::CloudTrail::Trail": "TrailName", "AWS::Route53::RecordSet": "Name", "AWS::CloudWatch::Alarm": "AlarmName",
}

// unseen are the types of resources that may name what is not there yet: an alarm is taken with any metric and topic.
var unseen = []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard"}

// stagesThatName returns what stages name across stages, as "who names what of whom", each with whether that was made in a
// step before.
func stagesThatName(t *testing.T, out string, order []string) map[string]bool {
	t.Helper()
	read, err := assembly.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	makers := map[string]string{} // stage, by name
	for _, s := range read.Stacks {
		for _, r := range s.Resources {
			name, _ := r.Properties[names[r.Type]].(string)
			if name != "" && r.Properties["SetIdentifier"] == nil { // the name of several records is nobody's
				makers[strings.TrimSuffix(name, ".")] = stageOf(s)
			}
		}
	}
	found := map[string]bool{}
	for _, s := range read.Stacks {
		for _, r := range s.Resources {
			if slices.Contains(unseen, r.Type) {
				continue
			}
			text := compact(t, r.Properties)
			for name, maker := range makers {
				if maker != stageOf(s) && regexp.MustCompile(`(^|[^\w.-])`+regexp.QuoteMeta(name)+`($|[^\w.-]|-\?)`).MatchString(text) {
					step := slices.Index(order, maker)
					found[fmt.Sprintf("%s names %s of %s", stageOf(s), name, maker)] = step >= 0 && step < slices.Index(order, stageOf(s))
				}
			}
		}
	}
	return found
}

func stageOf(s *assembly.Stack) string {
	stage, _, _ := strings.Cut(s.ID, "/")
	return stage
}

// orders are environments of two Regions that differ in what one needs of the other.
func orders(t *testing.T) map[string]environment.Environment {
	t.Helper()
	made := map[string]environment.Environment{}
	for name, change := range map[string]func(*environment.Environment){
		"prod":             func(*environment.Environment) {},
		"active-active":    func(e *environment.Environment) { e.Failover.Mode = environment.ActiveActive },
		"without archive":  func(e *environment.Environment) { e.Archive = nil },
		"without feedback": func(e *environment.Environment) { e.Gateway.Feedback = false },
		"internal":         internal,
		"without keys":     func(e *environment.Environment) { e.Auth.Secret = "keys-of-the-team" },
	} {
		e := shipped(t, "prod")
		change(&e)
		made[name] = e
	}
	return made
}

// internal makes prod one that no health checker reaches but for its API.
func internal(e *environment.Environment) {
	e.Edge.InternetFacing, e.Failover.Capacity = false, 0
}

// A first deployment goes step by step, and CloudFormation knows nothing of names: whatever a stage names of another must
// have been made in a step before. In a stage the CDK sees to it, by references.
func TestNothingIsNamedBeforeItIsMade(t *testing.T) {
	for name, e := range orders(t) {
		t.Run(name, func(t *testing.T) {
			found := stagesThatName(t, synthesize(t, stub(t), e), e.Stages())
			for what, before := range found {
				if !before {
					t.Errorf("%s, which no step before deploys; the steps are %v", what, e.Steps())
				}
			}
			want := []string{"prod-global names us-east-1.lambda.gateway.example.com of prod-us-east-1"}
			if e.FollowsAlarms() {
				want = append(want, "prod-global names prod-us-west-2-containers-healthy-green of prod-us-west-2")
			}
			if e.HasCopies() {
				want = append(want, "prod-us-west-2 names prod-copies-222222222222-us-east-1 of prod-us-east-1-copies",
					"prod-us-east-1 names prod-copies-222222222222-us-west-2 of prod-us-west-2-copies", "prod-global names prod-records-222222222222-us-west-2 of prod-us-west-2")
			}
			if e.MakesKeys() {
				want = append(want, "prod-us-west-2 names prod-gateway-keys of prod-secrets", "prod-us-east-1 names prod-gateway-keys of prod-secrets")
			}
			if e.Gateway.Feedback {
				want = append(want, "prod-us-west-2 names prod-gateway-feedback of prod-secrets")
			}
			for _, what := range want {
				if _, seen := found[what]; !seen {
					t.Errorf("it does not see that %s; it sees %q", what, slices.Sorted(maps.Keys(found)))
				}
			}
		})
	}
}

// A program is told of a secret by a name that means something in its own Region.
func TestEverySecretIsWhereItIsRead(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	in := map[any][]any{} // Regions, by name
	for _, r := range stackOf(t, out, "prod-secrets", "data").all("AWS::SecretsManager::Secret") {
		in[r.Properties["Name"]] = []any{"us-east-1"}
		for _, copied := range list(r.Properties["ReplicaRegions"]) {
			in[r.Properties["Name"]] = append(in[r.Properties["Name"]], at(copied, "Region"))
		}
	}
	for _, region := range []string{"us-east-1", "us-west-2"} {
		for variant := range variantsWithNames {
			told := variantVariables(t, stackOf(t, out, "prod-"+region, variant), variant)
			for _, name := range []string{settings.EnvAuthSecret, settings.EnvFeedbackSecret} {
				if !slices.Contains(in[told[name]], any(region)) {
					t.Errorf("%s in %s is told of the secret %q, which is in %v", variant, region, told[name], in[told[name]])
				}
			}
		}
	}
}
