package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// parse reads statements as they stand in JSON, without references.
func parse(t *testing.T, statements string) policy.Policy {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(`{"Version":"2012-10-17","Statement":`+statements+`}`), &document); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse("P", document, policy.Resolver{
		Reference: func(name, attribute string) (string, error) { return "", fmt.Errorf("no %s.%s", name, attribute) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecide(t *testing.T) {
	const (
		allowGet  = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`
		allowAll  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
		denyGet   = `{"Effect":"Deny","Action":["s3:Get*"],"Resource":["arn:aws:s3:::b/secret/*"]}`
		notAction = `{"Effect":"Allow","NotAction":["s3:Put*"],"Resource":"*"}`
		notGet    = `{"Effect":"Allow","Action":"s3:GetObject","NotResource":"arn:aws:s3:::b/x"}`
	)
	tests := []struct {
		name             string
		statements       []string
		action, resource string
		want             policy.Outcome
		decided          []int
	}{
		{"nothing is said", []string{allowGet}, "s3:PutObject", "arn:aws:s3:::b/x", policy.ImplicitlyDenied, nil},
		{"allowed", []string{allowGet}, "s3:GetObject", "arn:aws:s3:::b/x", policy.Allowed, []int{0}},
		{"of several allows each decides", []string{denyGet, allowGet, allowAll}, "s3:GetObject", "arn:aws:s3:::b/x", policy.Allowed, []int{1, 2}},
		{"a deny wins, after an allow", []string{allowAll, denyGet}, "s3:GetObject", "arn:aws:s3:::b/secret/x", policy.ExplicitlyDenied, []int{1}},
		{"a deny wins, before an allow", []string{denyGet, allowAll}, "s3:GetObject", "arn:aws:s3:::b/secret/x", policy.ExplicitlyDenied, []int{0}},
		{"a deny alone allows nothing", []string{denyGet}, "s3:GetObject", "arn:aws:s3:::b/x", policy.ImplicitlyDenied, nil},
		{"the case of an action does not count", []string{allowGet}, "S3:gETobject", "arn:aws:s3:::b/x", policy.Allowed, []int{0}},
		{"the case of a resource counts", []string{allowGet}, "s3:GetObject", "arn:aws:s3:::B/x", policy.ImplicitlyDenied, nil},
		{"an action is matched whole", []string{allowGet}, "s3:GetObjectAcl", "arn:aws:s3:::b/x", policy.ImplicitlyDenied, nil},
		{"NotAction leaves one out", []string{notAction}, "s3:PutObject", "arn:aws:s3:::b/x", policy.ImplicitlyDenied, nil},
		{"NotAction is all others", []string{notAction}, "sqs:SendMessage", "arn:aws:sqs:::q", policy.Allowed, []int{0}},
		{"NotResource leaves one out", []string{notGet}, "s3:GetObject", "arn:aws:s3:::b/x", policy.ImplicitlyDenied, nil},
		{"NotResource is all others", []string{notGet}, "s3:GetObject", "arn:aws:s3:::b/y", policy.Allowed, []int{0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parse(t, "["+strings.Join(tt.statements, ",")+"]")
			got, err := policy.Decide([]policy.Policy{p}, policy.Request{Action: tt.action, Resource: tt.resource})
			if err != nil {
				t.Fatal(err)
			}
			var decided []int
			for _, place := range got.Places {
				decided = append(decided, place.Statement)
			}
			if got.Outcome != tt.want || !slices.Equal(decided, tt.decided) {
				t.Errorf("%s by statements %v; want %s by %v", got.Outcome, decided, tt.want, tt.decided)
			}
		})
	}
}

func TestAnotherPolicyCanDeny(t *testing.T) {
	allow := parse(t, `[{"Effect":"Allow","Action":"*","Resource":"*"}]`)
	deny := parse(t, `[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]`)
	got, err := policy.Decide([]policy.Policy{allow, deny}, policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b"})
	if err != nil || got.Outcome != policy.ExplicitlyDenied || got.Places[0] != (policy.Place{Policy: 1, Statement: 0}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWildcards(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"*", "arn:aws:s3:::b", true},
		{"", "", true},
		{"", "x", false},
		{"a", "a", true},
		{"a", "A", false},
		{"a", "ab", false},
		{"?", "", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a*c", "ac", true},
		{"a*c", "abbbc", true},
		{"a*c", "abcd", false},
		{"a*b*c", "a-b-b-c", true},
		{"*a*a", "aa", true},
		{"*a*a", "a", false},
		{"**", "x", true},
		{"a*", "b", false},
		{"log-group:g:*", "log-group:g:log-stream:s", true},
		{"log-group:g:*", "log-group:g", false},
		{"a.c", "abc", false}, // nothing else is special
		{"[a]", "a", false},
	}
	for _, tt := range tests {
		if got := policy.MatchResource(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%q matches %q: %t, want %t", tt.pattern, tt.text, got, tt.want)
		}
	}
}

func TestConditions(t *testing.T) {
	const arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.haiku"
	type context = map[string][]string
	one := func(values ...string) context { return context{"k:Key": values} }
	tests := []struct {
		name      string
		condition string
		context   context
		want      bool
	}{
		{"equals", `{"StringEquals":{"k:Key":"a"}}`, one("a"), true},
		{"equals, case counts", `{"StringEquals":{"k:Key":"a"}}`, one("A"), false},
		{"equals knows no wildcard", `{"StringEquals":{"k:Key":"*"}}`, one("a"), false},
		{"equals, absent", `{"StringEquals":{"k:Key":"a"}}`, nil, false},
		{"equals, without a value is absent", `{"StringEquals":{"k:Key":"a"}}`, one(), false},
		{"equals one of a list", `{"StringEquals":{"k:Key":["a","b"]}}`, one("b"), true},
		{"the case of a key does not count", `{"StringEquals":{"K:KEY":"a"}}`, one("a"), true},
		{"all keys must hold", `{"StringEquals":{"k:Key":"a","k:Other":"b"}}`, one("a"), false},
		{"all keys hold", `{"StringEquals":{"k:Key":"a","k:Other":"b"}}`, context{"k:Key": {"a"}, "k:Other": {"b"}}, true},
		{"all operators must hold", `{"StringEquals":{"k:Key":"a"},"StringLike":{"k:Key":"b*"}}`, one("a"), false},
		{"not equals", `{"StringNotEquals":{"k:Key":["a","b"]}}`, one("c"), true},
		{"not equals, one of a list is enough", `{"StringNotEquals":{"k:Key":["a","b"]}}`, one("b"), false},
		{"not equals, absent", `{"StringNotEquals":{"k:Key":"a"}}`, nil, true},
		{"ignore case", `{"StringEqualsIgnoreCase":{"k:Key":"a"}}`, one("A"), true},
		{"not ignore case", `{"StringNotEqualsIgnoreCase":{"k:Key":"a"}}`, one("A"), false},
		{"like", `{"StringLike":{"k:Key":"a*?"}}`, one("abc"), true},
		{"like, case counts", `{"StringLike":{"k:Key":"a*"}}`, one("Abc"), false},
		{"not like", `{"StringNotLike":{"k:Key":"a*"}}`, one("abc"), false},
		{"arn like", `{"ArnLike":{"k:Key":"arn:aws:bedrock:*:123456789012:inference-profile/us.*"}}`, one(arn), true},
		{"arn like goes by segments", `{"ArnLike":{"k:Key":"arn:aws:bedrock:*:inference-profile/us.*"}}`, one(arn), false},
		{"arn equals has wildcards too", `{"ArnEquals":{"k:Key":"arn:aws:bedrock:??-east-1:*:*"}}`, one(arn), true},
		{"arn like, no arn", `{"ArnLike":{"k:Key":"*"}}`, one("a"), false},
		{"arn not like", `{"ArnNotLike":{"k:Key":"arn:aws:bedrock:eu-*:*:*"}}`, one(arn), true},
		{"arn not equals", `{"ArnNotEquals":{"k:Key":"` + arn + `"}}`, one(arn), false},
		{"bool", `{"Bool":{"k:Key":"true"}}`, one("true"), true},
		{"bool as JSON", `{"Bool":{"k:Key":true}}`, one("True"), true},
		{"bool, false", `{"Bool":{"k:Key":"true"}}`, one("false"), false},
		{"bool, absent", `{"Bool":{"k:Key":"false"}}`, nil, false},
		{"if exists, absent", `{"StringEqualsIfExists":{"k:Key":"a"}}`, nil, true},
		{"if exists, equal", `{"StringEqualsIfExists":{"k:Key":"a"}}`, one("a"), true},
		{"if exists, different", `{"StringEqualsIfExists":{"k:Key":"a"}}`, one("b"), false},
		{"bool if exists, absent", `{"BoolIfExists":{"k:Key":"true"}}`, nil, true},
		{"null true, absent", `{"Null":{"k:Key":"true"}}`, nil, true},
		{"null true, present", `{"Null":{"k:Key":"true"}}`, one("a"), false},
		{"null false, present", `{"Null":{"k:Key":"false"}}`, one("a"), true},
		{"null false, absent", `{"Null":{"k:Key":false}}`, nil, false},
		{"null, without a value is absent", `{"Null":{"k:Key":"true"}}`, one(), true},
		{"any of several", `{"ForAnyValue:StringEquals":{"k:Key":["a","b"]}}`, one("x", "b"), true},
		{"none of several", `{"ForAnyValue:StringEquals":{"k:Key":["a","b"]}}`, one("x", "y"), false},
		{"any, absent", `{"ForAnyValue:StringEquals":{"k:Key":"a"}}`, nil, false},
		{"all of several", `{"ForAllValues:StringLike":{"k:Key":["a*","b*"]}}`, one("ax", "bx"), true},
		{"not all of several", `{"ForAllValues:StringLike":{"k:Key":["a*","b*"]}}`, one("ax", "cx"), false},
		{"all, absent", `{"ForAllValues:StringEquals":{"k:Key":"a"}}`, nil, true},
		{"all but", `{"ForAllValues:StringNotEquals":{"k:Key":"a"}}`, one("b", "c"), true},
		{"all but, one is it", `{"ForAllValues:StringNotEquals":{"k:Key":"a"}}`, one("b", "a"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parse(t, `{"Effect":"Allow","Action":"s3:Get","Resource":"*","Condition":`+tt.condition+`}`)
			got, err := policy.Decide([]policy.Policy{p}, policy.Request{Action: "s3:Get", Resource: "r", Context: tt.context})
			if err != nil || (got.Outcome == policy.Allowed) != tt.want {
				t.Errorf("%s, %v; want allowed %t", got.Outcome, err, tt.want)
			}
		})
	}
}

func TestSeveralValuesNeedAQuantifier(t *testing.T) {
	p := parse(t, `{"Effect":"Allow","Action":"s3:Get","Resource":"elsewhere","Condition":{"StringEquals":{"k:Key":"a"}}}`)
	_, err := policy.Decide([]policy.Policy{p}, policy.Request{Action: "s3:Get", Resource: "r", Context: map[string][]string{"k:Key": {"a", "b"}}})
	if err == nil || !strings.Contains(err.Error(), "P, statement 0: k:Key: the context has 2 values; StringEquals compares one") {
		t.Errorf("error %v", err)
	}
}

func TestClosest(t *testing.T) {
	p := parse(t, `[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::other"},
		{"Sid":"Near","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/x","Condition":{"StringEquals":{"k:Key":"a"}}},
		{"Effect":"Deny","Action":"*","Resource":"*"}]`)
	got := policy.Closest([]policy.Policy{p}, policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x"})
	want := "P, statement 1 (Near: Allow s3:GetObject on arn:aws:s3:::b/x if k:Key StringEquals a): condition k:Key StringEquals a does not hold"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = policy.Closest([]policy.Policy{p}, policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::othex"})
	if want := "it is not about resource arn:aws:s3:::othex"; !strings.HasSuffix(got, want) || !strings.HasPrefix(got, "P, statement 0") {
		t.Errorf("got  %s\nwant the first statement, %s", got, want)
	}
	if got := policy.Closest(nil, policy.Request{}); got != "there is no statement that allows anything" {
		t.Error(got)
	}
}
