package policy

import (
	"fmt"
	"strings"
)

// Closest returns the statement that comes nearest to allowing a request, in a sentence that says what keeps it from
// doing so: for the message of a failed test.
func Closest(policies []Policy, request Request) string {
	best, text := -1, "there is no statement that allows anything"
	for _, p := range policies {
		for i, s := range p.Statements {
			if s.Effect != Allow {
				continue
			}
			if score, why := s.near(request); score > best {
				best, text = score, fmt.Sprintf("%s, statement %d (%s): %s", p.Name, i, s, why)
			}
		}
	}
	return text
}

// Weights: an action that matches outweighs any resource that does not, and a match any near miss.
const (
	weightAction   = 10_000
	weightResource = 5_000
	weightHolds    = 1_000
)

// near scores how close the statement comes, and says what is in the way.
func (s Statement) near(r Request) (score int, why string) {
	var obstacles []string
	if s.MatchesAction(r.Action) {
		score += weightAction
	} else {
		obstacles = append(obstacles, "it is not about action "+r.Action)
	}
	if s.MatchesResource(r.Resource) {
		score += weightResource
	} else {
		obstacles = append(obstacles, "it is not about resource "+r.Resource)
		for _, resource := range s.Resources {
			score = max(score, score/weightAction*weightAction+likeness(resource, r.Resource))
		}
	}
	for _, c := range s.Conditions {
		switch holds, err := c.holds(r.Context); {
		case err != nil:
			obstacles = append(obstacles, err.Error())
		case holds:
			score += weightHolds / len(s.Conditions)
		default:
			obstacles = append(obstacles, "condition "+c.String()+" does not hold")
		}
	}
	return score, strings.Join(obstacles, "; ")
}

// likeness counts the characters that two texts share at their beginning and end.
func likeness(a, b string) int {
	head, tail, most := 0, 0, min(len(a), len(b))
	for head < most && a[head] == b[head] {
		head++
	}
	for tail < most-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return min(head+tail, weightHolds)
}
