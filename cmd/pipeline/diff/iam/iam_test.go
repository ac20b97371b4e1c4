package iam_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff/iam"
)

// text is the simplest writer of references: {"Ref": "X"} is ${X}.
func text(value any) string {
	if object, ok := value.(map[string]any); ok {
		return fmt.Sprintf("${%v}", object["Ref"])
	}
	return fmt.Sprint(value)
}

// parse reads statements; a plain object is one statement.
func parse(t *testing.T, statements string) []iam.Statement {
	t.Helper()
	if statements == "" {
		return nil
	}
	var document any
	if err := json.Unmarshal([]byte(`{"Statement":`+statements+`}`), &document); err != nil {
		t.Fatal(err)
	}
	return iam.Parse(document, text)
}

func allow(rest string) string { return `{"Effect":"Allow",` + rest + `}` }
func deny(rest string) string  { return `{"Effect":"Deny",` + rest + `}` }

// of is an Allow of s3:GetObject on one key of a condition.
func of(condition string) string {
	return allow(`"Action":"s3:GetObject","Resource":"*","Condition":{` + condition + `}`)
}

func TestBroader(t *testing.T) {
	const read = `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`
	tests := []struct {
		name          string
		before, after string
		want          string // one line each; empty: nothing is broader
	}{
		{"the same", allow(read), allow(read), ""},
		{"less", "[" + allow(read) + "," + allow(`"Action":"s3:PutObject","Resource":"*"`) + "]", allow(read), ""},
		{"nothing before", "", allow(read), "Allow s3:GetObject on arn:aws:s3:::b/*"},
		{"split in two", allow(`"Action":["a:B","a:C"],"Resource":["x","y"]`), "[" + allow(`"Action":"a:B","Resource":["x","y"]`) + "," + allow(`"Action":"a:C","Resource":"x"`) + "]", ""},
		{"the case of actions does not count", allow(`"Action":"S3:getobject","Resource":"*"`), allow(read), ""},
		{"the case of resources counts", allow(`"Action":"a:B","Resource":"X"`), allow(`"Action":"a:B","Resource":"x"`), "Allow a:B on x"},

		{"an action more", allow(read), allow(`"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b/*"`), "Allow s3:PutObject on arn:aws:s3:::b/*"},
		{"a narrower wildcard", allow(`"Action":"s3:Get*","Resource":"*"`), allow(`"Action":"s3:GetObject*","Resource":"x*"`), ""},
		{"a wider wildcard", allow(`"Action":"s3:GetObject*","Resource":"*"`), allow(`"Action":"s3:Get*","Resource":"*"`), "Allow s3:Get* on *"},
		{"? is one character and not *", allow(`"Action":"s3:Get?","Resource":"*"`), allow(`"Action":"s3:Get*","Resource":"*"`), "Allow s3:Get* on *"},
		{"? covers a character", allow(`"Action":"s3:Get?","Resource":"*"`), allow(`"Action":["s3:GetA","s3:Get?"],"Resource":"*"`), ""},
		{"a resource more", allow(read), allow(`"Action":"s3:GetObject","Resource":["arn:aws:s3:::b/*","arn:aws:s3:::c/*"]`), "Allow s3:GetObject on arn:aws:s3:::c/*"},
		{"a resource widened", allow(read), allow(`"Action":"s3:GetObject","Resource":"*"`), "Allow s3:GetObject on *"},

		{"all but one action, from a list", allow(`"Action":"s3:*","Resource":"*"`), allow(`"NotAction":"s3:Get*","Resource":"*"`), "Allow all actions but s3:Get* on *"},
		{"all but one action, from everything", allow(`"Action":"*","Resource":"*"`), allow(`"NotAction":"s3:Get*","Resource":"*"`), ""},
		{"fewer are excluded", allow(`"NotAction":["s3:*","iam:*"],"Resource":"*"`), allow(`"NotAction":["s3:*"],"Resource":"*"`), "Allow all actions but s3:* on *"},
		{"more are excluded", allow(`"NotAction":["s3:Get*"],"Resource":"*"`), allow(`"NotAction":["s3:*"],"Resource":"*"`), ""},
		{"an action that was not excluded", allow(`"NotAction":"iam:*","Resource":"*"`), allow(read), ""},
		{"an action that was excluded", allow(`"NotAction":"s3:G*","Resource":"*"`), allow(`"Action":"s3:*","Resource":"*"`), "Allow s3:* on *"},
		{"a pattern that may be what was excluded", allow(`"NotAction":"s3:GetA","Resource":"*"`), allow(`"Action":"s3:Get?","Resource":"*"`), "Allow s3:Get? on *"},
		{"a resource that was excluded", allow(`"Action":"a:B","NotResource":"x/*"`), allow(`"Action":"a:B","Resource":"x/y"`), "Allow a:B on x/y"},

		{"a principal more", allow(`"Action":"sts:AssumeRole","Principal":{"Service":"a"}`), allow(`"Action":"sts:AssumeRole","Principal":{"Service":["a","b"]}`), "Allow to Service:b sts:AssumeRole"},
		{"anyone", allow(`"Action":"a:B","Principal":{"AWS":"111122223333"}`), allow(`"Action":"a:B","Principal":{"AWS":"*"}`), "Allow to * a:B"},
		{"an account in two forms", allow(`"Action":"a:B","Principal":{"AWS":"111122223333"}`), allow(`"Action":"a:B","Principal":{"AWS":"arn:aws:iam::111122223333:root"}`), ""},
		{"fewer principals are excluded", allow(`"Action":"a:B","NotPrincipal":{"AWS":["1","2"]}`), allow(`"Action":"a:B","NotPrincipal":{"AWS":"1"}`), "Allow to all but AWS:1 a:B"},

		{"a condition dropped", of(`"StringEquals":{"k":"v"}`), allow(`"Action":"s3:GetObject","Resource":"*"`), "Allow s3:GetObject on *"},
		{"a condition added", allow(`"Action":"s3:GetObject","Resource":"*"`), of(`"StringEquals":{"k":"v"}`), ""},
		{"a value more", of(`"StringEquals":{"k":"v"}`), of(`"StringEquals":{"K":["v","w"]}`), "Allow s3:GetObject on * if K StringEquals v|w"},
		{"a value less", of(`"StringEquals":{"k":["v","w"]}`), of(`"StringEquals":{"k":"v"}`), ""},
		{"a wildcard where it is text", of(`"StringEquals":{"k":"*"}`), of(`"StringEquals":{"k":"v"}`), "Allow s3:GetObject on * if k StringEquals v"},
		{"a narrower pattern", of(`"StringLike":{"k":"a*"}`), of(`"StringLike":{"k":"ab*"}`), ""},
		{"a * of an ARN keeps to its segment", of(`"ArnLike":{"k":"arn:aws:s3:*:1:x"}`), of(`"ArnLike":{"k":"arn:aws:s3:a:b:1:x"}`), "Allow s3:GetObject on * if k ArnLike arn:aws:s3:a:b:1:x"},
		{"a narrower ARN", of(`"ArnLike":{"k":"arn:aws:s3:*:1:x"}`), of(`"ArnLike":{"k":"arn:aws:s3:a:1:x"}`), ""},
		{"fewer values excluded", of(`"StringNotEquals":{"k":["v","w"]}`), of(`"StringNotEquals":{"k":"v"}`), "Allow s3:GetObject on * if k StringNotEquals v"},
		{"more values excluded", of(`"StringNotEquals":{"k":["v"]}`), of(`"StringNotEquals":{"k":["v","w"]}`), ""},
		{"a smaller network", of(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`), of(`"IpAddress":{"aws:SourceIp":["10.1.0.0/16","10.2.3.4"]}`), ""},
		{"a larger network", of(`"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}`), of(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`), "Allow s3:GetObject on * if aws:SourceIp IpAddress 10.0.0.0/8"},
		{"a network around it", of(`"IpAddress":{"aws:SourceIp":"10.0.0.0/16"}`), of(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`), "Allow s3:GetObject on * if aws:SourceIp IpAddress 10.0.0.0/8"},
		{"another operator", of(`"StringEquals":{"k":"v"}`), of(`"StringLike":{"k":"v"}`), "may be new: Allow s3:GetObject on * if k StringLike v"},
		{"another number", of(`"NumericLessThan":{"k":"1"}`), of(`"NumericLessThan":{"k":"2"}`), "may be new: Allow s3:GetObject on * if k NumericLessThan 2"},

		{"a deny dropped", "[" + allow(read) + "," + deny(read) + "]", allow(read), "no longer: Deny s3:GetObject on arn:aws:s3:::b/*"},
		{"a deny narrowed", deny(`"Action":"s3:*","Resource":"*"`), deny(`"Action":"s3:Get*","Resource":"*"`), "no longer: Deny s3:* on *"},
		{"a deny on a condition more", deny(read), deny(read + `,"Condition":{"Bool":{"k":"true"}}`), "no longer: Deny s3:GetObject on arn:aws:s3:::b/*"},
		{"a deny widened", deny(read), deny(`"Action":"s3:*","Resource":"*"`), ""},
		{"an allow is not covered by a deny", deny(read), allow(read), "Allow s3:GetObject on arn:aws:s3:::b/*\nno longer: Deny s3:GetObject on arn:aws:s3:::b/*"},

		{"the same reference", allow(`"Action":"a:B","Resource":{"Ref":"X"}`), allow(`"Action":"a:B","Resource":{"Ref":"X"}`), ""},
		{"another reference", allow(`"Action":"a:B","Resource":{"Ref":"X"}`), allow(`"Action":"a:B","Resource":{"Ref":"Y"}`), "may be new: Allow a:B on ${Y}"},
		{"a reference under *", allow(`"Action":"a:B","Resource":"*"`), allow(`"Action":"a:B","Resource":{"Ref":"X"}`), ""},
		{"a text that a reference might be", allow(`"Action":"a:B","Resource":{"Ref":"X"}`), allow(`"Action":"a:B","Resource":"x"`), "may be new: Allow a:B on x"},
		{"* is no reference's text", allow(`"Action":"a:B","Resource":"x/${X}"`), allow(`"Action":"a:B","Resource":"y/${X}"`), "Allow a:B on y/${X}"},
		{"another action on another reference", allow(`"Action":"a:B","Resource":{"Ref":"X"}`), allow(`"Action":"a:C","Resource":{"Ref":"Y"}`), "Allow a:C on ${Y}"},
		{"a statement that is chosen at deployment", allow(read), `{"Fn::If":["C",1,2]}`, `may be new: {"Fn::If":["C",1,2]}`},
		{"the same that is chosen at deployment", `{"Fn::If":["C",1,2]}`, `{"Fn::If":["C",1,2]}`, ""},
		{"an element that is not understood", allow(read), allow(`"Akction":"s3:Get*","Resource":"*"`), `may be new: {"Akction":"s3:Get*","Effect":"Allow","Resource":"*"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var lines []string
			for _, b := range iam.Broader(parse(t, test.before), parse(t, test.after)) {
				lines = append(lines, b.String())
			}
			if diff := cmp.Diff(test.want, strings.Join(lines, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNamedPoliciesAreComparedByName(t *testing.T) {
	a, b := iam.Statement{Effect: iam.Allow, Named: "managed policy a"}, iam.Statement{Effect: iam.Allow, Named: "managed policy b"}
	if got := iam.Broader([]iam.Statement{a}, []iam.Statement{a}); len(got) != 0 {
		t.Errorf("got %v; want nothing", got)
	}
	got := iam.Broader([]iam.Statement{a}, []iam.Statement{a, b})
	if len(got) != 1 || got[0].May || got[0].String() != "managed policy b" {
		t.Errorf("got %v; want managed policy b, for sure", got)
	}
}

func TestAnyone(t *testing.T) {
	for statement, want := range map[string]bool{
		allow(`"Action":"a:B","Principal":"*"`):                                   true,
		allow(`"Action":"a:B","Principal":{"AWS":["1","*"]}`):                     true,
		allow(`"Action":"a:B","NotPrincipal":{"AWS":"1"}`):                        true,
		allow(`"Action":"a:B","Principal":"*","Condition":{"Bool":{"k":"true"}}`): false,
		allow(`"Action":"a:B","Principal":{"AWS":"1"}`):                           false,
		deny(`"Action":"a:B","Principal":"*"`):                                    false,
	} {
		if got := parse(t, statement)[0].Anyone(); got != want {
			t.Errorf("%s: got %v; want %v", statement, got, want)
		}
	}
}
