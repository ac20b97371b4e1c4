package jsonread

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// At returns err with path put before the field it names. Errors that are not about the request stay as they are.
// Object and Array do that for what their callbacks return.
func At(path string, err error) error {
	failure, ok := err.(*inference.Error) //nolint:errorlint // only what the callbacks made themselves
	if !ok || failure.Code != inference.InvalidRequest {
		return err
	}
	switch {
	case failure.Field == "":
		failure.Field = path
	case failure.Field[0] == '[':
		failure.Field = path + failure.Field
	default:
		failure.Field = path + "." + failure.Field
	}
	return failure
}

// pathOf returns a key as part of a path, quoted when it is not a plain name. The result shares no memory with key.
func pathOf(key string) string {
	if key != "" && strings.IndexFunc(key, notPlain) < 0 {
		return strings.Clone(clip(key))
	}
	return "[" + strconv.Quote(clip(key)) + "]"
}

// pathAt returns an index as part of a path.
func pathAt(i int) string { return "[" + strconv.Itoa(i) + "]" }

// notPlain tells whether r makes a key no plain name.
func notPlain(r rune) bool {
	return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// clip shortens what a caller sent so that an error can quote it.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}

// Quote returns what a caller sent, quoted and shortened, for use in an error's message.
func Quote(s string) string { return strconv.Quote(clip(s)) }

// syntax returns the error for what is not JSON at a byte of the body.
func (r *Reader) syntax(at int, problem string) error {
	return inference.Invalid("", "invalid JSON at byte %d: %s", at, problem)
}

// unexpected returns the error for finding something else than wanted.
func (r *Reader) unexpected(wanted string) error {
	if r.next() == 0 && r.pos == len(r.data) {
		return r.syntax(r.pos, "expected "+wanted+", got the end")
	}
	c, _ := utf8.DecodeRune(r.data[r.pos:])
	return r.syntax(r.pos, "expected "+wanted+", got "+strconv.QuoteRune(c))
}
