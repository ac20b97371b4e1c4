package settings

import "regexp"

// profileForm is the ARN of an application inference profile, whose id AWS makes up (Amazon Bedrock API Reference,
// CreateInferenceProfile, read 2026-11-23).
var profileForm = regexp.MustCompile(`^arn:aws(?:-[a-z-]+)?:bedrock:([a-z0-9-]+):[0-9]{12}:application-inference-profile/[a-zA-Z0-9-]+$`)

// ProfileARNBytes is room for the ARN of an application inference profile, which nobody knows before it is made.
const ProfileARNBytes = 100

// ProfileOf tells whether a text is the ARN of an application inference profile of a Region.
func ProfileOf(text, region string) bool {
	found := profileForm.FindStringSubmatch(text)
	return found != nil && found[1] == region
}
