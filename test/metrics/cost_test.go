package metrics_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// The dashboard's arm64 against x86 are the figures of pipeline cost, when AWS counts the load that the command assumes.
func TestTheDashboardAndTheCommandCompareAlike(t *testing.T) {
	load := cost.DefaultLoad()
	hour := load.RequestsPerSecond * 3600
	counted := map[string]float64{ // by AWS, in an hour of that load
		"AWS/Lambda Duration": hour * load.Seconds * 1000, "AWS/Lambda Invocations": hour,
		"ECS/ContainerInsights RunningTaskCount": 2, "AWS/AutoScaling GroupInServiceInstances": 2, // the least, which are enough for it
	}
	report, err := cost.Of(&assembly.Assembly{Stacks: stacks("prod")}, load, now)
	if err != nil {
		t.Fatal(err)
	}
	variants := map[string]cost.Variant{}
	for _, d := range report.Deployments {
		for _, v := range d.Variants {
			if d.Region == "us-east-1" {
				variants[v.Name] = v
			}
		}
	}
	stack, err := built.assembly.Stack("prod-us-east-1/observability")
	if err != nil {
		t.Fatal(err)
	}
	all, err := dashboards.Read(stack)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, d := range all {
		for _, w := range d.Widgets {
			name, ok := strings.CutPrefix(w.Title, "Compute of ")
			if !ok {
				continue
			}
			name, _, _ = strings.Cut(name, " ")
			got := map[string]float64{}
			results, err := w.Evaluate(time.Hour.Seconds(), func(l dashboards.Line) (metricmath.Series, error) {
				return metricmath.Series{counted[l.Metric.Namespace+" "+l.Metric.Name]}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range w.Lines {
				got[l.Label] = results[i][0]
			}
			v := variants[name]
			million := func(usd float64) float64 { return usd * 1e6 / hour }
			near(t, name+" on arm64", million(got["arm64"]), *v.Parts[0].USD)
			near(t, name+" on x86", million(got["the same on x86"]), *v.X86.Compute)
			near(t, name+" saves, in %,", got["saved, %"], *v.X86.Saving)
			compared++
		}
	}
	if compared != 3 {
		t.Errorf("%d variants are compared, want 3", compared)
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Abs(want) {
		t.Errorf("%s: the dashboard has %v, pipeline cost %v", what, got, want)
	}
}

// Where a Region's price is not known, the dashboard says so and shows none.
func TestWhereNoPriceIsKnownNoneIsShown(t *testing.T) {
	stack, err := built.assembly.Stack("prod-us-west-2/observability")
	if err != nil {
		t.Fatal(err)
	}
	all, err := dashboards.Read(stack)
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, d := range all {
		for _, w := range d.Widgets {
			if strings.HasPrefix(w.Title, "Compute of serverless") {
				t.Errorf("%s is shown: %v", w.Title, w.Lines)
			}
			said += w.Text
		}
	}
	if !strings.Contains(said, "no price is known of lambda.gbSecond.arm64 in us-west-2") {
		t.Errorf("the texts are %q", said)
	}
}
