// Package jsonread reads untrusted JSON in one pass, without reflection and mostly without allocating, and writes JSON
// strings. It also checks the base64 images that such JSON carries.
//
// A [Reader] is stricter than encoding/json. It refuses invalid UTF-8, unpaired surrogate escapes, the same key twice in
// one object, nesting past a limit and numbers that no float64 holds; on request also control characters in strings.
// Every error is an *inference.Error that names the field at fault, such as "messages[2].content[0].type".
//
// It must not know any API: what a member means, and which members there are, is the caller's business.
package jsonread
