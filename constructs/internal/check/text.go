package check

import (
	"unicode/utf8"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/text"
)

// Text records a problem when the text of a prop is not of its kind.
func (p *Problems) Text(prop, given string, kind text.Kind) {
	length := utf8.RuneCountInString(given)
	p.If(length > kind.Max, "%s: has %d characters; AWS allows %d", prop, length, kind.Max)
	p.If(!kind.Allowed.MatchString(given), "%s: is %q; AWS allows only %s", prop, given, kind.Meaning)
}
