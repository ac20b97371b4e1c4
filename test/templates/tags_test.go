package templates_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/tag"
)

// taggable asks AWS's own description of all types which of them take tags, and by which property.
func taggable(t *testing.T) map[string]string {
	t.Helper()
	const script = `const db = require('@aws-cdk/aws-service-spec').loadAwsServiceSpecSync(), by = {};
for (const r of db.all('resource')) if (r.tagInformation) by[r.cloudFormationType] = r.tagInformation.tagPropertyName;
console.log(JSON.stringify(by));`
	cmd := exec.Command(filepath.Join(built.root, "node_modules", ".bin", "node"), "--eval", script)
	cmd.Dir = built.root
	var messages bytes.Buffer
	cmd.Stderr = &messages
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("the description of AWS's types cannot be read; npm ci installs it: %v\n%s", err, &messages)
	}
	by := map[string]string{}
	if err := json.Unmarshal(text, &by); err != nil || len(by) < 500 {
		t.Fatalf("%d types take tags, %v", len(by), err)
	}
	by["AWS::Budgets::Budget"] = "ResourceTags" // as its page in CloudFormation's reference has it
	for kind := range untagged {
		if by[kind] == "" {
			t.Errorf("%s takes no tags: take it out of untagged", kind)
		}
		delete(by, kind)
	}
	return by
}

// untagged are types that have what CloudFormation copies from their stack alone.
var untagged = map[string]string{
	"AWS::ApplicationAutoScaling::ScalableTarget": "the L1 construct of CDK 2.270.0 has no tags; it costs nothing",
	"AWS::CloudWatch::Dashboard":                  "cfn-lint's schemas know no tags of it",
	"AWS::ElasticLoadBalancingV2::Listener":       "cfn-lint's schemas know no tags of it; it costs nothing",
	"AWS::ElasticLoadBalancingV2::ListenerRule":   "cfn-lint's schemas know no tags of it; it costs nothing",
}

// tagsOf reads tags, whether CloudFormation has them as a list or a map.
func tagsOf(value any) map[string]any {
	if m, ok := value.(map[string]any); ok {
		return m
	}
	found := map[string]any{}
	list, _ := value.([]any)
	for _, entry := range list {
		e, _ := entry.(map[string]any)
		found[fmt.Sprint(e["Key"])] = e["Value"]
	}
	return found
}

// Every resource of every environment that takes tags has those by which the bill tells it apart; so have its stack, and
// what AWS makes on its behalf.
func TestEveryResourceCarriesTheTagsOfItsEnvironment(t *testing.T) {
	a, err := assembly.Read(built.out)
	if err != nil {
		t.Fatal(err)
	}
	by := taggable(t)
	looked := map[string]int{}
	for _, s := range a.Stacks {
		name, _, _ := strings.Cut(s.ID, "-")
		want := map[string]string{tag.Environment: name, tag.Project: tag.DefaultProject, tag.Lifecycle: tag.Disposable}
		if s.TerminationProtection {
			want[tag.Lifecycle] = tag.Kept
		}
		hold := func(what string, got map[string]any) {
			for key, value := range want {
				if got[key] != value {
					t.Errorf("%s, %s: the tag %s is %v, want %s", s.ID, what, key, got[key], value)
				}
			}
		}
		own := map[string]any{}
		for key, value := range s.Tags {
			own[key] = value
		}
		hold("the stack", own)
		for id, r := range s.Resources {
			if property, ok := by[r.Type]; ok {
				looked[name]++
				hold(id+" of "+r.Type, tagsOf(r.Properties[property]))
			}
			switch r.Type {
			case "AWS::AutoScaling::AutoScalingGroup": // its instances
				for _, entry := range r.Properties["Tags"].([]any) {
					if e := entry.(map[string]any); e["PropagateAtLaunch"] != true {
						t.Errorf("%s, %s: its instances do not get the tag %v", s.ID, id, e["Key"])
					}
				}
			case "AWS::EC2::LaunchTemplate": // their volumes
				specifications, _ := r.Properties["LaunchTemplateData"].(map[string]any)["TagSpecifications"].([]any)
				kinds := map[any]bool{}
				for _, entry := range specifications {
					e := entry.(map[string]any)
					kinds[e["ResourceType"]] = true
					hold(fmt.Sprintf("%s for each %v", id, e["ResourceType"]), tagsOf(e["Tags"]))
				}
				if !kinds["volume"] || !kinds["instance"] {
					t.Errorf("%s, %s: tags are on %v, want volumes and instances", s.ID, id, kinds)
				}
			case "AWS::ECS::Service": // its tasks, which are what is billed
				if r.Properties["PropagateTags"] != "SERVICE" {
					t.Errorf("%s, %s: its tasks get the tags of %v", s.ID, id, r.Properties["PropagateTags"])
				}
			}
		}
	}
	if looked["prod"] < 250 || looked["dev"] < 20 || looked["local"] < 80 {
		t.Errorf("only these were looked at: %v", looked)
	}
}
