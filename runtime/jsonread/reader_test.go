package jsonread_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// decode reads any value the way encoding/json does into an any.
func decode(r *jsonread.Reader) (value any, err error) {
	switch r.Kind() {
	case jsonread.Null:
		if !r.Null() {
			return nil, inference.Invalid("", "invalid JSON: not null")
		}
		return nil, nil
	case jsonread.Bool:
		return r.Bool()
	case jsonread.Number:
		return r.Float()
	case jsonread.Array:
		list := []any{}
		err = r.Array(func(int) error {
			element, err := decode(r)
			list = append(list, element)
			return err
		})
		return list, err
	case jsonread.Object:
		object := map[string]any{}
		err = r.Object(func(key string) error {
			member, err := decode(r)
			object[key] = member
			return err
		})
		return object, err
	default:
		return r.String()
	}
}

func whole(body string) (any, error) {
	r := jsonread.New([]byte(body), jsonread.Limits{})
	value, err := decode(r)
	if err == nil {
		err = r.End()
	}
	return value, err
}

func TestReadsWhatEncodingJSONReads(t *testing.T) {
	for _, body := range []string{
		`null`, ` true `, `false`, `0`, `-0`, `-12.5e+3`, `1e-400`, `""`, `[]`, `{}`, "\t[1 , 2,\r\n3]",
		`{"a":{"b":[{"c":null},"d"]},"":1}`, `"\"\\\/\b\f\n\r\té\uD83D\ude00"`, `"日本語 é 😀"`,
		`"seven chars then a quote \" and a \\ and more than eight bytes"`,
		`"` + strings.Repeat("x", 1000) + `"`, strings.Repeat("[", 64) + strings.Repeat("]", 64),
	} {
		got, err := whole(body)
		var want any
		if jsonErr := json.Unmarshal([]byte(body), &want); err != nil || jsonErr != nil {
			t.Errorf("%s: %v, encoding/json %v", body, err, jsonErr)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", body, got, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, test := range []struct{ name, body, field, want string }{
		{"nothing", ``, "", "expected a value, got the end"},
		{"blank", `  `, "", "expected a value, got the end"},
		{"no value", `x`, "", "got 'x'"},
		{"NaN", `{"a":NaN}`, "a", "got 'N'"},
		{"half a word", `[tru]`, "[0]", "expected true"},
		{"half null", `nul`, "", "not null"},
		{"trailing", `{} {}`, "", "more after the value"},
		{"no comma", `[1 2]`, "", "expected a comma or ]"},
		{"trailing comma", `[1,]`, "[1]", "expected a value, got ']'"},
		{"comma in object", `{"a":1,}`, "", "expected a member's name"},
		{"no colon", `{"a" 1}`, "", "expected a colon"},
		{"open object", `{"a":1`, "", "got the end"},
		{"open array", `{"a":[`, "a[0]", "got the end"},
		{"open string", `{"a":"b`, "a", "does not end"},
		{"open escape", `"\`, "", "does not end"},
		{"escape", `{"a":["\x"]}`, "a[0]", "no such escape"},
		{"hex", `"\u12G4"`, "", "four hexadecimal digits"},
		{"short hex", `"\u12`, "", "four hexadecimal digits"},
		{"high surrogate", `"\ud800"`, "", "surrogate"},
		{"high surrogate, then text", `"\ud800A"`, "", "surrogate"},
		{"low surrogate", `"\ude00"`, "", "surrogate"},
		{"raw control", "{\"a\":\"\n\"}", "a", "must be escaped"},
		{"invalid UTF-8", "{\"a\":[1,{\"b\":\"\xff\"}]}", "a[1].b", "not valid UTF-8"},
		{"invalid UTF-8 in a key", "{\"\xc3\":1}", "", "not valid UTF-8"},
		{"overlong UTF-8", "\"\xc0\x80\"", "", "not valid UTF-8"},
		{"leading zero", `[01]`, "[0]", "start with a zero"},
		{"minus alone", `-`, "", "expected a digit"},
		{"point alone", `1.`, "", "expected a digit"},
		{"exponent alone", `1e`, "", "expected a digit"},
		{"plus", `+1`, "", "got '+'"},
		{"too large", `{"a":1e999}`, "a", "out of range"},
		{"too long", `1` + strings.Repeat("0", 400), "", "out of range"},
		{"too deep", strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[0]", 64), "deeper than 64"},
		{"the same key", `{"a":{"b":1,"b":2}}`, "a.b", "twice"},
		{"the same key, escaped", `{"a":1,"\u0061":2}`, "a", "twice"},
		{"an odd key", `{"a b":{"c":!}}`, `["a b"].c`, "got '!'"},
		{"a long key", `{"` + strings.Repeat("k", 99) + `":!}`, strings.Repeat("k", 64) + "...", "got '!'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := whole(test.body)
			wantFailure(t, err, test.field, test.want)
			r := jsonread.New([]byte(test.body), jsonread.Limits{})
			if err = r.Skip(); err == nil {
				err = r.End()
			}
			if err == nil {
				t.Error("Skip accepts it")
			}
		})
	}
}

func TestRefusesTheSameKeyAmongMany(t *testing.T) {
	var body strings.Builder
	body.WriteByte('{')
	for i := range 1000 {
		body.WriteString(`"` + strings.Repeat("k", i) + `":0,`)
	}
	_, err := whole(body.String() + `"last":1}`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = whole(body.String() + `"` + strings.Repeat("k", 30) + `":1}`)
	wantFailure(t, err, strings.Repeat("k", 30), "twice")
}

func TestRefusesTheWrongKind(t *testing.T) {
	for _, test := range []struct {
		name, body string
		read       func(r *jsonread.Reader) error
		want       string
	}{
		{"string", `{}`, func(r *jsonread.Reader) error { _, err := r.String(); return err }, "expected a string, got an object"},
		{"bool", `"true"`, func(r *jsonread.Reader) error { _, err := r.Bool(); return err }, "expected a boolean, got a string"},
		{"float", `null`, func(r *jsonread.Reader) error { _, err := r.Float(); return err }, "expected a number, got null"},
		{"int", `[]`, func(r *jsonread.Reader) error { _, err := r.Int(); return err }, "expected a number, got an array"},
		{"integer", `1.5`, func(r *jsonread.Reader) error { _, err := r.Int(); return err }, "expected an integer, got 1.5"},
		{"integer range", `99999999999999999999`, func(r *jsonread.Reader) error { _, err := r.Int(); return err }, "out of range"},
		{"object", `1`, func(r *jsonread.Reader) error { return r.Object(nil) }, "expected an object, got a number"},
		{"array", `false`, func(r *jsonread.Reader) error { return r.Array(nil) }, "expected an array, got a boolean"},
		{"peek", `[]`, func(r *jsonread.Reader) error { _, err := r.Peek("type"); return err }, "expected an object, got an array"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantFailure(t, test.read(jsonread.New([]byte(test.body), jsonread.Limits{})), "", test.want)
		})
	}
}

func wantFailure(t *testing.T, err error, field, message string) {
	t.Helper()
	failure, ok := err.(*inference.Error)
	if !ok {
		t.Fatalf("got %#v, want an *inference.Error", err)
	}
	if failure.Code != inference.InvalidRequest || failure.Field != field || !strings.Contains(failure.Message, message) {
		t.Errorf("got %v, want field %q and message %q", failure, field, message)
	}
}

func TestPlainText(t *testing.T) {
	for _, test := range []struct {
		name, body string
		refused    bool
	}{
		{"tab, line feed, carriage return", `"a\t\n\r\u0009"`, false},
		{"NUL", `"\u0000"`, true},
		{"escape", `"\u001b[0m"`, true},
		{"backspace", `"\b"`, true},
		{"form feed", `"\f"`, true},
		{"DEL", "\"\x7f\"", true},
		{"DEL, escaped", `"\u007f"`, true},
		{"C1", "\"\u009b\"", true},
		{"C1, escaped", `"\u009b"`, true},
		{"no-break space", "\"\u00a0\"", false},
		{"in a key", `{"a\u0000":1}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := jsonread.New([]byte(test.body), jsonread.Limits{}).Skip(); err != nil {
				t.Errorf("without PlainText: %v", err)
			}
			err := jsonread.New([]byte(test.body), jsonread.Limits{PlainText: true}).Skip()
			if refused := err != nil; refused != test.refused {
				t.Errorf("refused %v, want %v: %v", refused, test.refused, err)
			}
		})
	}
}

func TestPeek(t *testing.T) {
	r := jsonread.New([]byte(` {"a":[1],"type":"x","b":2}`), jsonread.Limits{})
	if got, err := r.Peek("type"); got != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_, err := r.Peek("role")
	wantFailure(t, err, "role", "is required")
	_, err = r.Peek("b")
	wantFailure(t, err, "b", "expected a string, got a number")
	if span, err := r.Raw(); string(span) != `{"a":[1],"type":"x","b":2}` || err != nil {
		t.Errorf("then Raw gives %s, %v", span, err)
	}
}

func TestNullAndEnd(t *testing.T) {
	r := jsonread.New([]byte(` null 1`), jsonread.Limits{})
	if !r.Null() || r.Null() {
		t.Error("Null should consume null, and null only")
	}
	wantFailure(t, r.End(), "", "more after")
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{
		"", "plain", "\"quoted\" \\ back", "a\nb\rc\td\x00\x1b\x7f", "é日本😀\u2028", "bad \xff\xc3 utf-8", "\xff",
	} {
		got := jsonread.AppendString([]byte("x"), s)
		var back string
		if err := json.Unmarshal(got[1:], &back); err != nil {
			t.Fatalf("%q gives %s: %v", s, got, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); strings.ReplaceAll(back, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
			t.Errorf("%q comes back as %q", s, back)
		}
	}
}

func TestAllocations(t *testing.T) {
	body := []byte(`{"messages":[{"role":"user","content":"hello, world"},{"a":[1,2.5,true,null]}],"n":12}`)
	buffer := make([]byte, 0, 256)
	for name, work := range map[string]func(){
		"Skip": func() { _ = jsonread.New(body, jsonread.Limits{}).Skip() },
		"Object": func() {
			r := jsonread.New(body, jsonread.Limits{})
			total := 0
			_ = r.Object(func(key string) error { total += len(key); return r.Skip() })
		},
		"AppendString": func() { buffer = jsonread.AppendString(buffer[:0], "a \"text\"\n é") },
	} {
		if got := testing.AllocsPerRun(100, work); got > 1 { // the Reader itself, when it is not on the stack
			t.Errorf("%s allocates %v times", name, got)
		}
	}
}

// FuzzRead holds the Reader against encoding/json: it accepts nothing that encoding/json refuses, understands what it
// accepts in the same way, and refuses more only for the documented reasons.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude00\n"]}`, `[[[]]]`, `{"a":1,"a":2}`, `01`, `"\ud800"`, "\"\xff\"", `1e999`, ` `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		value, err := whole(string(body))
		r := jsonread.New(body, jsonread.Limits{})
		span, rawErr := r.Raw()
		if rawErr == nil {
			rawErr = r.End()
		}
		if (err == nil) != (rawErr == nil) {
			t.Fatalf("decoding says %v, Raw says %v", err, rawErr)
		}
		if err != nil {
			if json.Valid(body) && !stricter(err) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		var want any
		if err := json.Unmarshal(span, &want); err != nil {
			t.Fatalf("accepted, but encoding/json says: %v", err)
		}
		if !reflect.DeepEqual(value, want) {
			t.Fatalf("got %#v, want %#v", value, want)
		}
	})
}

// stricter tells whether err is one of the documented reasons to refuse valid JSON.
func stricter(err error) bool {
	for _, reason := range []string{"valid UTF-8", "surrogate", "twice", "deeper than", "out of range"} {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

func BenchmarkSkip(b *testing.B) {
	body := []byte(`{"model":"haiku","messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"` +
		strings.Repeat("Tell me about Graviton. ", 40) + `"}],"max_tokens":256,"stream":true}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := jsonread.New(body, jsonread.Limits{PlainText: true}).Skip(); err != nil {
			b.Fatal(err)
		}
	}
}
