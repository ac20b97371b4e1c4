package jsonread

import (
	"strconv"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Int reads a number that is written as an integer.
func (r *Reader) Int() (int, error) {
	if err := r.want(Number); err != nil {
		return 0, err
	}
	span, integer, err := r.number()
	if err != nil {
		return 0, err
	}
	if !integer {
		return 0, inference.Invalid("", "expected an integer, got %s", clip(view(span)))
	}
	n, err := strconv.Atoi(view(span))
	if err != nil {
		return 0, inference.Invalid("", "the number %s is out of range", clip(view(span)))
	}
	return n, nil
}

// Float reads a number.
func (r *Reader) Float() (float64, error) {
	if err := r.want(Number); err != nil {
		return 0, err
	}
	span, _, err := r.number()
	if err != nil {
		return 0, err
	}
	return parseFloat(span)
}

// parseFloat returns the value of span, which number has checked.
func parseFloat(span []byte) (float64, error) {
	f, err := strconv.ParseFloat(view(span), 64)
	if err != nil {
		return 0, inference.Invalid("", "the number %s is out of range", clip(view(span)))
	}
	return f, nil
}

// number consumes the number that is next, checks it, and tells whether it is written as an integer.
func (r *Reader) number() (span []byte, integer bool, err error) {
	start := r.pos
	if r.data[r.pos] == '-' {
		r.pos++
	}
	whole := r.digits()
	if whole == 0 {
		return nil, false, r.unexpected("a digit")
	}
	if whole > 1 && r.data[r.pos-whole] == '0' {
		return nil, false, r.syntax(start, "a number must not start with a zero")
	}
	integer = true
	if r.at('.') {
		integer = false
		if r.pos++; r.digits() == 0 {
			return nil, false, r.unexpected("a digit")
		}
	}
	exponent := r.at('e') || r.at('E')
	if exponent {
		integer = false
		if r.pos++; r.at('+') || r.at('-') {
			r.pos++
		}
		if r.digits() == 0 {
			return nil, false, r.unexpected("a digit")
		}
	}
	span = r.data[start:r.pos]
	if exponent || whole > 308 {
		_, err = parseFloat(span)
	}
	return span, integer, err
}

// digits consumes digits and returns how many there were.
func (r *Reader) digits() int {
	start := r.pos
	for r.pos < len(r.data) && '0' <= r.data[r.pos] && r.data[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

// at tells whether c is the very next byte.
func (r *Reader) at(c byte) bool { return r.pos < len(r.data) && r.data[r.pos] == c }
