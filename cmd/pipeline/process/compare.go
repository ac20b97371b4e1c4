package process

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Compare compares the environment of a process with what its template gives it: every variable of want with its value,
// and besides only what beside allows, which is named by where in the message. It returns one error for each
// difference, joined.
func Compare(actual, want map[string]string, beside func(name string) bool, where string) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch value, ok := actual[name]; {
		case !ok:
			problems = append(problems, fmt.Errorf("%s is missing", name))
		case value != want[name]:
			problems = append(problems, fmt.Errorf("%s is %q; the template says %q", name, value, want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(actual)) {
		if _, own := want[name]; !own && !beside(name) {
			problems = append(problems, fmt.Errorf("%s is neither in the template nor %s", name, where))
		}
	}
	return errors.Join(problems...)
}
