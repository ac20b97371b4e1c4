package jsonread

import (
	"errors"
	"unsafe"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// DefaultDepth is how deep values nest when Limits does not say.
const DefaultDepth = 64

// Limits says what a Reader refuses beyond what is not JSON.
type Limits struct {
	Depth     int  // how deep arrays and objects nest; 0 means DefaultDepth
	PlainText bool // refuse strings with control characters other than tab, line feed and carriage return
	// Repair takes strings with invalid UTF-8, which is left to AppendString, and reads unpaired surrogate escapes as
	// U+FFFD, as encoding/json does. It is for text of models, which may be cut off in the middle of a character.
	Repair bool
}

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds. Invalid is what no value starts with, the end of the input included.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind with its article, for messages.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	default:
		return "no value"
	}
}

// Reader reads one JSON text from its start to its end: each method consumes the next value. After an error a Reader is
// of no more use. Strings and spans it returns share the body's memory, so the body must not change while they live.
type Reader struct {
	data   []byte
	pos    int
	depth  int
	limits Limits
}

// New returns a Reader of body.
func New(body []byte, limits Limits) *Reader {
	if limits.Depth == 0 {
		limits.Depth = DefaultDepth
	}
	return &Reader{data: body, limits: limits}
}

// Kind tells what the next value is, without consuming it.
func (r *Reader) Kind() Kind {
	switch c := r.next(); {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '-' || '0' <= c && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	default:
		return Invalid
	}
}

// Object reads an object. It calls member for each key, once the value is next; member must consume the value.
func (r *Reader) Object(member func(key string) error) error {
	if err := r.open(Object); err != nil {
		return err
	}
	var seen keys
	for first := true; ; first = false {
		more, err := r.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		if r.next() != '"' {
			return r.unexpected("a member's name")
		}
		key, err := r.str()
		if err != nil {
			return err
		}
		if !seen.add(key) {
			return At(pathOf(key), inference.Invalid("", "is there twice in one object"))
		}
		if r.next() != ':' {
			return r.unexpected("a colon")
		}
		r.pos++
		switch err := member(key); err {
		case nil:
		case errFound:
			return err
		default:
			return At(pathOf(key), err)
		}
	}
}

// Array reads an array. It calls element for each index, once the value is next; element must consume the value.
func (r *Reader) Array(element func(i int) error) error {
	if err := r.open(Array); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := r.more(']', i == 0)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		if err := element(i); err != nil {
			return At(pathAt(i), err)
		}
	}
}

// open consumes the bracket that starts an array or an object.
func (r *Reader) open(kind Kind) error {
	if err := r.want(kind); err != nil {
		return err
	}
	r.pos++
	if r.depth++; r.depth > r.limits.Depth {
		return inference.Invalid("", "is nested deeper than %d levels", r.limits.Depth)
	}
	return nil
}

// more consumes what stands before the next member or element, or the closing bracket when there is none.
func (r *Reader) more(end byte, first bool) (bool, error) {
	c := r.next()
	switch {
	case c == end:
		r.pos++
		r.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, r.unexpected("a comma or " + string(rune(end)))
	}
	r.pos++
	return true, nil
}

// String reads a string.
func (r *Reader) String() (string, error) {
	if err := r.want(String); err != nil {
		return "", err
	}
	return r.str()
}

// Bool reads a boolean.
func (r *Reader) Bool() (bool, error) {
	if err := r.want(Bool); err != nil {
		return false, err
	}
	if r.data[r.pos] == 't' {
		return true, r.literal("true")
	}
	return false, r.literal("false")
}

// Null consumes the next value if it is null, and tells whether it was.
func (r *Reader) Null() bool {
	return r.Kind() == Null && r.literal("null") == nil
}

// Skip reads a value of any kind.
func (r *Reader) Skip() error {
	switch r.Kind() {
	case Null:
		return r.literal("null")
	case Bool:
		_, err := r.Bool()
		return err
	case Number:
		_, _, err := r.number()
		return err
	case String:
		_, _, err := r.scan()
		return err
	case Array:
		return r.Array(func(int) error { return r.Skip() })
	case Object:
		return r.Object(func(string) error { return r.Skip() })
	default:
		return r.unexpected("a value")
	}
}

// Raw reads a value of any kind and returns its bytes.
func (r *Reader) Raw() ([]byte, error) { return r.Span(r.Skip) }

// Span calls read and returns the bytes of the value it consumed.
func (r *Reader) Span(read func() error) ([]byte, error) {
	r.next()
	start := r.pos
	if err := read(); err != nil {
		return nil, err
	}
	return r.data[start:r.pos:r.pos], nil
}

// errFound ends the search of Peek.
var errFound = errors.New("found")

// Peek returns the string under key in the object that is next, without consuming anything. It reads no further than
// that member: what comes after it is checked when the object is read.
func (r *Reader) Peek(key string) (string, error) {
	var value string
	ahead := *r
	err := ahead.Object(func(k string) (err error) {
		if k != key {
			return ahead.Skip()
		}
		if value, err = ahead.String(); err != nil {
			return err
		}
		return errFound
	})
	switch {
	case err == nil:
		return "", inference.Invalid(key, "is required")
	case err == errFound:
		return value, nil
	default:
		return "", err
	}
}

// End checks that nothing but white space is left.
func (r *Reader) End() error {
	if r.next(); r.pos < len(r.data) {
		return r.syntax(r.pos, "there is more after the value")
	}
	return nil
}

// want checks the kind of the next value.
func (r *Reader) want(kind Kind) error {
	switch got := r.Kind(); got {
	case kind:
		return nil
	case Invalid:
		return r.unexpected("a value")
	default:
		return inference.Invalid("", "expected %s, got %s", kind, got)
	}
}

// next skips white space and returns the byte after it without consuming it; 0 at the end.
func (r *Reader) next() byte {
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// literal consumes one of JSON's words, whose first letter is next.
func (r *Reader) literal(word string) error {
	if end := r.pos + len(word); end > len(r.data) || string(r.data[r.pos:end]) != word {
		return r.syntax(r.pos, "expected "+word)
	}
	r.pos += len(word)
	return nil
}

// view returns b as a string without copying; Reader documents that b must not change.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// keys is the set of an object's keys so far. Few keys are compared one by one; many go to a map, so that a large object
// costs no quadratic time.
type keys struct {
	few  [16]string
	n    int
	many map[string]struct{}
}

// add tells whether key is new.
func (k *keys) add(key string) bool {
	for _, known := range k.few[:k.n] {
		if known == key {
			return false
		}
	}
	if k.n < len(k.few) {
		k.few[k.n] = key
		k.n++
		return true
	}
	if _, known := k.many[key]; known {
		return false
	}
	if k.many == nil {
		k.many = make(map[string]struct{})
	}
	k.many[key] = struct{}{}
	return true
}
