package bedrocktest

import (
	"fmt"
	"strings"
)

// object is a JSON object to be sent.
type object = map[string]any

// path joins keys and indices as Bedrock's messages do: messages.0.content.1.
func path(parts ...any) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprint(p)
	}
	return strings.Join(words, ".")
}

// constraint is how the service refuses a value before any model sees it.
func constraint(value any, where, rule string) *failure {
	return refuse("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, where, rule)
}

// refuseSampling is how the newer models answer to a sampling parameter.
func refuseSampling(rejects, temperature, topP bool, before string) *failure {
	switch {
	case rejects && temperature:
		return refuse("%s`temperature` is deprecated for this model.", before)
	case rejects && topP:
		return refuse("%s`top_p` is deprecated for this model.", before)
	}
	return nil
}
