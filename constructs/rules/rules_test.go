package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/rules"
)

// object is a piece of a template.
type object = map[string]any

// found returns rule and message of each finding on the resources, written as JSON.
func found(t *testing.T, resources string, allowed ...rules.Allowance) []string {
	t.Helper()
	template := `{"Resources":` + resources + `}`
	if !json.Valid([]byte(template)) {
		t.Fatalf("the test's template is not JSON: %s", template)
	}
	var lines []string
	for _, f := range rules.Check([]byte(template), allowed...) {
		lines = append(lines, f.Rule+": "+f.Message)
	}
	return lines
}

// holder is a role with one statement, beside some other resources.
func holder(t *testing.T, statement object) string {
	t.Helper()
	text, err := json.Marshal(object{
		"Bucket": object{"Type": "AWS::S3::Bucket"},
		"Key":    object{"Type": "AWS::KMS::Key"},
		"Logs":   object{"Type": "AWS::Logs::LogGroup"},
		"Secret": object{"Type": "AWS::SecretsManager::Secret"},
		"Policy": object{"Type": "AWS::IAM::Policy", "Properties": object{"PolicyDocument": object{"Statement": statement}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func allow(actions, resources any) object {
	return object{"Effect": "Allow", "Action": actions, "Resource": resources}
}

const model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"

func TestPolicies(t *testing.T) {
	arnOf := func(id string) object { return object{"Fn::GetAtt": []string{id, "Arn"}} }
	joined := func(parts ...any) object { return object{"Fn::Join": []any{"", parts}} }
	tests := []struct {
		name      string
		statement object
		want      []string
	}{
		{"a model", allow("bedrock:InvokeModel", model), nil},
		{"a model in any Region, in any case of letters", allow("Bedrock:invokemodel", "arn:aws:bedrock:::foundation-model/a.b"), nil},
		{"an operation that is no action", allow("bedrock:ConverseStream", model),
			[]string{"unknown-action: action bedrock:ConverseStream does not exist; the operation ConverseStream is allowed by bedrock:InvokeModelWithResponseStream"}},
		{"an action that is no more", object{"Effect": "Deny", "NotAction": []string{"sts:Nothing"}, "Resource": "*"},
			[]string{"unknown-action: action sts:Nothing does not exist"}},
		{"no service", allow("InvokeModel", model), []string{`unknown-action: action "InvokeModel" names no service`}},
		{"a service that is not in the table", allow("xyz:Anything", "arn:aws:xyz:::a"), nil},
		{"a log group", allow([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, arnOf("Logs")), nil},
		{"a secret by its Ref", allow("secretsmanager:GetSecretValue", object{"Ref": "Secret"}), nil},
		{"a key by Fn::Sub", allow("kms:Decrypt", object{"Fn::Sub": "${Key.Arn}"}), nil},
		{"a key where a secret belongs", allow("secretsmanager:GetSecretValue", arnOf("Key")),
			[]string{"action-resource: secretsmanager:GetSecretValue takes arn:*:secretsmanager:*:*:secret:*, and not arn:aws:kms:…:…:key/Key"}},
		{"objects of a bucket", allow("s3:PutObject", joined(arnOf("Bucket"), "/archive/*")), nil},
		{"the bucket where objects belong", allow("s3:PutObject", arnOf("Bucket")),
			[]string{"action-resource: s3:PutObject takes arn:*:s3:*:*:accesspoint/* or arn:*:s3:::*/*, and not arn:aws:s3:::Bucket"}},
		{"a bucket and its objects", allow([]string{"s3:ListBucket", "s3:GetObject"}, []any{arnOf("Bucket"), joined(arnOf("Bucket"), "/*")}), nil},
		{"a resource that no action takes", allow("bedrock:InvokeModel", []any{model, arnOf("Logs")}),
			[]string{"action-resource: resource arn:aws:logs:…:…:log-group:Logs:* is of a kind that none of bedrock:InvokeModel takes"}},
		{"what another stack exports", allow("kms:Decrypt", object{"Fn::ImportValue": "key"}), nil},
		{"part of what another stack exports", allow("s3:GetObject", joined(object{"Fn::ImportValue": "bucket"}, "/*")), nil},
		{"what another stack exports, with its streams", allow("logs:PutLogEvents", joined(object{"Fn::ImportValue": "logs"}, ":*")), nil},
		{"a parameter in an ARN", allow("kms:Decrypt", joined("arn:", object{"Ref": "AWS::Partition"}, ":kms:", object{"Ref": "AWS::Region"}, ":1:key/", object{"Ref": "Id"})), nil},
		{"a parameter does not reach over colons", allow("kms:Decrypt", joined("arn:aws:", object{"Ref": "Service"}, ":", object{"Ref": "AWS::Region"}, ":1:secret:a")),
			[]string{"action-resource: kms:Decrypt takes arn:*:kms:*:*:key/*, and not arn:aws:…:…:1:secret:a"}},
		{"everything, where IAM knows nothing less", allow("ecr:GetAuthorizationToken", "*"), nil},
		{"one thing, where IAM knows only everything", allow("ecr:GetAuthorizationToken", "arn:aws:ecr:us-east-1:1:repository/a"),
			[]string{"action-resource: ecr:GetAuthorizationToken takes only the resource *, and not arn:aws:ecr:us-east-1:1:repository/a"}},
		{"everything", allow("kms:Decrypt", "*"), []string{"wildcard: allows kms:Decrypt on *: name the resources"}},
		{"everything of a kind", allow("kms:Decrypt", "arn:aws:kms:us-east-1:1:key/*"),
			[]string{"wildcard: allows kms:Decrypt on arn:aws:kms:us-east-1:1:key/*: name the resources"}},
		{"actions by pattern", allow("bedrock:Invoke*", model), []string{"wildcard: allows actions bedrock:Invoke*: name the actions"}},
		{"every action but one", object{"Effect": "Allow", "NotAction": "sts:AssumeRole", "Resource": "arn:aws:s3:::a"},
			[]string{"wildcard: allows every action but sts:AssumeRole: name the actions that are needed"}},
		{"many parameters in one name", allow("kms:Decrypt", object{"Fn::Sub": "arn:aws:s3:::" + strings.Repeat("${A}-", 30)}),
			[]string{"action-resource: kms:Decrypt takes arn:*:kms:*:*:key/*, and not arn:aws:s3:::" + strings.Repeat("…-", 30)}},
		{"functions of CloudFormation without arguments", allow(object{"Fn::Sub": nil}, []any{object{"Fn::Join": nil}, object{"Fn::GetAtt": nil}, object{"Ref": nil}, nil}), nil},
		{"a wide denial", object{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(t, holder(t, tt.statement))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOtherResources(t *testing.T) {
	tests := []struct {
		name      string
		resources string
		want      []string
	}{
		{"the policy of a key is about the key", `{"Key":{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":{"Statement":[
			{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"arn:aws:iam::111122223333:root"}}]}}}}`, nil},
		{"managed policies", `{"Role":{"Type":"AWS::IAM::Role","Properties":{"ManagedPolicyArns":[{"Ref":"Own"},"arn:aws:iam::111122223333:policy/Own",
			{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]]}]}}}`, nil},
		{"a dashboard with references", `{"D":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardBody":{"Fn::Join":["",
			["{\"widgets\":[{\"type\":\"metric\",\"width\":",{"Ref":"Width"},"1,\"properties\":{\"region\":\"",{"Ref":"AWS::Region"},"\",\"annotations\":{}}}]}"]]}}}}`, nil},
		{"a dashboard without widgets", `{"D":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardBody":"{}"}}}`,
			[]string{"dashboard: has no widgets array, which may be empty and must be there"}},
		{"widgets", `{"D":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardBody":
			"{\"widgets\":[{},{\"type\":\"text\",\"x\":1},{\"type\":\"log\",\"width\":25,\"properties\":{\"region\":\"r\"}},{\"type\":\"explorer\",\"height\":0}]}"}}}`,
			[]string{"dashboard: widgets[0] has no type", "dashboard: widgets[1] of type text has no properties.markdown",
				"dashboard: widgets[1] has one of x and y; CloudWatch wants both or neither", "dashboard: widgets[2] of type log has no properties.query",
				"dashboard: widgets[2] has width 25; CloudWatch takes 1 to 24", "dashboard: widgets[3] has no properties",
				"dashboard: widgets[3] has height 0; CloudWatch takes 1 to 1000"}},
		{"too many widgets", `{"D":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardBody":"{\"widgets\":[` +
			strings.Repeat(`{\"type\":\"x\",\"properties\":{}},`, 500) + `{\"type\":\"x\",\"properties\":{}}]}"}}}`,
			[]string{"dashboard: has 501 widgets; CloudWatch takes 500"}},
		{"a weighted record alone", `{"R":{"Type":"AWS::Route53::RecordSet","Properties":{"Weight":0}}}`,
			[]string{"record: has Weight without SetIdentifier, which Route 53 requires to tell the records of a group apart"}},
		{"a text too long", `{"F":{"Type":"AWS::Lambda::Function","Properties":{"Description":"` + strings.Repeat("é", 257) + `"}}}`,
			[]string{"text: has 257 characters; AWS takes 256"}},
		{"an environment too large", `{"F":{"Type":"AWS::Lambda::Function","Properties":{"Environment":{"Variables":{"A":"` + strings.Repeat("x", 4000) + `","B":{"Fn::Sub":"${T}` + strings.Repeat("y", 94) + `"}}}}}}`,
			[]string{"function-environment: are 4097 bytes; Lambda takes 4096"}},
		{"a group of records", `{"G":{"Type":"AWS::Route53::RecordSetGroup","Properties":{"RecordSets":[
			{"Name":"a","Type":"A","Failover":"PRIMARY","SetIdentifier":"1","AliasTarget":{"EvaluateTargetHealth":true}},
			{"Name":"a","Type":"A","Failover":"SECONDARY","SetIdentifier":"1"},
			{"Name":"b","Type":"A","Failover":"Primary","SetIdentifier":"2"},
			{"Name":"c","Type":"A","SetIdentifier":"3"},
			{"Name":"d","Type":"A","Weight":1,"Region":"us-east-1","SetIdentifier":"4"}]}}}`,
			[]string{`record: has the SetIdentifier "1" of G`, `record: has Failover "Primary"; Route 53 knows PRIMARY and SECONDARY`,
				"record: has a SetIdentifier, but no routing policy", "record: has Region and Weight; a record has one routing policy"}},
		{"an alias that nobody watches", `{"R":{"Type":"AWS::Route53::RecordSet","Properties":{"Failover":"PRIMARY","SetIdentifier":"1","AliasTarget":{}}}}`,
			[]string{"record: is PRIMARY and has neither HealthCheckId nor AliasTarget.EvaluateTargetHealth: it never fails over"}},
		{"two primaries", `{"A":{"Type":"AWS::Route53::RecordSet","Properties":{"Name":"a","Type":"A","Failover":"PRIMARY","SetIdentifier":"1","HealthCheckId":"x"}},
			"B":{"Type":"AWS::Route53::RecordSet","Properties":{"Name":"a","Type":"A","Failover":"PRIMARY","SetIdentifier":"2","HealthCheckId":"x"}},
			"C":{"Type":"AWS::Route53::RecordSet","Properties":{"Name":"a","Type":"AAAA","Failover":"PRIMARY","SetIdentifier":"1","HealthCheckId":"x"}}}`,
			[]string{"record: is PRIMARY, as A; a name has one of each"}},
		{"an alias with a TTL", `{"R":{"Type":"AWS::Route53::RecordSet","Properties":{"Name":"a","TTL":"60","ResourceRecords":["192.0.2.1"],"AliasTarget":{}}}}`,
			[]string{"record: has AliasTarget and TTL; Route 53 takes one of them", "record: has AliasTarget and ResourceRecords; Route 53 takes one of them"}},
		{"weights", `{"G":{"Type":"AWS::Route53::RecordSetGroup","Properties":{"RecordSets":[{"Name":"a","Weight":255,"SetIdentifier":"1"},{"Name":"a","Weight":256,"SetIdentifier":"2"}]}}}`,
			[]string{"record: has Weight 256; Route 53 takes 0 to 255"}},
		{"a text with a reference", `{"G":{"Type":"AWS::EC2::SecurityGroup","Properties":{"GroupDescription":{"Fn::Sub":"of ${Other} (443)"}}}}`, nil},
		{"a web ACL", `{"A":{"Type":"AWS::WAFv2::WebACL","Properties":{"Description":"It's ours","Rules":[{"Name":"a b"}]}}}`,
			[]string{`text: is "It's ours"; AWS takes three or more of letters A to Z, digits and =:#@/-,. and inside _+ and blanks`,
				`text: is "a b"; AWS takes letters A to Z, digits, _ and -`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(t, tt.resources)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllowances(t *testing.T) {
	resources := holder(t, allow("kms:Decrypt", "*"))
	tests := []struct {
		name      string
		allowance rules.Allowance
		want      int
	}{
		{"by the resource", rules.Allowance{Rule: "wildcard", Subject: "Policy", Reason: "a test"}, 0},
		{"by the message", rules.Allowance{Rule: "wildcard", Subject: "kms:Decrypt on *", Reason: "a test"}, 0},
		{"without a reason", rules.Allowance{Rule: "wildcard", Subject: "Policy"}, 1},
		{"of another rule", rules.Allowance{Rule: "text", Subject: "Policy", Reason: "a test"}, 1},
		{"of everything", rules.Allowance{Rule: "wildcard", Reason: "a test"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := found(t, resources, tt.allowance); len(got) != tt.want {
				t.Errorf("got %v; want %d", got, tt.want)
			}
		})
	}
}

func TestWhatIsNoTemplate(t *testing.T) {
	if got := rules.Check([]byte("Resources: {}")); len(got) != 1 || got[0].Rule != "template" {
		t.Errorf("got %v", got)
	}
}

func TestEveryRuleNamesItsSource(t *testing.T) {
	for _, rule := range rules.All() {
		if rule.Name == "" || rule.Summary == "" || !strings.Contains(rule.Source, "docs.aws.amazon.com/") {
			t.Errorf("rule %q: summary %q, source %q", rule.Name, rule.Summary, rule.Source)
		}
	}
}
