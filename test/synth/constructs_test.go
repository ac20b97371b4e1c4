package synth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// least is the props with nothing but what is required.
func least(t *testing.T) compute.FunctionProps {
	t.Helper()
	code, err := stub(t).Build("./runtime/cmd/lambda")
	if err != nil {
		t.Fatal(err)
	}
	told := settings.Default()
	told.Environment, told.Variant = "bench", settings.VariantServerless
	told.Aliases = []settings.Alias{{Name: "haiku", DefaultMaxTokens: 1, MaxTokens: 2,
		Targets: []settings.Target{{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"}}}}
	return compute.FunctionProps{Code: code, Settings: told,
		Models: []access.Target{{Model: "global.anthropic.claude-haiku-5-5", Region: "us-east-1"}}}
}

func TestFunctionDefaults(t *testing.T) {
	app, stack, out := bench(t)
	compute.NewFunction(stack, "Gateway", least(t))
	tp := benchTemplate(t, app, out)
	fn := tp.only(t, "AWS::Lambda::Function").Properties
	got := []any{fn["MemorySize"], fn["Timeout"], fn["ReservedConcurrentExecutions"],
		tp.only(t, "AWS::Logs::LogGroup").Properties["RetentionInDays"]}
	if diff := cmp.Diff([]any{1024.0, 300.0, nil, 30.0}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFunctionIsAGrantableAndGrantsInvocation(t *testing.T) {
	app, stack, out := bench(t)
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	bucket := awss3.NewBucket(stack, jsii.String("Bucket"), nil)
	if !*bucket.GrantPut(gateway, nil).Success() {
		t.Error("granting a bucket to the function fails")
	}
	caller := awsiam.NewUser(stack, jsii.String("Caller"), nil)
	if !*gateway.GrantInvoke(caller).Success() {
		t.Error("granting invocation fails")
	}
	byRole := map[string][]statement{}
	for _, policy := range benchTemplate(t, app, out).all("AWS::IAM::Policy") {
		owner := "caller"
		if policy.Properties["Roles"] != nil {
			owner = "function"
		}
		byRole[owner] = statementsOf(t, policy.Properties["PolicyDocument"])
	}
	want := []statement{{Effect: "Allow", Actions: []string{"lambda:InvokeFunction"}, Resources: []string{`{"Ref":"GatewayAlias35484DF8"}`}}}
	if diff := cmp.Diff(want, byRole["caller"]); diff != "" {
		t.Errorf("the caller: %s", diff)
	}
	if got := fmt.Sprint(byRole["function"]); !strings.Contains(got, "s3:PutObject") {
		t.Errorf("the function's role was not given the bucket: %s", got)
	}
}

func TestMetricsFollowTheContract(t *testing.T) {
	_, stack, _ := bench(t)
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	for _, m := range metric.All() {
		got := gateway.Metric(m, nil)
		statistic := map[metric.Unit]string{metric.Milliseconds: "p95", metric.Count: "Sum", metric.None: "Sum"}[m.Unit]
		if *got.Namespace() != metric.Namespace || *got.MetricName() != m.Name || *got.Statistic() != statistic ||
			!strings.EqualFold(string(got.Unit()), string(m.Unit)) {
			t.Errorf("%s is %s %s %s %s", m.Name, *got.Namespace(), *got.MetricName(), *got.Statistic(), got.Unit())
		}
		want := map[string]any{metric.DimEnvironment: "bench", metric.DimVariant: "serverless"}
		if diff := cmp.Diff(want, *got.Dimensions()); diff != "" {
			t.Errorf("%s: %s", m.Name, diff)
		}
	}
	minute := gateway.Metric(metric.Requests, &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(1)), Statistic: jsii.String("Maximum")})
	if *minute.Period().ToSeconds(nil) != 60 || *minute.Statistic() != "Maximum" {
		t.Error("options do not change the metric")
	}
}

func TestEveryRetentionOfAnEnvironmentIsOffered(t *testing.T) {
	app, stack, out := bench(t)
	props := least(t)
	want := map[float64]bool{}
	for _, days := range environment.RetentionDays() {
		props.LogRetention = days
		want[float64(days)] = true
		compute.NewFunction(stack, fmt.Sprintf("For%d", days), props)
	}
	got := map[float64]bool{}
	for _, logs := range benchTemplate(t, app, out).all("AWS::Logs::LogGroup") {
		got[logs.Properties["RetentionInDays"].(float64)] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadPropsAreAllNamedAtOnce(t *testing.T) {
	_, stack, _ := bench(t)
	wrong := least(t)
	wrong.Code.Dir = ""
	wrong.Settings.Variant = "elsewhere"
	wrong.Settings.Aliases[0].Targets[0].Region = "eu-west-1"
	wrong.Models[0].Model = "none"
	wrong.Memory, wrong.Timeout, wrong.LogRetention, wrong.ReservedConcurrency = 64, 90500*time.Millisecond, 31, -1
	tests := []struct {
		name string
		make func()
		want []string
	}{
		{"function", func() { compute.NewFunction(stack, "Gateway", wrong) }, []string{
			`compute.NewFunction("Gateway"): 10 problems with the props:`, "Code: is empty", `"none": the model is not in the catalog`,
			"GENAI_VARIANT: is \"elsewhere\"", "Models: nothing grants global.anthropic.claude-haiku-5-5 in eu-west-1, which alias haiku calls",
			"Memory: is 64 MB", "Timeout: is 1m30.5s; allowed are whole seconds", "must be more than Settings.RequestTimeout",
			"LogRetention: is 31 days", "ReservedConcurrency: is -1"}},
		{"API", func() { edge.NewRestApi(stack, "Edge", edge.RestApiProps{StreamTimeout: time.Hour, Authorizer: "jwt"}) }, []string{
			`edge.NewRestApi("Edge"): 3 problems with the props:`, "Handler: is nil", "StreamTimeout: is 1h0m0s", `Authorizer: is "jwt"`}},
		{"open API", func() { edge.NewRestApi(stack, "Open", edge.RestApiProps{Authorizer: edge.AuthorizerNone}) }, []string{"OpenReason: is empty"}},
		{"reason without need", func() { edge.NewRestApi(stack, "Shut", edge.RestApiProps{OpenReason: "none"}) }, []string{"OpenReason: is only for"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { refused(t, test.want, test.make) })
	}
}

func TestRestApiGrantsItsStageOnly(t *testing.T) {
	app, stack, out := bench(t)
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{Handler: gateway.Alias()})
	api.GrantInvoke(awsiam.NewUser(stack, jsii.String("Caller"), nil))
	for _, policy := range benchTemplate(t, app, out).all("AWS::IAM::Policy") {
		if policy.Properties["Users"] == nil {
			continue
		}
		got := statementsOf(t, policy.Properties["PolicyDocument"])
		want := `/live/*/*"]]}`
		if len(got) != 1 || !cmp.Equal(got[0].Actions, []string{"execute-api:Invoke"}) || !strings.HasSuffix(got[0].Resources[0], want) {
			t.Errorf("got %v, want a resource that ends in %s", got, want)
		}
		return
	}
	t.Error("the caller has no policy")
}
