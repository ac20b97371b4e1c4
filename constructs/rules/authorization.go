package rules

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed authorization.txt
var authorizationText string

// service is what IAM knows of one service, in small letters, for IAM does not tell them from capitals.
type service struct {
	arns    map[string][]string // forms by kind of resource
	actions map[string][]string // kinds of resource by action; none means that the action takes only *
}

// authorization reads the table once, when a rule first needs it.
var authorization = sync.OnceValue(func() map[string]service {
	services := map[string]service{}
	var s service
	for line := range strings.Lines(authorizationText) {
		words := strings.Fields(line)
		switch words[0] {
		case "service":
			s = service{map[string][]string{}, map[string][]string{}}
			services[words[1]] = s
		case "arn":
			s.arns[words[1]] = append(s.arns[words[1]], words[2])
		case "actions":
			var kinds []string
			if words[1] != "-" {
				kinds = strings.Split(words[1], ",")
			}
			for _, action := range words[2:] {
				s.actions[action] = kinds
			}
		}
	}
	return services
})

// action is an action pattern of a policy, such as "bedrock:Invoke*", and what it stands for.
type action struct {
	pattern string
	service service
	known   bool     // whether the service is in the table
	names   []string // of the service that the pattern matches
}

func readAction(pattern string) action {
	prefix, name, _ := strings.Cut(strings.ToLower(pattern), ":")
	a := action{pattern: pattern}
	a.service, a.known = authorization()[prefix]
	for _, candidate := range slices.Sorted(maps.Keys(a.service.actions)) {
		if overlap(name, candidate) {
			a.names = append(a.names, candidate)
		}
	}
	return a
}

// forms returns the ARNs that the action takes, and whether some action of the pattern takes only *.
func (a action) forms() (forms []string, onlyAll bool) {
	for _, name := range a.names {
		kinds := a.service.actions[name]
		onlyAll = onlyAll || len(kinds) == 0
		for _, kind := range kinds {
			forms = append(forms, a.service.arns[kind]...)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms), onlyAll
}

// takes tells whether the action could ever be about the resource. What is unknown of either counts for yes.
func (a action) takes(arn string) bool {
	if arn == "*" || !a.known || len(a.names) == 0 || !strings.Contains(arn, ":") && strings.Contains(arn, unknown) {
		return true
	}
	forms, _ := a.forms()
	return slices.ContainsFunc(forms, func(form string) bool { return sameARN(arn, form) })
}

// sameARN compares ARN patterns part by part, as IAM does: a wildcard does not reach over a colon of the first five.
func sameARN(a, b string) bool {
	left, right := strings.SplitN(a, ":", 6), strings.SplitN(b, ":", 6)
	if len(left) < 6 && strings.Contains(left[0], unknown) {
		return true // such as an attribute of a resource that is elsewhere, with something appended
	}
	return slices.EqualFunc(left, right, overlap)
}

// overlap tells whether some text fits both patterns. Both may hold * and ?, and the unknown, which may be anything.
func overlap(a, b string) bool {
	open := func(c byte) bool { return c == '*' || c == unknown[0] }
	// fits[i][j] is the answer for a[i:] and b[j:]; a table, for two patterns with many wildcards have many ways to fit.
	fits := make([][]bool, len(a)+1)
	for i := len(a); i >= 0; i-- {
		fits[i] = make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			restA, restB := i < len(a), j < len(b)
			switch {
			case !restA && !restB:
				fits[i][j] = true
			case restA && open(a[i]):
				fits[i][j] = fits[i+1][j] || restB && fits[i][j+1]
			case restB && open(b[j]):
				fits[i][j] = fits[i][j+1] || restA && fits[i+1][j]
			case restA && restB:
				fits[i][j] = (a[i] == b[j] || a[i] == '?' || b[j] == '?') && fits[i+1][j+1]
			}
		}
	}
	return fits[0][0]
}
