// Package text says what AWS services take for a name or a description. CloudFormation takes any, and the deployment
// then fails half way; the constructs refuse it in their props and constructs/rules in any template.
//
// It must not know constructs, nor templates.
package text

import "regexp"

// Kind is what a service takes for a text.
type Kind struct {
	Allowed *regexp.Regexp // the whole text
	Meaning string         // of Allowed, in words
	Max     int            // characters
}

// The kinds. constructs/rules says where each is from.
var (
	SecurityGroup = Kind{regexp.MustCompile(`^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]*$`), "letters A to Z, digits, blanks and ._-:/()#,@[]+=&;{}!$*", 255}
	IAM           = Kind{regexp.MustCompile("^[\t\n\r -~\u00a1-\u00ff]*$"), "Latin-1 characters", 1000}
	IAMRole       = Kind{regexp.MustCompile(`^[\w+=,.@-]+$`), "letters A to Z, digits and _+=,.@-", 64}
	IAMName       = Kind{IAMRole.Allowed, IAMRole.Meaning, 128}
	WAF           = Kind{regexp.MustCompile(`^[a-zA-Z0-9=:#@/,.-][a-zA-Z0-9_+=:#@/,. -]+[a-zA-Z0-9_+=:#@/,.-]$`), "three or more of letters A to Z, digits and =:#@/-,. and inside _+ and blanks", 256}
	WAFName       = Kind{regexp.MustCompile(`^[\w-]+$`), "letters A to Z, digits, _ and -", 128}
	APIStage      = Kind{WAFName.Allowed, WAFName.Meaning, 128}
	APIName       = Kind{regexp.MustCompile(`^[^\x01-\x1f]+$`), "text without control characters", 1024}
	Lambda        = Kind{regexp.MustCompile(`(?s)^.*$`), "any text", 256}
)
