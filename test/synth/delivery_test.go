package synth

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/delivery"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// shippedDelivery is the product's delivery file.
func shippedDelivery(t *testing.T) environment.Delivery {
	t.Helper()
	d, err := environment.LoadDelivery(filepath.Join(root, "delivery.yaml"), filepath.Join(root, "environments"), today)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheDeliveryPassesEveryCheck runs CDK's validation, our rules and cdk-nag's pack over the pipeline and what CDK makes
// for it in other Regions.
func TestTheDeliveryPassesEveryCheck(t *testing.T) {
	validation("true")
	defer validation("false")
	d, out := shippedDelivery(t), t.TempDir()
	app := newApp(t, out)
	// RULES
	if err := stacks.Build(app, d.All(), stub(t)); err != nil {
		t.Fatal(err)
	}
	delivery.New(app, d)
	want := 0
	for _, child := range *app.Node().Children() {
		if *awscdk.Stack_IsStack(child) {
			want++
			runPack(child)
		}
	}
	failure := failureOf(func() { app.Synth(nil) })
	found, reports := nagFindings(t, out)
	for _, finding := range found {
		t.Error(finding)
	}
	if failure != "" && len(found) == 0 {
		t.Error(failure)
	}
	if reports != want || want != 2 {
		t.Errorf("the pack reported on %d stacks of %d, want the pipeline's and one of the other Region", reports, want)
	}
	if got := findings(t, out); len(got) > 0 {
		t.Errorf("the validation finds %q", got)
	}
}
