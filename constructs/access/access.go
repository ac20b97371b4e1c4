// Package access writes the IAM statements that let a principal call Bedrock models: exactly those of a list of
// targets, in every Region a call may be routed to, and nothing broader. The statements are plain data first, so that
// a test can read them by meaning and a VPC endpoint's policy can repeat them.
//
// It must not know what runs with the permissions.
package access

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// MaxPolicyBytes is how large all inline policies of a role may be, in bytes without white space.
const MaxPolicyBytes = 10_240

// Target is one place a model is called.
type Target struct {
	Model  string // an id of the catalog: on demand, or of an inference profile
	Region string // whose Bedrock is called
	// Destinations are the Regions that a geography profile may route a call to; default: those of the catalog. They
	// are required where the catalog knows none, and empty for every other kind of id.
	Destinations []string
	// Profile is the ARN of an application inference profile of Model in Region, which may be a CDK token. With it only
	// that may be called, and neither Model itself nor the profile it is copied from: a call is not asked for leave on
	// that one (docs/adr/0016-application-profiles.md). Default: Model is called.
	//
	// An ARN that ends in /* is for network.ModelStatements alone: granted to a role, it allows no model.
	Profile string
}

// Statement is an IAM statement that allows both ways to invoke a model, answered at once or as a stream. Converse and
// ConverseStream need the same two actions.
type Statement struct {
	Resources []string          // ARNs, sorted, and tokens in the order of the targets
	Equals    map[string]string // condition keys of StringEquals; nil for no condition
}

// Actions returns the two actions of every statement.
func Actions() []string {
	return []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
}

// Models is the permission to call the models of a list of targets.
type Models struct {
	statements []Statement
}

// The condition keys that tie a foundation model to the profile it is reached through.
const (
	keyProfile = "bedrock:InferenceProfileArn"
	keyRegion  = "aws:RequestedRegion"
)

// New works out the statements for targets called from an account, which may be a CDK token. Its error joins every
// target that cannot be granted.
func New(account string, targets []Target) (Models, error) {
	known, err := catalog.Load()
	if err != nil {
		return Models{}, err
	}
	var problems []error
	var all []Statement
	for i, t := range targets {
		statements, err := t.statements(known, account)
		if err != nil {
			problems = append(problems, fmt.Errorf("target %d: %w", i, err))
		}
		all = append(all, statements...)
	}
	m := Models{statements: merge(all)}
	if size := m.size(); size > MaxPolicyBytes {
		problems = append(problems, fmt.Errorf("%d targets make a policy of %d bytes; IAM allows a role %d; remove some",
			len(targets), size, MaxPolicyBytes))
	}
	return m, errors.Join(problems...)
}

// Statements returns the statements in an order that depends on their content only.
func (m Models) Statements() []Statement { return slices.Clone(m.statements) }

// Grant adds the statements to the grantee's own policy. It is complete: every Region of every profile. A grantee
// whose policy cannot be changed, such as an imported role, makes Grant.Success false.
func (m Models) Grant(grantee awsiam.IGrantable) awsiam.Grant {
	grant := awsiam.Grant_Drop(grantee, jsii.String("no model to grant"))
	for i, s := range m.statements {
		options := &awsiam.GrantOnPrincipalOptions{
			Grantee:      grantee,
			Actions:      jsii.Strings(Actions()...),
			ResourceArns: jsii.Strings(s.Resources...),
		}
		if s.Equals != nil {
			equals := map[string]any{}
			for key, text := range s.Equals {
				equals[key] = text
			}
			options.Conditions = &map[string]*map[string]any{"StringEquals": &equals}
		}
		next := awsiam.Grant_AddToPrincipal(options)
		if i == 0 {
			grant = next
			continue
		}
		grant = grant.Combine(next)
	}
	return grant
}

func (t Target) statements(known *catalog.Catalog, account string) ([]Statement, error) {
	call, err := known.Resolve(t.Model)
	if err != nil {
		return nil, err
	}
	if t.Region == "" {
		return nil, fmt.Errorf("%q: no Region; say whose Bedrock is called", t.Model)
	}
	geography := call.Profile != nil && call.Profile.Prefix != "global"
	if !geography && len(t.Destinations) > 0 {
		return nil, fmt.Errorf("%q: only a geography profile has destinations; remove them", t.Model)
	}
	profile := t.Profile
	switch {
	case profile == "" && call.Profile == nil:
		return []Statement{{Resources: []string{modelARN(t.Region, call.Model.ID)}}}, nil
	case profile == "":
		profile = fmt.Sprintf("arn:aws:bedrock:%s:%s:inference-profile/%s", t.Region, account, call.ID)
	}
	statements := []Statement{{Resources: []string{profile}}}
	if call.Profile == nil {
		return append(statements, Statement{[]string{modelARN(t.Region, call.Model.ID)}, map[string]string{keyProfile: profile}}), nil
	}
	if !geography {
		return append(statements,
			Statement{[]string{modelARN(t.Region, call.Model.ID)}, map[string]string{keyProfile: profile}},
			// A global call leaves the Region: its model has an ARN without one.
			Statement{[]string{modelARN("", call.Model.ID)}, map[string]string{keyProfile: profile, keyRegion: "unspecified"}},
		), nil
	}
	destinations := t.Destinations
	if len(destinations) == 0 {
		destinations = call.Profile.Destinations
	}
	if len(destinations) == 0 {
		return nil, fmt.Errorf("%q: the catalog does not know its destinations; give them", t.Model)
	}
	var models []string
	for _, region := range destinations {
		models = append(models, modelARN(region, call.Model.ID))
	}
	return append(statements, Statement{models, map[string]string{keyProfile: profile}}), nil
}

func modelARN(region, id string) string {
	return "arn:aws:bedrock:" + region + "::foundation-model/" + id
}

// merge joins statements of equal conditions, which allows neither more nor less, and sorts.
func merge(all []Statement) []Statement {
	var merged []Statement
	for _, s := range all {
		i := slices.IndexFunc(merged, func(m Statement) bool { return maps.Equal(m.Equals, s.Equals) })
		if i < 0 {
			i = len(merged)
			merged = append(merged, Statement{Equals: s.Equals})
		}
		merged[i].Resources = append(merged[i].Resources, s.Resources...)
	}
	for i := range merged {
		merged[i].Resources = once(merged[i].Resources)
		slices.SortStableFunc(merged[i].Resources, func(a, b string) int { return cmp.Compare(weight(a), weight(b)) })
	}
	slices.SortStableFunc(merged, func(a, b Statement) int { return slices.Compare(a.sortKey(), b.sortKey()) })
	return merged
}

func (s Statement) sortKey() []string {
	key := []string{weight(s.Equals[keyProfile]), s.Equals[keyRegion]}
	for _, resource := range s.Resources {
		key = append(key, weight(resource))
	}
	return key
}

// weight is what an ARN is sorted by. A token is a number that another construct elsewhere changes, so all weigh the same.
func weight(arn string) string {
	if isToken(arn) {
		return "~"
	}
	return arn
}

func isToken(arn string) bool { return strings.HasPrefix(arn, "${Token[") }

// once leaves out what was there before.
func once(texts []string) []string {
	var kept []string
	for _, text := range texts {
		if !slices.Contains(kept, text) {
			kept = append(kept, text)
		}
	}
	return kept
}

// size is that of the statements as the template will write them.
func (m Models) size() int {
	total := 0
	for _, s := range m.statements {
		// Marshalling plain strings cannot fail.
		text, _ := json.Marshal(map[string]any{
			"Effect": "Allow", "Action": Actions(), "Resource": s.Resources,
			"Condition": map[string]any{"StringEquals": s.Equals},
		})
		total += len(text)
		for _, arn := range append([]string{s.Equals[keyProfile]}, s.Resources...) {
			if isToken(arn) {
				total += max(0, settings.ProfileARNBytes-len(arn))
			}
		}
	}
	return total
}
