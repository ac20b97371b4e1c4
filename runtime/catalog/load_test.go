package catalog

import (
	"fmt"
	"strings"
	"testing"
)

// An unsound file can only be tested from inside: what is exported always reads the embedded one.
func TestParseNamesEveryFault(t *testing.T) {
	model := func(id, rest string) string {
		return fmt.Sprintf(`{"id":%q,"name":"x","onDemand":true,"sources":["s 2026-11-22"]%s}`, id, rest)
	}
	tests := []struct {
		name   string
		models []string
		want   []string
	}{
		{"no successor", []string{model("a.b", `,"endOfLife":"2026-01-01"`)}, []string{"needs a successor"}},
		{"lost successor", []string{model("a.b", `,"successor":"a.c"`)}, []string{`successor "a.c"`}},
		{"circle", []string{model("a.b", `,"successor":"a.c"`), model("a.c", `,"successor":"a.b"`)}, []string{"a.b: its successors", "a.c: its successors"}},
		{"twice", []string{model("a.b", ""), model("a.b", "")}, []string{"listed twice"}},
		{"bad date", []string{model("a.b", `,"legacy":"2026-13-01"`)}, []string{"2026-13-01"}},
		{"dates in the wrong order", []string{model("a.c", ""), model("a.b", `,"legacy":"2026-02-01","endOfLife":"2026-01-01","successor":"a.c"`)}, []string{"legacy must come before"}},
		{"source without a date", []string{`{"id":"a.b","name":"x","onDemand":true,"sources":["hearsay"]}`}, []string{`"hearsay" has no date`}},
		{"unknown key", []string{model("a.b", `,"eol":"2026-01-01"`)}, []string{`unknown field "eol"`}},
		{"prefix", []string{model("a.b", `,"profiles":[{"prefix":"usa"}]`)}, []string{`"usa"; allowed are global`}},
		{"two at once", []string{model("a.b", `,"successor":"a.c","onDemandPrice":{"input":1,"output":1}`)}, []string{`successor "a.c"`, "asOf"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse([]byte(`{"models":[` + strings.Join(test.models, ",") + `]}`))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}
