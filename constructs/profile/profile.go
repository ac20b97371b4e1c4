// Package profile makes application inference profiles of Amazon Bedrock. What is asked for through one is on the bill
// with its tags, which nothing else does for tokens; AWS names no price for a profile itself.
//
// A profile belongs into the stack of what calls it: CloudFormation then makes a new one before the program is told of it,
// and deletes the old one when the last program that knows it is gone. It must not know what runs the program, nor what
// watches the bill.
package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbedrock"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/tag"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// MaxNameBytes is how long the name of a profile may be (AWS CloudFormation, AWS::Bedrock::ApplicationInferenceProfile,
// read 2026-11-23).
const MaxNameBytes = 64

// Props says whose calls the profiles are for.
type Props struct {
	// Name begins the name of each profile, and must be another one for everything in the account and Region that calls the
	// same aliases, such as "prod-containers": small letters, digits and -. Required.
	Name    string
	Variant string           // required; value of the tag tag.Variant
	Aliases []settings.Alias // required; those of the program
	// Models are what the program would have to be allowed without profiles. Required; must cover every target of Aliases.
	Models []access.Target
}

// Profiles are one application inference profile for each alias and model that it calls in the stack's own Region. What it
// calls in another Region has none: a profile can only be called where it is, and its ARN is not known elsewhere.
type Profiles interface {
	constructs.Construct
	// Aliases are those given, with the ARN of a profile at each target that has one.
	Aliases() []settings.Alias
	// Models are what a program with those aliases must be allowed.
	Models() []access.Target
	// All are the profiles, in the order of the aliases and their targets.
	All() []Profile
}

// Profile is one of them.
type Profile struct {
	Alias, Model string
	Resource     awsbedrock.CfnApplicationInferenceProfile
}

type profiles struct {
	constructs.Construct
	props   Props
	aliases []settings.Alias
	models  []access.Target
	all     []Profile
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// New makes Profiles. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func New(scope constructs.Construct, id string, props Props) Profiles {
	known := props.check(id)
	p := &profiles{props: props}
	constructs.NewConstruct_Override(p, scope, jsii.String(id))
	here := *awscdk.Stack_Of(p).Region()
	for _, alias := range props.Aliases {
		alias.Targets = slices.Clone(alias.Targets)
		for i, t := range alias.Targets {
			allowed := props.Models[indexOf(props.Models, t)]
			if t.Region == here {
				t.Profile = p.of(alias.Name, t.Model, known)
			}
			alias.Targets[i], allowed.Profile = t, t.Profile
			p.models = append(p.models, allowed)
		}
		p.aliases = append(p.aliases, alias)
	}
	return p
}

// Aliases implements Profiles.
func (p *profiles) Aliases() []settings.Alias { return p.aliases }

// Models implements Profiles.
func (p *profiles) Models() []access.Target { return p.models }

// All implements Profiles.
func (p *profiles) All() []Profile { return p.all }

// of is the ARN of the profile of an alias and a model, which is made the first time. Both are in its logical id and in its
// name, so that another model is another profile beside the first, and no replacement that would want the first one's name.
func (p *profiles) of(alias, model string, known *catalog.Catalog) string {
	for _, made := range p.all {
		if made.Alias == alias && made.Model == model {
			return *made.Resource.AttrInferenceProfileArn()
		}
	}
	resource := awsbedrock.NewCfnApplicationInferenceProfile(p, jsii.String(alias+"-"+model), &awsbedrock.CfnApplicationInferenceProfileProps{
		InferenceProfileName: jsii.String(name(p.props.Name, alias, model)),
		ModelSource:          &awsbedrock.CfnApplicationInferenceProfile_InferenceProfileModelSourceProperty{CopyFrom: jsii.String(p.source(model, known))},
	})
	awscdk.Tags_Of(resource).Add(jsii.String(tag.Variant), jsii.String(p.props.Variant), nil)
	awscdk.Tags_Of(resource).Add(jsii.String(tag.Alias), jsii.String(alias), nil)
	p.all = append(p.all, Profile{Alias: alias, Model: model, Resource: resource})
	return *resource.AttrInferenceProfileArn()
}

// source is the ARN of what a profile is copied from.
func (p *profiles) source(model string, known *catalog.Catalog) string {
	stack := awscdk.Stack_Of(p)
	if call, _ := known.Resolve(model); call.Profile == nil { // checked
		return "arn:aws:bedrock:" + *stack.Region() + "::foundation-model/" + model
	}
	return "arn:aws:bedrock:" + *stack.Region() + ":" + *stack.Account() + ":inference-profile/" + model
}

// name is of letters, digits and single dashes, as CloudFormation takes them; one that is too long ends in its own hash.
func name(prefix, alias, model string) string {
	const hashed = 8
	whole := prefix + "-" + alias + "-" + strings.NewReplacer(".", "-", ":", "-").Replace(model)
	if len(whole) <= MaxNameBytes {
		return whole
	}
	sum := sha256.Sum256([]byte(whole))
	return strings.TrimRight(whole[:MaxNameBytes-hashed-1], "-") + "-" + hex.EncodeToString(sum[:hashed/2])
}

func indexOf(models []access.Target, t settings.Target) int {
	return slices.IndexFunc(models, func(m access.Target) bool { return m.Model == t.Model && m.Region == t.Region })
}

func (p Props) check(id string) *catalog.Catalog {
	var problems check.Problems
	problems.If(!nameForm.MatchString(p.Name), "Name: is %q; allowed are small letters and digits, with single - between them", p.Name)
	problems.If(!nameForm.MatchString(p.Variant), "Variant: is %q; allowed are small letters and digits, with single - between them", p.Variant)
	problems.If(len(p.Aliases) == 0, "Aliases: are none; give those of the program")
	known, err := catalog.Load()
	problems.If(err != nil, "%v", err)
	for _, alias := range p.Aliases {
		problems.If(!nameForm.MatchString(alias.Name), "Aliases: %q is no name for a profile; allowed are small letters and digits, with single - between them", alias.Name)
		for i, t := range alias.Targets {
			where := fmt.Sprintf("Aliases: %s, target %d", alias.Name, i)
			problems.If(t.Profile != "", "%s: has the profile %q already; remove it", where, t.Profile)
			problems.If(indexOf(p.Models, t) < 0, "%s: calls %s in %s, which is not among Models", where, t.Model, t.Region)
			if err == nil {
				_, unknown := known.Resolve(t.Model)
				problems.If(unknown != nil, "%s: %v", where, unknown)
			}
		}
	}
	problems.Panic(fmt.Sprintf("profile.New(%q)", id))
	return known
}
