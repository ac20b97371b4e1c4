package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff/iam"
)

// door is one place where access is decided: what an identity may do, who may become it, or who may use a resource.
// Policies are collected by door, so that moving a statement from one policy to another changes nothing.
type door struct {
	about   aspect
	subject string // logical id, or a text if it is not of the stack
}

type aspect string

const (
	mayDo     aspect = "may do"
	mayAssume aspect = "may be assumed"
	mayUse    aspect = "may be used"
)

// judgeAccess finds what policies allow that they did not allow before.
func judgeAccess(s side) []Finding {
	before, after := doors(s.before), doors(s.after)
	unrestricted(s, before, after)
	var found []Finding
	for _, d := range slices.SortedFunc(maps.Keys(union(before, after)), func(a, b door) int {
		return cmp.Or(cmp.Compare(a.subject, b.subject), cmp.Compare(a.about, b.about))
	}) {
		_, was := s.before.Resources[d.subject]
		_, is := s.after.Resources[d.subject]
		if s.removed || was && !is {
			continue // what is gone lets nobody in
		}
		found = append(found, s.broader(d, before[d], after[d])...)
	}
	return found
}

func union(a, b map[door][]iam.Statement) map[door][]iam.Statement {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (s side) broader(d door, before, after []iam.Statement) []Finding {
	f := Finding{Category: Broadening, Resource: d.subject, May: true}
	if _, ours := s.after.Resources[d.subject]; !ours {
		f.Name, f.Type = d.subject, "elsewhere"
	}
	public := f
	public.Category, public.May = Exposure, false
	for _, b := range iam.Broader(before, after) {
		f.Details = append(f.Details, b.String())
		f.May = f.May && b.May
		if d.about == mayUse && b.Statement.Anyone() && s.after.Resources[d.subject].Type != "AWS::EC2::VPCEndpoint" {
			public.Details = append(public.Details, b.String())
		}
	}
	if len(f.Details) == 0 {
		return nil
	}
	verb := map[bool]string{true: "may allow", false: "allows"}[f.May]
	f.Summary = map[aspect]string{
		mayDo:     verb + " the identity more than before",
		mayAssume: verb + " more principals to assume it than before",
		mayUse:    verb + " more use of it than before",
	}[d.about]
	if len(public.Details) == 0 {
		return []Finding{f}
	}
	public.Summary = "anyone may use it, by its policy"
	return []Finding{f, public}
}

// unrestricted adds what the absence of a policy means where it means that everything is allowed. It counts only for
// resources that are on both sides: losing such a policy opens, having none from the start is another matter.
func unrestricted(s side, before, after map[door][]iam.Statement) {
	open := map[string]string{"AWS::EC2::VPCEndpoint": "PolicyDocument", "AWS::ApiGateway::RestApi": "Policy"}
	everything := iam.Statement{Effect: iam.Allow, Principals: []string{"*"}, Actions: []string{"*"}, Resources: []string{"*"}}
	for _, id := range s.ids() {
		name, ok := open[s.after.Resources[id].Type]
		if !ok || !s.had(id) {
			continue
		}
		d := door{mayUse, id}
		if s.before.Resources[id].Properties[name] == nil {
			before[d] = append(before[d], everything)
		}
		if s.after.Resources[id].Properties[name] == nil {
			after[d] = append(after[d], everything)
		}
	}
}

// attachments says of resources that only carry a policy which property names what it is attached to.
var attachments = map[string]struct {
	about    aspect
	property []string
}{
	"AWS::IAM::Policy":                    {mayDo, []string{"Roles", "Users", "Groups"}},
	"AWS::IAM::ManagedPolicy":             {mayDo, []string{"Roles", "Users", "Groups"}},
	"AWS::IAM::RolePolicy":                {mayDo, []string{"RoleName"}},
	"AWS::IAM::UserPolicy":                {mayDo, []string{"UserName"}},
	"AWS::IAM::GroupPolicy":               {mayDo, []string{"GroupName"}},
	"AWS::S3::BucketPolicy":               {mayUse, []string{"Bucket"}},
	"AWS::SQS::QueuePolicy":               {mayUse, []string{"Queues"}},
	"AWS::SQS::QueueInlinePolicy":         {mayUse, []string{"Queue"}},
	"AWS::SNS::TopicPolicy":               {mayUse, []string{"Topics"}},
	"AWS::SNS::TopicInlinePolicy":         {mayUse, []string{"TopicArn"}},
	"AWS::SecretsManager::ResourcePolicy": {mayUse, []string{"SecretId"}},
	"AWS::Kinesis::ResourcePolicy":        {mayUse, []string{"ResourceArn"}},
	"AWS::Events::EventBusPolicy":         {mayUse, []string{"EventBusName"}},
	"AWS::Lambda::Permission":             {mayUse, []string{"FunctionName"}},
}

// doors collects all statements of a stack by the door they are about.
func doors(s *assembly.Stack) map[door][]iam.Statement {
	c := collector{texter: texter{s}, doors: map[door][]iam.Statement{}}
	for id, r := range s.Resources {
		attachment, attached := attachments[r.Type]
		switch {
		case r.Type == "AWS::Lambda::Permission":
			c.add(mayUse, c.subject(r.Properties["FunctionName"]), c.permission(r))
		case attached:
			var statements []iam.Statement
			c.documents(r.Properties, func(_ string, found []iam.Statement) { statements = append(statements, found...) })
			for _, property := range attachment.property {
				for _, to := range list(r.Properties[property]) {
					c.add(attachment.about, c.subject(to), statements...)
				}
			}
		case strings.HasPrefix(r.Type, "AWS::IAM::"):
			c.identity(id, r)
		default:
			c.documents(r.Properties, func(_ string, found []iam.Statement) { c.add(mayUse, id, found...) })
		}
	}
	return c.doors
}

type collector struct {
	texter
	doors map[door][]iam.Statement
}

func (c collector) add(about aspect, subject string, statements ...iam.Statement) {
	d := door{about, subject}
	c.doors[d] = append(c.doors[d], statements...)
}

// subject names what a property refers to: the logical id for a resource of the stack, whichever attribute is used.
func (c collector) subject(value any) string {
	if id, _, ok := assembly.Reference(value); ok {
		if _, ours := c.stack.Resources[id]; ours {
			return id
		}
	}
	return c.text(value)
}

// identity collects what a role, user or group may do, and who may assume it.
func (c collector) identity(id string, r assembly.Resource) {
	if trust, ok := r.Properties["AssumeRolePolicyDocument"]; ok {
		c.add(mayAssume, id, iam.Parse(trust, c.text)...)
	}
	for _, inline := range list(r.Properties["Policies"]) {
		object, ok := inline.(map[string]any)
		if !ok || object["PolicyDocument"] == nil {
			c.add(mayDo, id, iam.Parse(inline, c.text)...) // chosen at deployment: opaque
			continue
		}
		c.add(mayDo, id, iam.Parse(object["PolicyDocument"], c.text)...)
	}
	for _, managed := range list(r.Properties["ManagedPolicyArns"]) {
		policy, ours := c.stack.Resources[c.subject(managed)]
		if ours && policy.Type == "AWS::IAM::ManagedPolicy" {
			c.add(mayDo, id, iam.Parse(policy.Properties["PolicyDocument"], c.text)...)
			continue
		}
		c.add(mayDo, id, iam.Statement{Effect: iam.Allow, Named: "managed policy " + c.text(managed)})
	}
	for _, group := range list(r.Properties["Groups"]) {
		c.add(mayDo, id, iam.Statement{Effect: iam.Allow, Named: "membership of group " + c.text(group)})
	}
	if boundary := r.Properties["PermissionsBoundary"]; boundary != nil {
		c.add(mayDo, id, iam.Statement{Effect: iam.Deny, Named: "the permissions boundary " + c.text(boundary)})
	}
}

// permission writes a function's permission as the statement that Lambda makes of it.
func (c collector) permission(r assembly.Resource) iam.Statement {
	property := func(name string) string { return c.text(r.Properties[name]) }
	principal := property("Principal")
	switch {
	case principal == "*":
	case strings.HasSuffix(principal, ".amazonaws.com"):
		principal = "Service:" + principal
	default:
		principal = "AWS:" + principal
	}
	s := iam.Statement{Effect: iam.Allow, Principals: []string{principal}, Actions: []string{property("Action")}}
	for _, condition := range []struct{ property, operator, key string }{
		{"SourceArn", "ArnLike", "AWS:SourceArn"},
		{"SourceAccount", "StringEquals", "AWS:SourceAccount"},
		{"PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"},
		{"EventSourceToken", "StringEquals", "lambda:EventSourceToken"},
		{"FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"},
	} {
		if r.Properties[condition.property] != nil {
			s.Conditions = append(s.Conditions, iam.Condition{Operator: condition.operator, Key: condition.key, Values: []string{property(condition.property)}})
		}
	}
	return s
}

// documents finds the policy documents in a value, wherever they are, as objects or as JSON in a text.
func (c collector) documents(value any, found func(path string, statements []iam.Statement)) {
	switch v := value.(type) {
	case string:
		var parsed any
		if strings.Contains(v, `"Statement"`) && json.Unmarshal([]byte(v), &parsed) == nil {
			c.documents(parsed, found)
		}
	case []any:
		for _, item := range v {
			c.documents(item, found)
		}
	case map[string]any:
		if isDocument(v) {
			found("", iam.Parse(v, c.text))
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if text, ok := c.computed(key, v[key]); ok {
				c.documents(assembled(text), found)
				continue
			}
			c.documents(v[key], found)
		}
	}
}

// computed returns the text of a policy that a function of the template makes, such as Fn::Join of JSON or Fn::If of
// two documents.
func (c collector) computed(property string, value any) (string, bool) {
	object, _ := value.(map[string]any)
	if len(object) != 1 || !strings.Contains(property, "Policy") {
		return "", false
	}
	for name := range object {
		if strings.HasPrefix(name, "Fn::") {
			text := c.text(value)
			return text, strings.Contains(text, `"Statement"`)
		}
	}
	return "", false
}

// assembled takes a policy that a function of the template writes as a text: JSON if it can be read, else a document
// that is not understood.
func assembled(text string) any {
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) == nil {
		return parsed
	}
	return map[string]any{"Statement": fmt.Sprintf("policy %s", text)}
}

// isDocument tells whether an object is a policy document: it has statements with effects. One that is not understood
// is one too.
func isDocument(object map[string]any) bool {
	statements, ok := object["Statement"]
	if !ok {
		return false
	}
	for key := range object {
		if key != "Statement" && key != "Version" && key != "Id" {
			return key == "EventBusName" || key == "StatementId" // an event bus's policy has its statement beside these
		}
	}
	return statements != nil
}
