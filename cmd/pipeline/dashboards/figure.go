package dashboards

import (
	"math"
	"strconv"
	"strings"
)

// digits is to how many a person reads a figure.
const digits = 3

// readable is a figure as a person reads it: three digits that count, more where they are whole, thousands apart, and
// never an exponent.
func readable(value float64) string {
	if value == 0 {
		return "0"
	}
	decimals := max(0, digits-1-int(math.Floor(math.Log10(math.Abs(value)))))
	text := strconv.FormatFloat(value, 'f', decimals, 64)
	if decimals > 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	whole, rest, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// ticks are round figures from 0 up to the first that is not below the top, four or so.
func ticks(top float64) []float64 {
	if top <= 0 {
		top = 1
	}
	power := math.Pow(10, math.Floor(math.Log10(top/5)))
	step := 10 * power
	for _, round := range []float64{5, 2.5, 2, 1} {
		if round*power*5 >= top {
			step = round * power
		}
	}
	all := []float64{0}
	for n := 1.0; all[len(all)-1] < top; n++ {
		all = append(all, n*step)
	}
	return all
}
