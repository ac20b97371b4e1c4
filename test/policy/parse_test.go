package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// resolve knows a Region, the ARN of one resource, and one output of another stack.
var resolve = policy.Resolver{
	Reference: func(name, attribute string) (string, error) {
		switch {
		case name == "AWS::Region" && attribute == "":
			return "eu-west-1", nil
		case name == "Logs" && attribute == "Arn":
			return "arn:logs", nil
		}
		return "", fmt.Errorf("%s.%s is not known", name, attribute)
	},
	Output: func(stack, region, name string) (string, error) {
		if stack != "data" {
			return "", fmt.Errorf("there is no stack %s", stack)
		}
		return "arn:" + name + ":" + region, nil
	},
}

func TestParse(t *testing.T) {
	tests := []struct {
		name      string
		statement string
		want      policy.Statement
	}{
		{"texts", `{"Effect":"Allow","Action":"a:B","Resource":"r"}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"r"}}},
		{"lists", `{"Sid":"S","Effect":"Deny","Action":["a:B","*"],"Resource":["r","s"]}`,
			policy.Statement{Sid: "S", Effect: policy.Deny, Actions: []string{"a:B", "*"}, Resources: []string{"r", "s"}}},
		{"all but", `{"Effect":"Allow","NotAction":"a:B","NotResource":["r"]}`,
			policy.Statement{Effect: policy.Allow, NotActions: []string{"a:B"}, NotResources: []string{"r"}}},
		{"everyone", `{"Effect":"Allow","Action":"a:B","Resource":"r","Principal":{"AWS":"*"}}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"r"}}},
		{"references", `{"Effect":"Allow","Action":"a:B","Resource":[{"Ref":"AWS::Region"},{"Fn::GetAtt":["Logs","Arn"]},{"Fn::GetAtt":"Logs.Arn"}]}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"eu-west-1", "arn:logs", "arn:logs"}}},
		{"join", `{"Effect":"Allow","Action":"a:B","Resource":{"Fn::Join":["/",["x",{"Fn::GetAtt":["Logs","Arn"]},"*"]]}}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"x/arn:logs/*"}}},
		{"an output of another stack", `{"Effect":"Allow","Action":"a:B","Resource":{"Fn::GetStackOutput":{"StackName":"data","Region":"eu-west-1","OutputName":"Keys"}}}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"arn:Keys:eu-west-1"}}},
		{"sub", `{"Effect":"Allow","Action":"a:B","Resource":[{"Fn::Sub":"${AWS::Region}-${Logs.Arn}"},{"Fn::Sub":["${V}+",{"V":{"Ref":"AWS::Region"}}]}]}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"eu-west-1-arn:logs", "eu-west-1+"}}},
		{"conditions", `{"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"StringLike":{"z":["1","2"]},"Bool":{"b":true,"a":{"Fn::Sub":"false"}}}}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a:B"}, Resources: []string{"r"}, Conditions: []policy.Condition{
				{Operator: "Bool", Key: "a", Values: []string{"false"}},
				{Operator: "Bool", Key: "b", Values: []string{"true"}},
				{Operator: "StringLike", Key: "z", Values: []string{"1", "2"}},
			}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := policy.Parse("P", decode(t, `{"Version":"2012-10-17","Statement":`+tt.statement+`}`), resolve)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]policy.Statement{tt.want}, got.Statements); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	statement := func(members string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:B","Resource":"r"},{` + members + `}]}`
	}
	tests := []struct{ name, document, want string }{
		{"no document", `[]`, `P: is []interface {}, not a policy document`},
		{"no version", `{"Statement":{"Effect":"Allow","Action":"a:B","Resource":"r"}}`, `P: there is no Version`},
		{"old version", `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"a:B","Resource":"r"}}`, `Version is 2008-10-17; understood is 2012-10-17`},
		{"no statement", `{"Version":"2012-10-17","Statement":[]}`, `P: there is no Statement`},
		{"unknown element", `{"Version":"2012-10-17","Statements":[]}`, `element "Statements" is not understood`},
		{"no action", statement(`"Effect":"Allow","Resource":"r"`), `P, statement 1: exactly one of Action and NotAction is required`},
		{"both actions", statement(`"Effect":"Allow","Action":"a:B","NotAction":"a:B","Resource":"r"`), `exactly one of Action and NotAction is required`},
		{"no resource", statement(`"Effect":"Allow","Action":"a:B"`), `exactly one of Resource and NotResource is required`},
		{"empty list", statement(`"Effect":"Allow","Action":[],"Resource":"r"`), `Action is an empty list`},
		{"effect", statement(`"Effect":"allow","Action":"a:B","Resource":"r"`), `Effect is "allow"; allowed are Allow, Deny`},
		{"action without a service", statement(`"Effect":"Allow","Action":"GetObject","Resource":"r"`), `action "GetObject" is neither * nor service:Name`},
		{"element of a statement", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","NotPrincipal":"*"`), `element "NotPrincipal" is not understood`},
		{"a principal", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Principal":{"AWS":"123456789012"}`), `Principal 123456789012 is not understood`},
		{"operator", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"DateLessThan":{"k":"v"}}`), `condition operator "DateLessThan" is not understood`},
		{"operator with suffix", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"IpAddressIfExists":{"k":"v"}}`), `condition operator "IpAddressIfExists" is not understood`},
		{"null if exists", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"NullIfExists":{"k":"true"}}`), `condition operator "NullIfExists" is not understood`},
		{"case of an operator", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"stringequals":{"k":"v"}}`), `condition operator "stringequals" is not understood`},
		{"null of what", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"Null":{"k":"maybe"}}`), `Null of k is "maybe"; allowed are true, false`},
		{"bool of what", statement(`"Effect":"Allow","Action":"a:B","Resource":"r","Condition":{"Bool":{"k":"yes"}}`), `Bool of k is "yes"; allowed are true, false`},
		{"number", statement(`"Effect":"Allow","Action":"a:B","Resource":5`), `Resource: is float64, not a text`},
		{"variable", statement(`"Effect":"Allow","Action":"a:B","Resource":"b/${aws:username}"`), `"b/${aws:username}" has a policy variable, which is not understood`},
		{"variable of a sub", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::Sub":"b/${!aws:username}"}`), `"b/${aws:username}" has a policy variable, which is not understood`},
		{"unknown reference", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Ref":"Bucket"}`), `Resource: Bucket. is not known`},
		{"unknown reference in a sub", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::Sub":"${Bucket.Arn}"}`), `Resource: Bucket.Arn is not known`},
		{"unknown reference in a join", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::Join":["",[{"Ref":"X"}]]}`), `X. is not known`},
		{"intrinsic", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::ImportValue":"x"}`), `{"Fn::ImportValue":"x"} is not understood`},
		{"unknown output", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::GetStackOutput":{"StackName":"x","Region":"r","OutputName":"n"}}`), `Resource: there is no stack x`},
		{"malformed output", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::GetStackOutput":{"StackName":"data"}}`), `Fn::GetStackOutput of map[StackName:data] is malformed`},
		{"malformed", statement(`"Effect":"Allow","Action":"a:B","Resource":{"Fn::Join":["x"]}`), `Fn::Join of [x] is malformed`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := policy.Parse("P", decode(t, tt.document), resolve)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
		})
	}
}
