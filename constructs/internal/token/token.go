// Package token tells what is known at synthesis from what only the deployment will know. Until then CDK has a token for
// it, whose text no prop can be held against.
//
// It must not know any construct.
package token

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
)

// In tells whether a text has a token in it.
func In(text string) bool { return strings.Contains(text, "${Token[") }

// Region is the Region of the construct's stack; empty for a stack that does not say it.
func Region(of constructs.Construct) string {
	region := awscdk.Stack_Of(of).Region()
	if *awscdk.Token_IsUnresolved(region) {
		return ""
	}
	return *region
}
