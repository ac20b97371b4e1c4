package diff

import (
	"cmp"
	"slices"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// exposed is a way in which anyone can reach or use a resource.
type exposed struct {
	how string
	may bool // it hangs on what only the deployment knows
}

// judgeExposure finds what is public now and was not before.
func judgeExposure(s side) []Finding {
	var found []Finding
	for _, id := range s.ids() {
		var before []exposed
		if s.had(id) {
			before = exposures(s.before, id)
		}
		for _, e := range exposures(s.after, id) {
			if !slices.ContainsFunc(before, func(b exposed) bool { return b.how == e.how && (e.may || !b.may) }) {
				found = append(found, Finding{Category: Exposure, Resource: id, Summary: e.how, May: e.may})
			}
		}
		if s.had(id) && s.after.Resources[id].Type == "AWS::S3::Bucket" {
			found = append(found, s.unblocked(id)...)
		}
	}
	for id, r := range s.before.Resources {
		associated := at(r.Properties, "ResourceArn")
		if r.Type != "AWS::WAFv2::WebACLAssociation" || s.had(id) {
			continue
		}
		if s.removed || len(s.before.References(associated)) == 0 || len(s.after.References(associated)) > 0 {
			found = append(found, Finding{Category: Exposure, Resource: id, Summary: "the web ACL does not stand before what it guarded any more"})
		}
	}
	return found
}

// rule says that a resource of a type is exposed while a property has one of the values. The empty value is the
// property's absence; a value that only the deployment knows may be any.
type rule struct {
	kind   string // empty for every type
	path   []string
	values []string
	how    string
}

const (
	fromInternet = "can be reached from the internet"
	withoutAuth  = "can be called by anyone, without authorization"
)

// Where the template is silent about what decides, it counts as open. For load balancers that is AWS's own default
// (Elastic Load Balancing's CreateLoadBalancer, Scheme; read on 2026-11-23).
var rules = []rule{
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", []string{"Scheme"}, []string{"internet-facing", ""}, fromInternet},
	{"AWS::ElasticLoadBalancing::LoadBalancer", []string{"Scheme"}, []string{"internet-facing", ""}, fromInternet},
	{"AWS::ApiGateway::Method", []string{"AuthorizationType"}, []string{"NONE", ""}, withoutAuth},
	{"AWS::ApiGatewayV2::Route", []string{"AuthorizationType"}, []string{"NONE", ""}, withoutAuth},
	{"AWS::Lambda::Url", []string{"AuthType"}, []string{"NONE"}, withoutAuth},
	{"AWS::EC2::Subnet", []string{"MapPublicIpOnLaunch"}, []string{"true"}, "gives what is in it public addresses"},
	{"AWS::ECS::Service", []string{"NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"}, []string{"ENABLED"}, "gives its tasks public addresses"},
	{"", []string{"PubliclyAccessible"}, []string{"true"}, fromInternet},
	{"AWS::S3::Bucket", []string{"AccessControl"}, []string{"PublicRead", "PublicReadWrite"}, "can be read by anyone, by its access control list"},
	{"AWS::S3::Bucket", []string{"PublicAccessBlockConfiguration", "BlockPublicAcls"}, []string{"false"}, noBlock + "BlockPublicAcls)"},
	{"AWS::S3::Bucket", []string{"PublicAccessBlockConfiguration", "BlockPublicPolicy"}, []string{"false"}, noBlock + "BlockPublicPolicy)"},
	{"AWS::S3::Bucket", []string{"PublicAccessBlockConfiguration", "IgnorePublicAcls"}, []string{"false"}, noBlock + "IgnorePublicAcls)"},
	{"AWS::S3::Bucket", []string{"PublicAccessBlockConfiguration", "RestrictPublicBuckets"}, []string{"false"}, noBlock + "RestrictPublicBuckets)"},
}

const noBlock = "does not block public access any more ("

func exposures(s *assembly.Stack, id string) []exposed {
	r, t := s.Resources[id], texter{s}
	var found []exposed
	for _, rule := range rules {
		value := t.property(id, rule.path...)
		if rule.kind != r.Type && (rule.kind != "" || value == "") || preflight(t, id) {
			continue
		}
		if public := slices.Contains(rule.values, value); public || !literal(value) {
			found = append(found, exposed{rule.how, !public})
		}
	}
	if r.Type == "AWS::ApiGateway::RestApi" {
		found = append(found, endpoint(t, id)...)
	}
	for _, networkInterface := range list(at(r.Properties, "NetworkInterfaces")) {
		object, _ := networkInterface.(map[string]any)
		if value := t.text(object["AssociatePublicIpAddress"]); value == "true" || !literal(value) {
			found = append(found, exposed{"gets a public address", value != "true"})
		}
	}
	return found
}

// preflight tells whether a method is the answer to a browser's question about origins, which is always open.
func preflight(t texter, id string) bool {
	return t.property(id, "HttpMethod") == "OPTIONS" && t.property(id, "Integration", "Type") == "MOCK"
}

// endpoint judges a REST API, which faces the internet unless it is private.
func endpoint(t texter, id string) []exposed {
	types := list(at(t.stack.Resources[id].Properties, "EndpointConfiguration", "Types"))
	kind := "EDGE"
	if len(types) > 0 {
		kind = t.text(types[0])
	}
	if kind == "PRIVATE" {
		return nil
	}
	return []exposed{{fromInternet, !literal(kind)}}
}

// unblocked finds what blocked public access and is simply gone: an update without the setting takes the block away.
func (s side) unblocked(id string) []Finding {
	var found []Finding
	for _, name := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		was := texter{s.before}.property(id, "PublicAccessBlockConfiguration", name)
		is := texter{s.after}.property(id, "PublicAccessBlockConfiguration", name)
		if cmp.Or(was, "false") != "false" && is == "" {
			found = append(found, Finding{Category: Exposure, Resource: id, Summary: noBlock + name + ")"})
		}
	}
	return found
}
