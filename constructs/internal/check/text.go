package check

import "regexp"

// Text is what a kind of text in a template may be. CloudFormation accepts any; the service refuses at deployment.
type Text struct {
	allowed *regexp.Regexp
	meaning string
	max     int // characters
}

// The kinds of text that constructs take from outside.
var (
	// SecurityGroupText describes a security group or one of its rules.
	SecurityGroupText = Text{regexp.MustCompile(`^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]*$`), "letters A to Z, digits, blanks and ._-:/()#,@[]+=&;{}!$*", 255}
	// WAFText describes a web ACL; it neither starts nor ends with a blank.
	WAFText = Text{regexp.MustCompile(`^([\w+=:#@/,.-]([\w+=:#@/,. -]*[\w+=:#@/,.-])?)?$`), "letters A to Z, digits, blanks inside and _+=:#@/-,.", 256}
)

// Text records a problem when the text of a prop is not of its kind.
func (p *Problems) Text(prop, text string, kind Text) {
	length := len([]rune(text))
	p.If(length > kind.max, "%s: has %d characters; AWS allows %d", prop, length, kind.max)
	p.If(!kind.allowed.MatchString(text), "%s: is %q; AWS allows only %s", prop, text, kind.meaning)
}
