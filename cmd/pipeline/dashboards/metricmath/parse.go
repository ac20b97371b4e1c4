package metricmath

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// parser works an expression out while it reads it: there are at most some hundred periods, and each expression is read
// once.
type parser struct {
	rest    string
	seconds float64
	by      map[string]Series
	periods int
	err     error
}

var (
	numberForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?`)
	nameForm   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*`)
)

func (p *parser) fail(format string, args ...any) Series {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return None(p.periods)
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " ") }

// take reads one of some texts, the longer ones first.
func (p *parser) take(texts ...string) string {
	p.space()
	for _, text := range texts {
		if strings.HasPrefix(p.rest, text) {
			p.rest = p.rest[len(text):]
			return text
		}
	}
	return ""
}

func (p *parser) comparison() Series {
	left := p.sum()
	operator := p.take(">=", "<=", "==", "!=", ">", "<")
	if operator == "" {
		return left
	}
	return each(left, p.sum(), func(a, b float64) float64 {
		holds := map[string]bool{">=": a >= b, "<=": a <= b, "==": a == b, "!=": a != b, ">": a > b, "<": a < b}[operator]
		if holds {
			return 1
		}
		return 0
	})
}

func (p *parser) sum() Series {
	left := p.product()
	for {
		switch p.take("+", "-") {
		case "+":
			left = each(left, p.product(), func(a, b float64) float64 { return a + b })
		case "-":
			left = each(left, p.product(), func(a, b float64) float64 { return a - b })
		default:
			return left
		}
	}
}

func (p *parser) product() Series {
	left := p.operand()
	for {
		switch p.take("*", "/") {
		case "*":
			left = each(left, p.operand(), func(a, b float64) float64 { return a * b })
		case "/":
			left = each(left, p.operand(), func(a, b float64) float64 {
				if b == 0 {
					return Missing()
				}
				return a / b
			})
		default:
			return left
		}
	}
}

func (p *parser) operand() Series {
	p.space()
	if p.take("(") != "" {
		inner := p.comparison()
		p.expect(")")
		return inner
	}
	if text := numberForm.FindString(p.rest); text != "" {
		p.rest = p.rest[len(text):]
		value, _ := strconv.ParseFloat(text, 64) // the form is a number's
		return p.constant(value)
	}
	name := nameForm.FindString(p.rest)
	p.rest = p.rest[len(name):]
	if p.take("(") == "" {
		if s, ok := p.by[name]; ok {
			return s
		}
		return p.fail("has %q, which is neither a number nor the id of a metric", name)
	}
	return p.call(name)
}

func (p *parser) expect(text string) {
	if p.take(text) == "" {
		p.fail("lacks %q before %q", text, p.rest)
	}
}

func (p *parser) constant(value float64) Series {
	s := make(Series, p.periods)
	for i := range s {
		s[i] = value
	}
	return s
}

// call reads the arguments of a function, and what it makes of them.
func (p *parser) call(name string) Series {
	arguments := []Series{p.comparison()}
	for p.take(",") != "" {
		arguments = append(arguments, p.comparison())
	}
	p.expect(")")
	wants := map[string]int{"IF": 3, "FILL": 2, "PERIOD": 1}[name]
	switch {
	case wants == 0:
		return p.fail("calls %s, which is not known here", name)
	case wants != len(arguments):
		return p.fail("gives %s %d arguments; it takes %d", name, len(arguments), wants)
	case name == "PERIOD":
		return p.constant(p.seconds)
	}
	result := None(p.periods)
	for i := range result {
		switch first := arguments[0][i]; {
		case name == "FILL" && math.IsNaN(first):
			result[i] = arguments[1][i]
		case name == "FILL":
			result[i] = first
		case math.IsNaN(first):
		case first != 0:
			result[i] = arguments[1][i]
		default:
			result[i] = arguments[2][i]
		}
	}
	return result
}

// each applies an operation to the periods in which both have data.
func each(a, b Series, operation func(a, b float64) float64) Series {
	result := None(len(a))
	for i := range result {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			result[i] = operation(a[i], b[i])
		}
	}
	return result
}
