package settings

import "strings"

// ProfileARNBytes is room for the ARN of an application inference profile, which nobody knows before it is made.
const ProfileARNBytes = 100

// ProfileOf tells whether a text is the ARN of an application inference profile of a Region, whose id AWS makes up (Amazon
// Bedrock API Reference, CreateInferenceProfile, read 2026-11-23).
func ProfileOf(text, region string) bool {
	arn := strings.Split(text, ":")
	if len(arn) != 6 {
		return false
	}
	id, isProfile := strings.CutPrefix(arn[5], "application-inference-profile/")
	partition := arn[1] == "aws" || strings.HasPrefix(arn[1], "aws-") && only(arn[1][4:], lower+"-")
	return arn[0] == "arn" && partition && arn[2] == "bedrock" && arn[3] == region && only(region, lower+digits+"-") &&
		len(arn[4]) == 12 && only(arn[4], digits) && isProfile && only(id, lower+upper+digits+"-")
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// only tells whether a text has characters, and no others than those allowed. A regular expression would be made whenever
// the program starts, which takes longer than all else this package does then.
func only(text, allowed string) bool {
	return text != "" && strings.Trim(text, allowed) == ""
}
