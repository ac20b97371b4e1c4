package synth

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bootstrapped is a role of CDK's bootstrap, in an account and a Region.
func bootstrapped(kind, account, region string) string {
	return fmt.Sprintf("takes arn:{AWS::Partition}:iam::%s:role/cdk-hnb659fds-%s-role-%s-%s", account, kind, account, region)
}

// duties are what each role of the pipeline of the shipped file may do, by the beginning of its logical id: all of it, and
// of nobody else's. A step of ours clones, reads what was left to it, and writes its own log and reports.
var duties = map[string][]string{
	"PipelineRole": {"taken by codepipeline.amazonaws.com", "reads and writes artifacts", "uses keys of artifacts, by any name",
		"takes CodeBuildActionRole", "takes SourceCodePipelineActionRole", "takes prodapprovalapproveprodCodePipelineActionRole",
		bootstrapped("deploy", "111111111111", "us-east-1"), bootstrapped("deploy", "222222222222", "us-east-1"), bootstrapped("deploy", "222222222222", "us-west-2")},
	"PipelineSourceCodePipelineActionRole":                  {"taken by PipelineRole", "clones", "reads and writes artifacts", "uses the key of artifacts", "owns artifacts"},
	"PipelineprodapprovalapproveprodCodePipelineActionRole": {"taken by PipelineRole"},
	"PipelineCodeBuildActionRole": {"taken by PipelineRole", "starts AssetsDockerAsset", "starts AssetsFileAsset", "starts BuildSynthCdkBuildProject",
		"starts UpdatePipelineSelfMutation", "starts checkReport", "starts checkTest", "starts devconformanceaskuseast1"},
	"PipelineBuildSynthCdkBuildProjectRole": {"taken by codebuild.amazonaws.com", "logs", "reports", "clones", "reads and writes artifacts", "uses the key of artifacts"},
	"PipelinecheckReportRole":               {"taken by codebuild.amazonaws.com", "logs", "reports", "clones", "reads artifacts", "uses the key of artifacts"},
	"PipelinecheckTestRole":                 {"taken by codebuild.amazonaws.com", "logs", "reports", "clones", "reads artifacts", "uses the key of artifacts"},
	"Pipelinedevconformanceaskuseast1Role": {"taken by codebuild.amazonaws.com", "logs", "reports", "clones", "reads artifacts", "uses the key of artifacts",
		"calls arn:aws:execute-api:us-east-1:111111111111:*/live/GET/*", "calls arn:aws:execute-api:us-east-1:111111111111:*/live/POST/v1/*"},
	// The update deploys the pipeline itself, and so in its own account alone.
	"PipelineUpdatePipelineSelfMutationRole": {"taken by codebuild.amazonaws.com", "logs", "reports", "reads artifacts", "uses the key of artifacts",
		"describes stacks", `takes arn:aws:iam::111111111111:role/cdk-hnb659fds-* if {"ForAnyValue:StringEquals":{"iam:ResourceTag/aws-cdk:bootstrap-role":["image-publishing","file-publishing","deploy"]}}`},
	"PipelineAssetsFileRole": {"taken by codebuild.amazonaws.com", "logs", "reports", "reads artifacts", "decrypts artifacts", "starts AssetsFileAsset",
		bootstrapped("file-publishing", "111111111111", "us-east-1"), bootstrapped("file-publishing", "222222222222", "us-east-1"), bootstrapped("file-publishing", "222222222222", "us-west-2")},
	"PipelineAssetsDockerRole": {"taken by codebuild.amazonaws.com", "logs", "reports", "reads artifacts", "decrypts artifacts", "starts AssetsDockerAsset",
		bootstrapped("image-publishing", "222222222222", "us-east-1"), bootstrapped("image-publishing", "222222222222", "us-west-2")},
}

// What families of actions CDK grants on artifacts.
const (
	reading  = "s3:GetBucket* s3:GetObject* s3:List*"
	writing  = "s3:Abort* s3:DeleteObject* s3:GetBucket* s3:GetObject* s3:List* s3:PutObject s3:PutObjectLegalHold s3:PutObjectRetention s3:PutObjectTagging s3:PutObjectVersionTagging"
	keyUsing = "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey* kms:ReEncrypt*"
)

// TestEveryRoleOfTheDeliveryHasItsDuties says of each statement what it lets its role do, and to what. A statement that
// says anything else, of another account, Region, bucket, key or project, is shown as it is and so belongs to nobody.
func TestEveryRoleOfTheDeliveryHasItsDuties(t *testing.T) {
	tp, _ := deliveryTemplate(t)
	got := map[string][]string{}
	for id, r := range tp.Resources {
		if r.Type != "AWS::IAM::Role" {
			continue
		}
		role := withoutHash(id)
		for _, s := range at(r.Properties["AssumeRolePolicyDocument"], "Statement").([]any) {
			for kind, who := range at(s, "Principal").(map[string]any) {
				name := plain(who)
				if kind == "AWS" {
					name = withoutHash(strings.TrimSuffix(strings.Trim(name, "{}"), ".Arn"))
				}
				got[role] = append(got[role], "taken by "+name)
			}
		}
		if r.Properties["ManagedPolicyArns"] != nil || r.Properties["Policies"] != nil {
			t.Errorf("%s has policies that this test does not read", id)
		}
	}
	for _, r := range tp.all("AWS::IAM::Policy") {
		for _, holder := range r.Properties["Roles"].([]any) {
			id := strings.Trim(plain(holder), "{}")
			for _, s := range at(r.Properties["PolicyDocument"], "Statement").([]any) {
				got[withoutHash(id)] = append(got[withoutHash(id)], dutiesOf(t, id, s)...)
			}
		}
	}
	want := maps.Clone(duties)
	for _, roles := range []map[string][]string{got, want} {
		for role := range roles {
			roles[role] = slices.Sorted(slices.Values(roles[role]))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the roles' duties (-) and what they may do (+) differ:\n%s", diff)
	}
}

var hash = regexp.MustCompile(`[0-9A-F]{8}$`)

func withoutHash(id string) string { return hash.ReplaceAllString(id, "") }

// dutiesOf are what a statement lets a role do, one for each resource where these tell who or what.
func dutiesOf(t *testing.T, role string, statement any) []string {
	t.Helper()
	actions, resources := plainList(at(statement, "Action")), plainList(at(statement, "Resource"))
	all, condition := strings.Join(actions, " "), ""
	if c := at(statement, "Condition"); c != nil {
		condition = " if " + compact(t, c)
	}
	whole := fmt.Sprintf("%v %s on %v%s", at(statement, "Effect"), all, resources, condition)
	// An asset's project and its role have no name in common but the kind.
	project := strings.NewReplacer("AssetsFileRole", "AssetsFileAsset", "AssetsDockerRole", "AssetsDockerAsset").Replace(withoutHash(role))
	project = strings.TrimSuffix(project, "Role")
	own := func(arn string) bool {
		_, named, _ := strings.Cut(arn, "{")
		name, end, _ := strings.Cut(named, "}")
		return withoutHash(name) == project && slices.Contains([]string{"", "*", ":*", "-*"}, end)
	}
	on := func(fit func(string) bool) bool {
		return at(statement, "Effect") == "Allow" && !slices.ContainsFunc(resources, func(arn string) bool { return !fit(arn) })
	}
	artifacts := func(arn string) bool {
		return strings.HasPrefix(arn, "{Artifacts82DD59A1.Arn}") || strings.HasPrefix(arn, "arn:aws:s3:::delivery-support-us-west-")
	}
	key := func(arn string) bool { return arn == "{ArtifactsKeyA65E83CB.Arn}" }
	each := func(word string, name func(string) string) (list []string) {
		for _, arn := range resources {
			list = append(list, word+name(arn)+condition)
		}
		return list
	}
	ours := func(arn string) string {
		if strings.HasPrefix(arn, "{Pipeline") {
			return withoutHash(strings.TrimSuffix(strings.TrimPrefix(arn, "{Pipeline"), ".Arn}"))
		}
		return arn
	}
	for _, duty := range []struct {
		name, actions string
		fit           func(string) bool
	}{
		{"logs", "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents", func(arn string) bool {
			return strings.HasPrefix(arn, "arn:aws:logs:us-east-1:111111111111:log-group:/aws/codebuild/{") && own(arn)
		}},
		{"reports", "codebuild:BatchPutCodeCoverages codebuild:BatchPutTestCases codebuild:CreateReport codebuild:CreateReportGroup codebuild:UpdateReport", func(arn string) bool {
			return strings.HasPrefix(arn, "arn:aws:codebuild:us-east-1:111111111111:report-group/{") && own(arn)
		}},
		{"clones", "codeconnections:UseConnection codestar-connections:UseConnection", func(arn string) bool { return arn == shippedDelivery(t).Source.Connection }},
		{"clones", "codeconnections:UseConnection", func(arn string) bool { return arn == shippedDelivery(t).Source.Connection }},
		{"reads artifacts", reading, artifacts},
		{"reads and writes artifacts", writing, artifacts},
		{"owns artifacts", "s3:PutObjectAcl s3:PutObjectVersionAcl", artifacts},
		{"uses the key of artifacts", keyUsing, key},
		{"uses keys of artifacts, by any name", keyUsing, func(arn string) bool { return arn == "*" || key(arn) }},
		{"decrypts artifacts", "kms:Decrypt kms:DescribeKey", key},
		{"describes stacks", "cloudformation:DescribeStacks s3:ListBucket", func(arn string) bool { return arn == "*" }},
	} {
		if all == duty.actions && condition == "" && on(duty.fit) {
			return []string{duty.name}
		}
	}
	switch {
	case at(statement, "Effect") != "Allow":
	case all == "sts:AssumeRole":
		return each("takes ", ours)
	case all == "codebuild:BatchGetBuilds codebuild:StartBuild codebuild:StopBuild":
		return each("starts ", ours)
	case all == "execute-api:Invoke":
		return each("calls ", ours)
	}
	return []string{whole}
}

// plainList is a text or a list of texts, sorted.
func plainList(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var texts []string
	for _, item := range list {
		texts = append(texts, plain(item))
	}
	slices.Sort(texts)
	return texts
}

// plain is a text with its references in braces: {Name} and {Name.Attribute}.
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if name, ok := v["Ref"].(string); ok {
			return "{" + name + "}"
		}
		if path, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("{%v.%v}", path...)
		}
		if text, ok := v["Fn::Sub"].(string); ok {
			return strings.ReplaceAll(text, "${", "{")
		}
		if pair, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range pair[1].([]any) {
				parts = append(parts, plain(part))
			}
			return strings.Join(parts, fmt.Sprint(pair[0]))
		}
	}
	return fmt.Sprint(value)
}
