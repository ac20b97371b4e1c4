package data

import (
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// Name is the name of a resource that stacks of two Regions must know, as in prod-records-111111111111-us-east-1. It is
// computed, so no stack depends on another for it. A bucket's name has at most 63 characters.
func Name(environment, what, account, region string) string {
	return strings.Join([]string{environment, what, account, region}, "-")
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`) // without dots, which no certificate of S3's covers
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	keyARN     = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+$`)
)

func checkBucketName(problems *check.Problems, prop, name string) {
	problems.If(!token.In(name) && !bucketName.MatchString(name), "%s: is %q; a bucket's name has 3 to 63 small letters, digits and hyphens", prop, name)
}

func checkRegion(problems *check.Problems, prop, region, own string) {
	problems.If(!regionName.MatchString(region), "%s: is %q; give a Region such as us-west-2", prop, region)
	problems.If(own == "", "%s: is set, and the stack does not say its Region; give it an account and a Region", prop)
	problems.If(own != "" && region == own, "%s: is %s, the stack's own Region; a copy belongs into another", prop, region)
}

// checkKey holds the ARN of a key to the Region of what it encrypts, for a key works in its own alone.
func checkKey(problems *check.Problems, prop, arn, region string) {
	if arn == "" || token.In(arn) {
		return
	}
	match := keyARN.FindStringSubmatch(arn)
	if match == nil {
		problems.If(true, "%s: is %q; give the ARN of a key of AWS KMS", prop, arn)
		return
	}
	problems.If(match[1] != region, "%s: is a key in %s; the copy is in %s, and needs one there", prop, match[1], region)
}

func removal(retain bool) awscdk.RemovalPolicy {
	if retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}
