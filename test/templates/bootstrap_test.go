package templates_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/bootstrap"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// prefixes are the services of IAM actions whose name is another one than in the types of CloudFormation.
var prefixes = map[string]string{
	"applicationautoscaling": "application-autoscaling",
	"elasticloadbalancingv2": "elasticloadbalancing",
}

// narrow are services of which the templates need a part alone: the rest of Cost Explorer reads what everything costs.
var narrow = map[string][]string{"ce": {"ce:*AnomalyMonitor*"}}

// TestTheBootstrapAllowsEveryServiceOfTheTemplates: a service that is missing in cmd/pipeline/bootstrap/policy.json would
// be seen at the first deployment only.
func TestTheBootstrapAllowsEveryServiceOfTheTemplates(t *testing.T) {
	text, err := bootstrap.Of(environment.Environment{Name: "any", Account: "123456789012"}, nil).Policy()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Concat(built.templates, built.delivery) {
		var template struct {
			Resources map[string]struct{ Type string }
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &template); err != nil {
			t.Fatal(err)
		}
		for _, r := range template.Resources {
			parts := strings.Split(strings.ToLower(r.Type), "::")
			service := parts[1]
			if parts[0] != "aws" { // a custom resource, which is a function
				service = "lambda"
			}
			if prefixes[service] != "" {
				service = prefixes[service]
			}
			allowed := slices.ContainsFunc(append(narrow[service], service+":*"), func(actions string) bool { return strings.Contains(string(text), `"`+actions+`"`) })
			if service != "iam" && !allowed {
				t.Errorf("the policy of the bootstrap does not allow %s, which %s needs", service, r.Type)
			}
		}
	}
}
