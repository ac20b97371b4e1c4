package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/observability"
	"github.com/genai-pipeline/genai-pipeline/constructs/profile"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// told is what a variant's program is told, and what it must be allowed to call. With application profiles these are made
// in the variant's own stack: in one that others share, a profile would be deleted before the programs that call it are
// replaced.
func (p place) told(stack awscdk.Stack, variant string) (settings.Settings, []access.Target) {
	told, targets := p.kept.settings(p.e, variant, p.region), models(p.e, p.region)
	if !p.e.ApplicationProfiles {
		return told, targets
	}
	made := profile.New(stack, "Profiles", profile.Props{Name: p.e.Name + "-" + variant, Variant: variant, Aliases: told.Aliases, Models: targets})
	for _, one := range made.All() {
		p.watched.profiles = append(p.watched.profiles, observability.Profile{
			Model: one.Model, Name: variant + " " + one.Alias, ID: one.Resource.AttrInferenceProfileId(),
		})
	}
	told.Aliases = made.Aliases()
	return told, made.Models()
}

// passing are the models that are called through the Region's own endpoint, as its policy names them. It is made before
// the profiles are, and cannot tell them apart: each role does.
func passing(e environment.Environment, region string) []access.Target {
	here := modelsIn(e, region)
	if e.ApplicationProfiles {
		for i := range here {
			here[i].Profile = "arn:aws:bedrock:" + region + ":" + e.Account + ":application-inference-profile/*"
		}
	}
	return here
}

// granted are the models of a Region's programs with profiles such as there will be, to be measured before they are made.
func granted(e environment.Environment, region string) []access.Target {
	targets := models(e, region)
	for i := range targets {
		if e.ApplicationProfiles && targets[i].Region == region {
			targets[i].Profile = fmt.Sprintf("arn:aws:bedrock:%s:%s:application-inference-profile/%012d", region, e.Account, i)
		}
	}
	return targets
}
