package iam_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// need is a request that IAM evaluates on the role because of a call.
type need struct {
	policy.Request
	by    string      // the call
	never []forbidden // neighbours of the request, of its own kind
	// through are the VPC endpoints that the call passes when it comes from the network; none when it passes no endpoint.
	through []string
}

// forbidden is a request that the role must not be allowed, unless it is itself needed.
type forbidden struct {
	why string
	policy.Request
}

func policyRequest(action, resource string, context map[string]string) policy.Request {
	lists := map[string][]string{}
	for key, value := range context {
		lists[key] = []string{value}
	}
	return policy.Request{Action: action, Resource: resource, Context: lists}
}

func newNeed(by, action, resource string, context map[string]string) need {
	return need{Request: policyRequest(action, resource, context), by: by}
}

// strangerAccount is an account that nothing of ours is in.
const strangerAccount = "999999999999"

// call is a signed call to a service.
type call struct{ service, operation, resource, region string }

func (c call) String() string { return fmt.Sprintf("%s %s in %s", c.operation, c.resource, c.region) }

// needsOf is what AWS evaluates for a call from an account.
func needsOf(c call, account string) ([]need, error) {
	switch c.service {
	case "bedrock":
		return modelNeeds(c, account)
	case "secretsmanager":
		return []need{secretNeed(c, account)}, nil
	case "s3":
		return []need{objectNeed(c)}, nil
	case "lambda":
		return []need{versionNeed(c)}, nil
	case "codedeploy":
		return []need{deploymentNeed(c, account)}, nil
	}
	return nil, fmt.Errorf("%s: nobody has said what %s evaluates", c, c.service)
}

// secretNeed is a secret read by its name or its ARN. Secrets Manager evaluates the ARN, which ends in six characters of
// its own (AWS Secrets Manager User Guide, "What's in a Secrets Manager secret?").
func secretNeed(c call, account string) need {
	arn := c.resource
	if !strings.HasPrefix(arn, "arn:") {
		arn = "arn:aws:secretsmanager:" + c.region + ":" + account + ":secret:" + c.resource + "-AbCdEf"
	}
	n := newNeed(c.String(), c.service+":"+c.operation, arn, nil)
	n.through = []string{throughSecrets}
	n.never = []forbidden{
		{"another secret", policyRequest(n.Action, strings.TrimSuffix(arn, "-AbCdEf")+"-other-AbCdEf", nil)},
		{"a secret with a longer name", policyRequest(n.Action, arn+"-other", nil)},
	}
	return n
}

// objectNeed is an object put into a bucket.
func objectNeed(c call) need {
	bucket, key, _ := strings.Cut(c.resource, "/")
	arn := func(bucket, key string) string { return "arn:aws:s3:::" + bucket + "/" + key }
	n := newNeed("PutObject in "+bucket, c.service+":"+c.operation, arn(bucket, key), nil)
	n.through = []string{throughS3}
	n.never = []forbidden{
		{"another bucket", policyRequest(n.Action, arn(bucket+"-other", key), nil)},
		{"an object outside the folder", policyRequest(n.Action, arn(bucket, "other-"+key), nil)},
	}
	return n
}

// versionNeed is a version of a function invoked. Each deployment has another version, so every one may be; the code
// that is not published, which has no number, must not.
func versionNeed(c call) need {
	n := newNeed("Invoke of a version", c.service+":"+c.operation, c.resource, nil)
	function := c.resource[:strings.LastIndex(c.resource, ":")]
	n.never = []forbidden{
		{"another function", policyRequest(n.Action, function+"-other:7", nil)},
		{"the function without a version", policyRequest(n.Action, function, nil)},
	}
	return n
}

// deploymentNeed is CodeDeploy told of a deployment. What it evaluates is the deployment's group (AWS CDK grants it so for
// the hooks of its own deployment groups; the Service Authorization Reference names no resource).
func deploymentNeed(c call, account string) need {
	arn := "arn:aws:codedeploy:" + c.region + ":" + account + ":deploymentgroup:" + c.resource
	n := newNeed(c.operation, c.service+":"+c.operation, arn, nil)
	n.never = []forbidden{{"another group", policyRequest(n.Action, arn+"-other", nil)}}
	return n
}

// actions is the permission of each operation. Converse and ConverseStream have none of their own (Amazon Bedrock API
// Reference, at each of the two).
var actions = map[string]string{
	"Converse":                      "bedrock:InvokeModel",
	"InvokeModel":                   "bedrock:InvokeModel",
	"ConverseStream":                "bedrock:InvokeModelWithResponseStream",
	"InvokeModelWithResponseStream": "bedrock:InvokeModelWithResponseStream",
}

// The condition keys that Bedrock and IAM send.
const (
	keyProfile = "bedrock:InferenceProfileArn"
	keyRegion  = "aws:RequestedRegion"
)

// global is the prefix of the profiles that leave their geography, geographies those of the profiles that do not.
const global = "global"

var geographies = []string{"us", "eu", "jp", "au", "apac"}

// source is a geography profile called in a Region.
type source struct{ profile, region string }

// destinations is where AWS routes the calls of a geography profile, as its documentation says (Amazon Bedrock User
// Guide, "Supported Regions and models for inference profiles", read 2026-11-22). It does not ask the catalog, which the
// grants come from.
var destinations = map[source][]string{
	{"us.anthropic.claude-haiku-5-5", "us-east-1"}: {"us-east-1", "us-east-2", "us-west-2"},
	{"us.anthropic.claude-haiku-5-5", "us-west-2"}: {"us-east-1", "us-east-2", "us-west-2"},
}

// applicationProfile is in the ARN of an application inference profile.
const applicationProfile = ":application-inference-profile/"

// modelNeeds is what AWS evaluates for a call of a model (Amazon Bedrock User Guide, "Prerequisites for inference
// profiles" and "Global cross-Region inference"): the model itself on demand; with a profile, the profile and then the
// model in every Region the call may go to, with the profile in the context. A global call's model has an ARN without a
// Region, and its requested Region is "unspecified".
func modelNeeds(c call, account string) ([]need, error) {
	action, ok := actions[c.operation]
	if !ok {
		return nil, fmt.Errorf("%s: nobody has said which permission that operation needs", c)
	}
	copied, applied := built.profiles[c.resource]
	if applied {
		return appliedNeeds(c, action, account, copied)
	}
	prefix, _, _ := strings.Cut(c.resource, ".")
	if prefix != global && !slices.Contains(geographies, prefix) {
		n := newNeed(c.String(), action, modelARN(c.region, c.resource), map[string]string{keyRegion: c.region})
		n.through = []string{throughBedrock}
		n.never = []forbidden{{"another model", policyRequest(action, modelARN(c.region, c.resource+"-other"), map[string]string{keyRegion: c.region})}}
		return []need{n}, nil
	}
	profile := systemProfile(c.region, account, c.resource)
	first := newNeed(c.String(), action, profile, map[string]string{keyRegion: c.region})
	first.through = []string{throughBedrock}
	first.never = []forbidden{{"another profile", policyRequest(action, profile+"-other", map[string]string{keyRegion: c.region})}}
	beneath, err := modelsBeneath(c, action, profile, c.resource)
	if err != nil {
		return nil, err
	}
	return append([]need{first}, beneath...), nil
}

func systemProfile(region, account, id string) string {
	return fmt.Sprintf("arn:aws:bedrock:%s:%s:inference-profile/%s", region, account, id)
}

// appliedNeeds is the same for an application inference profile: it, and then the models in every Region, with it in the
// context (Amazon Bedrock User Guide, "Prerequisites for inference profiles"). The profile that it is copied from is not
// asked for: roles without leave on that one call it (docs/adr/0016-application-profiles.md).
func appliedNeeds(c call, action, account, copied string) ([]need, error) {
	first := newNeed(c.String(), action, c.resource, map[string]string{keyRegion: c.region})
	first.through = []string{throughBedrock}
	first.never = []forbidden{
		{"another profile", policyRequest(action, c.resource+"-other", map[string]string{keyRegion: c.region})},
		{"a profile of another account", policyRequest(action, strings.Replace(c.resource, ":"+account+":", ":"+strangerAccount+":", 1), map[string]string{keyRegion: c.region})},
		{"a profile of another Region", policyRequest(action, strings.Replace(c.resource, ":"+c.region+":", ":ap-south-2:", 1), map[string]string{keyRegion: c.region})},
		{"what the profile is copied from", policyRequest(action, systemProfile(c.region, account, copied), map[string]string{keyRegion: c.region})},
	}
	beneath, err := modelsBeneath(c, action, c.resource, copied)
	if err != nil {
		return nil, err
	}
	return append([]need{first}, beneath...), nil
}

// modelsBeneath are the needs of the models that a profile leads to: those of a system-defined one, or of what an
// application inference profile is copied from.
func modelsBeneath(c call, action, profile, copied string) ([]need, error) {
	var needs []need
	through := func(modelRegion, model, requested string) {
		needs = append(needs, throughProfile(c, action, profile, modelARN(modelRegion, model), requested))
	}
	prefix, model, _ := strings.Cut(copied, ".")
	switch {
	case prefix == global:
		through(c.region, model, c.region)
		through("", model, "unspecified")
		return needs, nil
	case !slices.Contains(geographies, prefix):
		through(c.region, copied, c.region)
		return needs, nil
	}
	regions, known := destinations[source{copied, c.region}]
	if !known {
		return nil, fmt.Errorf("%s: nobody has said where AWS routes this profile from there; add it to destinations, with its source", c)
	}
	for _, region := range regions {
		through(region, model, region)
	}
	return needs, nil
}

// throughProfile is the need of a model that a call reaches through a profile, and through nothing else.
func throughProfile(c call, action, profile, model, requested string) need {
	context := map[string]string{keyProfile: profile, keyRegion: requested}
	n := newNeed(c.String(), action, model, context)
	n.through = []string{throughBedrock}
	changed := func(key, value string) map[string]string {
		other := maps.Clone(context)
		other[key] = value
		return other
	}
	n.never = []forbidden{
		{"another model", policyRequest(action, model+"-other", context)},
		{"the model without the profile", policyRequest(action, model, map[string]string{keyRegion: requested})},
		{"the model through another profile", policyRequest(action, model, changed(keyProfile, profile+"-other"))},
	}
	if strings.Contains(profile, applicationProfile) {
		parts := strings.SplitN(profile, ":", 6)
		n.never = append(n.never,
			forbidden{"the model through a profile of another account", policyRequest(action, model, changed(keyProfile, strings.Join(replaced(parts, 4, strangerAccount), ":")))},
			forbidden{"the model through a profile of another Region", policyRequest(action, model, changed(keyProfile, strings.Join(replaced(parts, 3, "ap-south-2"), ":")))},
			forbidden{"the model through a profile of AWS's", policyRequest(action, model, changed(keyProfile, systemProfile(c.region, parts[4], "global."+model)))},
		)
	}
	if requested == "unspecified" {
		n.never = append(n.never,
			forbidden{"the model's ARN without a Region in a call that is not global", policyRequest(action, model, changed(keyRegion, c.region))},
			forbidden{"the model's ARN without a Region and another word for none", policyRequest(action, model, changed(keyRegion, requested+"-other"))},
			forbidden{"the model's ARN without a Region and no word for none", policyRequest(action, model, map[string]string{keyProfile: profile})},
		)
	}
	return n
}

func modelARN(region, id string) string {
	return "arn:aws:bedrock:" + region + "::foundation-model/" + id
}

// neighbours are the requests around a need that every kind has: another action of the service, the actions that other
// needs of the service have, another Region, another account.
func neighbours(n need, all []need) []forbidden {
	near := slices.Clone(n.never)
	service, _, _ := strings.Cut(n.Action, ":")
	others := []string{service + ":AnyOtherAction", n.Action + "Other"}
	for _, other := range all {
		if other.Resource == "*" && n.Resource != "*" {
			continue // it knows no resource, and is granted on all
		}
		if strings.HasPrefix(other.Action, service+":") && other.Action != n.Action && !slices.Contains(others, other.Action) {
			others = append(others, other.Action)
		}
	}
	for _, action := range others {
		request := n.Request
		request.Action = action
		near = append(near, forbidden{"another action", request})
	}
	if !strings.HasPrefix(n.Resource, "arn:") {
		return near // the action knows no resource
	}
	for _, segment := range []struct {
		at       int
		why, put string
	}{{3, "another Region", "ap-south-2"}, {4, "another account", strangerAccount}} {
		parts := strings.SplitN(n.Resource, ":", 6)
		parts[segment.at] = segment.put
		request := n.Request
		request.Resource = strings.Join(parts, ":")
		near = append(near, forbidden{segment.why, request})
	}
	return near
}
