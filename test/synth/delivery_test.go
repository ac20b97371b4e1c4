package synth

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

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

// deliver builds what a delivery file asks for. The file's path is not that of the checkout, where the pipeline finds it.
func deliver(t *testing.T, d environment.Delivery) (awscdk.App, string) {
	t.Helper()
	out := t.TempDir()
	app := newApp(t, out)
	d.File = "delivery.yaml"
	if err := stacks.Build(app, d.All(), stub(t)); err != nil {
		t.Fatal(err)
	}
	delivery.New(app, d)
	return app, out
}

// lineStage is a stage of the pipeline, as far as these tests read it.
type lineStage struct {
	Name    string
	Actions []struct {
		Name          string
		RunOrder      int
		Region        string
		ActionTypeID  struct{ Category, Provider string } `json:"ActionTypeId"`
		Configuration map[string]any
		RoleARN       any `json:"RoleArn"`
	}
	OnFailure struct{ Result string }
}

func lineOf(t *testing.T, tp template) []lineStage {
	t.Helper()
	text, err := json.Marshal(tp.only(t, "AWS::CodePipeline::Pipeline").Properties["Stages"])
	if err != nil {
		t.Fatal(err)
	}
	var line []lineStage
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatal(err)
	}
	return line
}

// deliveryTemplate is the pipeline of the shipped file.
func deliveryTemplate(t *testing.T) (template, string) {
	t.Helper()
	app, out := deliver(t, shippedDelivery(t))
	app.Synth(nil)
	var tp template
	readJSON(t, filepath.Join(out, delivery.StackName+".template.json"), &tp)
	return tp, out
}

// TestTheDeliveryGoesItsWayInOrder reads what follows what, in which account and Region, and what is undone when it fails.
func TestTheDeliveryGoesItsWayInOrder(t *testing.T) {
	tp, _ := deliveryTemplate(t)
	p := tp.only(t, "AWS::CodePipeline::Pipeline").Properties
	if p["PipelineType"] != "V2" || p["RestartExecutionOnUpdate"] != true {
		t.Errorf("the pipeline has type %v and restarts after its own update: %v", p["PipelineType"], p["RestartExecutionOnUpdate"])
	}
	var got []string
	for _, stage := range lineOf(t, tp) {
		line := stage.Name + ":"
		for _, a := range stage.Actions {
			if a.ActionTypeID.Provider != "CloudFormation" {
				line += fmt.Sprintf(" %d %s by %s,", a.RunOrder, a.Name, a.ActionTypeID.Provider)
			}
		}
		places := map[string]bool{}
		for _, a := range stage.Actions {
			if a.Configuration["ActionMode"] == "CHANGE_SET_EXECUTE" {
				places[fmt.Sprintf(" in %s %s,", accountOf(t, a.RoleARN), a.Region)] = true
			}
		}
		line += strings.Join(slices.Sorted(maps.Keys(places)), "")
		got = append(got, strings.TrimSuffix(line, ",")+" "+stage.OnFailure.Result)
	}
	want := []string{
		"Source: 1 Source by CodeStarSourceConnection ",
		"Build: 1 Synth by CodeBuild ",
		"UpdatePipeline: 1 SelfMutate by CodeBuild ",
		"Assets: 1 DockerAssets by CodeBuild, 1 FileAssets by CodeBuild ",
		"check: 1 Report by CodeBuild, 1 Test by CodeBuild ",
		"dev-us-east-1: in 111111111111  ROLLBACK",
		"dev-global: in 111111111111  ROLLBACK",
		"dev-conformance: 1 ask-us-east-1 by CodeBuild ",
		"prod-approval: 1 approve-prod by Manual ",
		"prod-secrets: in 222222222222  ROLLBACK",
		"prod-us-west-2-copies: in 222222222222 us-west-2 ROLLBACK",
		"prod-us-east-1-copies: in 222222222222  ROLLBACK",
		"prod-us-west-2: in 222222222222 us-west-2 ROLLBACK",
		"prod-us-east-1: in 222222222222  ROLLBACK",
		"prod-global: in 222222222222  ROLLBACK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// accountOf is the account of the role that an action takes: the one that its target's bootstrap trusts the pipeline with.
func accountOf(t *testing.T, role any) string {
	t.Helper()
	parts, _ := at(role, "Fn::Join").([]any)
	var text strings.Builder
	for _, part := range parts[1].([]any) {
		if s, ok := part.(string); ok {
			text.WriteString(s)
		}
	}
	account, ok := strings.CutPrefix(text.String(), "arn::iam::")
	if !ok || !strings.HasPrefix(account[12:], ":role/cdk-hnb659fds-deploy-role-"+account[:12]+"-") {
		t.Fatalf("the action takes %s, want the deployment role of an account's bootstrap", &text)
	}
	return account[:12]
}

// TestTheStepsRunOnGravitonWithoutSecrets reads every project: its machine, its commands and its variables.
func TestTheStepsRunOnGravitonWithoutSecrets(t *testing.T) {
	d := shippedDelivery(t)
	d.Environments[0].Environment = written(t, "dev", "account: \"111111111111\"\nregions: [us-east-1]\nauth: {mode: keys}\nserverless: {api: {authorizer: none}}\n")
	d.Environments[0].Conformance.KeySecret = "conformance-key"
	app, out := deliver(t, d)
	app.Synth(nil)
	var tp template
	readJSON(t, filepath.Join(out, delivery.StackName+".template.json"), &tp)
	var commands []string
	for _, project := range tp.all("AWS::CodeBuild::Project") {
		where := project.Properties["Environment"].(map[string]any)
		if where["Type"] != "ARM_CONTAINER" || !strings.Contains(where["Image"].(string), "aarch64") {
			t.Errorf("a project runs on %v %v, want Graviton", where["Type"], where["Image"])
		}
		if project.Properties["EncryptionKey"] == nil {
			t.Error("a project does not encrypt what it leaves with our key")
		}
		variables, _ := where["EnvironmentVariables"].([]any)
		for _, v := range variables {
			if name := at(v, "Name").(string); (at(v, "Type") == "PLAINTEXT") == strings.Contains(name, "KEY") {
				t.Errorf("variable %s is of type %v", name, at(v, "Type"))
			}
		}
		commands = append(commands, project.Properties["Source"].(map[string]any)["BuildSpec"].(string))
	}
	all := strings.Join(commands, "\n")
	for _, want := range []string{
		`"make --no-print-directory delivery DELIVERY=delivery.yaml"`, `".ci/run"`, `.ci/report 'HEAD^1' -fail-on destructive,exposure,broadening,alarm -waivers .github/waivers.yaml`,
		`".ci/ask dev us-east-1"`, `aws-cdk@` + delivery.CLIVersion,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no project runs %s", want)
		}
	}
	for _, s := range lineOf(t, tp) {
		for _, a := range s.Actions {
			given := fmt.Sprint(a.Configuration["EnvironmentVariables"])
			if strings.HasPrefix(a.Name, "ask-") != strings.Contains(given, `"name":"URL_SERVERLESS"`) {
				t.Errorf("step %s of %s is given %s", a.Name, s.Name, given)
			}
		}
	}
	reads := 0
	for id, r := range tp.Resources {
		if r.Type != "AWS::IAM::Policy" {
			continue
		}
		for _, s := range statementsOf(t, r.Properties["PolicyDocument"]) {
			if s.Actions[0] != "secretsmanager:GetSecretValue" {
				continue
			}
			reads++
			if !strings.Contains(id, "ask") || len(s.Actions)+len(s.Resources) != 2 || !strings.Contains(s.Resources[0], ":secretsmanager:us-east-1:111111111111:secret:conformance-key-??????") {
				t.Errorf("%s reads %v", id, s.Resources)
			}
		}
	}
	if reads != 1 {
		t.Errorf("%d roles may read the suite's key, want the one of the step that asks", reads)
	}
	var pinned struct{ DevDependencies map[string]string }
	readJSON(t, filepath.Join(root, "package.json"), &pinned)
	if pinned.DevDependencies["aws-cdk"] != delivery.CLIVersion {
		t.Errorf("the pipeline updates itself with aws-cdk %s, package.json has %s", delivery.CLIVersion, pinned.DevDependencies["aws-cdk"])
	}
}

// TestTheDeliveryAsksEveryEndpointItReaches reads which outputs the step is given, for the script asks what is named there.
func TestTheDeliveryAsksEveryEndpointItReaches(t *testing.T) {
	const servers = `account: "111111111111"
regions: [us-east-1]
network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}
auth: {mode: keys}
serverless: {api: {authorizer: none}}
containers: {domain: containers.example.com}
instances: {domain: instances.example.com}
edge:
  certificates: {us-east-1: "arn:aws:acm:us-east-1:111111111111:certificate/1"}
`
	for name, tt := range map[string]struct {
		edge string
		want []string
	}{
		"public":  {"  internetFacing: true\n  callers: [0.0.0.0/0]\n  openReason: callers of every customer show API keys here\n", []string{"URL_CONTAINERS", "URL_INSTANCES", "URL_SERVERLESS"}},
		"private": {"  callers: [10.0.0.0/8]\n", []string{"URL_SERVERLESS"}},
	} {
		d := shippedDelivery(t)
		d.Environments = d.Environments[:1]
		d.Environments[0].Environment = written(t, "dev", servers+tt.edge)
		d.Environments[0].Conformance.KeySecret = "conformance-key"
		app, out := deliver(t, d)
		app.Synth(nil)
		var tp template
		readJSON(t, filepath.Join(out, delivery.StackName+".template.json"), &tp)
		line := lineOf(t, tp)
		asking := line[len(line)-1]
		var given []struct{ Name, Value string }
		if err := json.Unmarshal([]byte(asking.Actions[0].Configuration["EnvironmentVariables"].(string)), &given); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range given {
			if variant, ok := strings.CutPrefix(v.Name, "URL_"); ok {
				got = append(got, v.Name)
				if !strings.HasPrefix(v.Value, "#{devuseast1"+strings.ToLower(variant)) || !strings.HasSuffix(v.Value, ".Url}") && !strings.Contains(v.Value, "Url") {
					t.Errorf("%s: %s is %s, want an output of that stack", name, v.Name, v.Value)
				}
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" || len(asking.Actions) != 1 {
			t.Errorf("%s: %d steps ask; %s", name, len(asking.Actions), diff)
		}
	}
}

// wide are the statements of the pipeline's roles that are on every resource, each with the reason.
var wide = map[string]string{
	"cloudformation:DescribeStacks s3:ListBucket": "the update of the pipeline itself, as CDK gives it: reading alone",
	"kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey* kms:ReEncrypt*": "the key of the other Region's artifacts, which " +
		"has no ARN yet at synthesis; that key's own policy names who may use it",
}

// TestTheDeliveryTrustsAndAllowsLittle reads who takes the pipeline's roles, and what they may do on every resource.
func TestTheDeliveryTrustsAndAllowsLittle(t *testing.T) {
	tp, _ := deliveryTemplate(t)
	for id, r := range tp.Resources {
		if r.Type != "AWS::IAM::Role" {
			continue
		}
		if r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has managed policies", id)
		}
		for _, s := range at(r.Properties["AssumeRolePolicyDocument"], "Statement").([]any) {
			switch who := fmt.Sprint(at(s, "Principal")); who {
			case "map[Service:codebuild.amazonaws.com]", "map[Service:codepipeline.amazonaws.com]", "map[AWS:map[Fn::GetAtt:[PipelineRoleB27FAA37 Arn]]]":
			default:
				t.Errorf("%s trusts %s", id, who)
			}
		}
	}
	met := map[string]bool{}
	for _, r := range tp.all("AWS::IAM::Policy") {
		for _, s := range statementsOf(t, r.Properties["PolicyDocument"]) {
			actions := strings.Join(s.Actions, " ")
			if slices.Contains(s.Resources, "*") {
				met[actions] = true
				if wide[actions] == "" {
					t.Errorf("a role may %s on every resource", actions)
				}
			}
			if slices.ContainsFunc(s.Resources, func(arn string) bool { return strings.HasSuffix(arn, "role/*") }) {
				t.Errorf("a role may %s with every role", actions)
			}
			if strings.Contains(actions, "execute-api") && !slices.Equal(s.Resources, []string{
				"arn:aws:execute-api:us-east-1:111111111111:*/live/GET/*", "arn:aws:execute-api:us-east-1:111111111111:*/live/POST/v1/*"}) {
				t.Errorf("the suite may call %v", s.Resources)
			}
		}
	}
	for actions := range wide {
		if !met[actions] {
			t.Errorf("no role may %s on every resource any more: take it out", actions)
		}
	}
}

// TestTheDeliveryPassesEveryCheck runs CDK's validation and cdk-nag's pack over the pipeline and what CDK makes
// for it in other Regions.
func TestTheDeliveryPassesEveryCheck(t *testing.T) {
	validation("true")
	defer validation("false")
	app, out := deliver(t, shippedDelivery(t))
	made := 0
	for _, child := range *app.Node().Children() {
		if *awscdk.Stack_IsStack(child) {
			made++
			runPack(child)
		}
	}
	failure := failureOf(func() { app.Synth(nil) })
	found, reports := nagFindings(t, out)
	for _, finding := range append(found, findings(t, out)...) {
		t.Error(finding)
	}
	if failure != "" && len(found) == 0 {
		t.Error(failure)
	}
	if reports != made || made != 2 {
		t.Errorf("the pack reported on %d stacks of %d, want the pipeline's and one of the other Region", reports, made)
	}
}
