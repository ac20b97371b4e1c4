package environment

import (
	"fmt"
	"slices"
)

// didYouMean returns `; did you mean "x"?` for the nearest of the candidates, or nothing when none is near.
func didYouMean(got string, candidates []string) string {
	if found := near(got, candidates, 1); len(found) > 0 {
		return fmt.Sprintf(" (did you mean %q?)", found[0])
	}
	return ""
}

// near returns at most n candidates, nearest first, that a slip of the keyboard or of memory could turn into got.
func near(got string, candidates []string, n int) []string {
	type scored struct {
		text     string
		distance int
	}
	var found []scored
	for _, c := range candidates {
		if d := distance(got, c); d <= max(2, len(c)/3) {
			found = append(found, scored{c, d})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int { return a.distance - b.distance })
	var texts []string
	for _, f := range found[:min(n, len(found))] {
		texts = append(texts, f.text)
	}
	return texts
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
