package jsonread

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// str consumes the string that is next and returns what it means.
func (r *Reader) str() (string, error) {
	span, escaped, err := r.scan()
	if err != nil {
		return "", err
	}
	if escaped {
		span = unescape(span)
	}
	return view(span), nil
}

// scan consumes the string that is next, checks it, and returns what stands between its quotes.
func (r *Reader) scan() (span []byte, escaped bool, err error) {
	start := r.pos + 1
	for i := start; ; {
		i = skipPlain(r.data, i)
		if i == len(r.data) {
			return nil, false, r.syntax(i, "the string does not end")
		}
		size := 1
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			return r.data[start:i], escaped, nil
		case c == '\\':
			escaped = true
			size, err = r.escape(i)
		case c < ' ':
			err = r.syntax(i, "a control character in a string must be escaped")
		case c >= utf8.RuneSelf:
			size, err = r.wide(i)
		case c == 0x7f:
			err = r.plain(rune(c))
		}
		if err != nil {
			return nil, false, err
		}
		i += size
	}
}

// skipPlain returns the index of the first byte from i on that needs a closer look: a quote, a backslash, a control
// character or what is not ASCII. It takes eight bytes at a time.
func skipPlain(data []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// Each term has a byte's high bit set if that byte is special; a carry can set more, never fewer.
		special := (w - ones*' ') | (quote - ones) | (slash - ones) | (w + ones) | w
		if special&highs != 0 {
			break
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// wide checks the character beyond ASCII at i and returns its size.
func (r *Reader) wide(i int) (int, error) {
	c, size := utf8.DecodeRune(r.data[i:])
	if c == utf8.RuneError && size == 1 {
		if r.limits.Repair {
			return size, nil
		}
		return 0, r.syntax(i, "the string is not valid UTF-8")
	}
	if c < 0xa0 {
		return size, r.plain(c)
	}
	return size, nil
}

// escape checks the escape sequence at i and returns its size.
func (r *Reader) escape(i int) (int, error) {
	if i+1 == len(r.data) {
		return 0, r.syntax(i, "the string does not end")
	}
	switch c := r.data[i+1]; c {
	case '"', '\\', '/', 'n', 'r', 't':
		return 2, nil
	case 'b':
		return 2, r.plain('\b')
	case 'f':
		return 2, r.plain('\f')
	case 'u':
		return r.escapeUnicode(i)
	default:
		return 0, r.syntax(i, "there is no such escape sequence")
	}
}

// escapeUnicode checks the \uXXXX at i, with the second half of a surrogate pair, and returns its size.
func (r *Reader) escapeUnicode(i int) (int, error) {
	c := hex4(r.data[i:])
	if c < 0 {
		return 0, r.syntax(i, `\u takes four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(c) {
		return 6, r.plain(c)
	}
	if utf16.DecodeRune(c, hex4(r.data[i+6:])) == utf8.RuneError {
		if r.limits.Repair {
			return 6, nil
		}
		return 0, r.syntax(i, "a surrogate needs its pair")
	}
	return 12, nil
}

// plain refuses control characters if the limits say so.
func (r *Reader) plain(c rune) error {
	control := c < ' ' && c != '\t' && c != '\n' && c != '\r' || 0x7f <= c && c < 0xa0
	if control && r.limits.PlainText {
		return inference.Invalid("", "must not contain the control character U+%04X", c)
	}
	return nil
}

// hex4 returns the code unit of the \uXXXX that data starts with, or -1.
func hex4(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	var unit rune
	for _, c := range data[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		unit = unit<<4 | rune(c)
	}
	return unit
}

// unescape returns what span, which scan has checked, means.
func unescape(span []byte) []byte {
	text := make([]byte, 0, len(span))
	for i := 0; i < len(span); {
		c := span[i]
		if c != '\\' {
			text = append(text, c)
			i++
			continue
		}
		c = span[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			unit := hex4(span[i-2:])
			i += 4
			if utf16.IsSurrogate(unit) {
				if unit = utf16.DecodeRune(unit, hex4(span[i:])); unit != utf8.RuneError {
					i += 6
				}
			}
			text = utf8.AppendRune(text, unit)
			continue
		}
		text = append(text, c)
	}
	return text
}

// AppendString appends s as a JSON string. It escapes only what must be, and replaces what is not valid UTF-8 with
// U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
