package iam

import "strings"

// symbols takes a pattern apart into characters and references; ${…} is one symbol.
func symbols(pattern string) []string {
	var list []string
	for pattern != "" {
		size := 1
		if strings.HasPrefix(pattern, "${") {
			if end := strings.IndexByte(pattern, '}'); end > 0 {
				size = end + 1
			}
		}
		list = append(list, pattern[:size])
		pattern = pattern[size:]
	}
	return list
}

func unknown(symbol string) bool { return len(symbol) > 1 }

// covers tells whether everything that matches the pattern part matches the pattern whole as well.
func covers(whole, part string) Verdict {
	w, p := symbols(whole), symbols(part)
	switch {
	case compare(w, p, false, false):
		return Yes
	case compare(w, p, true, false):
		return Maybe
	}
	return No
}

// overlap tells whether something matches both patterns.
func overlap(a, b string) Verdict {
	x, y := symbols(a), symbols(b)
	switch {
	case compare(x, y, false, true):
		return Yes
	case compare(x, y, true, true):
		return Maybe
	}
	return No
}

// compare walks two patterns at once. With guess, references stand for any text. With both, wildcards of the second
// pattern count as such too, which asks for an overlap; without, they are text that only a * of the first covers.
func compare(a, b []string, guess, both bool) bool {
	run := func(symbol string, wild bool) bool { return wild && symbol == "*" || guess && unknown(symbol) }
	// reach[j] tells whether a[i:] and b[j:] can match; the rows are filled from the ends.
	reach := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		row := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			hasA, hasB := i < len(a), j < len(b)
			switch {
			case !hasA && !hasB:
				row[j] = true
			case hasA && run(a[i], true) && (reach[j] || hasB && row[j+1]):
				row[j] = true
			case hasB && run(b[j], both) && (row[j+1] || hasA && reach[j]):
				row[j] = true
			default:
				row[j] = hasA && hasB && one(a[i], b[j], both) && reach[j+1]
			}
		}
		reach = row
	}
	return reach[0]
}

// one tells whether two single symbols match.
func one(a, b string, both bool) bool {
	single := func(s string) bool { return s != "*" && !unknown(s) }
	return a == b || a == "?" && single(b) || both && b == "?" && single(a)
}
