// Package check collects what is wrong with the props of a construct. CDK constructs cannot return errors, and jsii
// names one missing prop at a time in its own words; so every construct checks its props first and panics once, with
// everything that is wrong.
//
// It must not know any construct.
package check

import (
	"fmt"
	"strings"
)

// Problems is what is wrong with the props of one construct.
type Problems []string

// If records a problem when wrong is true.
func (p *Problems) If(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

// Panic panics with one message that lists every problem, or returns when there is none. What names the construct, as
// in `compute.NewFunction("Gateway")`.
func (p Problems) Panic(what string) {
	if len(p) > 0 {
		panic(fmt.Sprintf("%s: %d problems with the props:\n  %s", what, len(p), strings.Join(p, "\n  ")))
	}
}
