// Package api_test holds the exported API of the constructs against goldens: platform teams compose them, and a change
// that breaks their code must be meant. It also builds and synthesizes the example of such a team, which is a module of
// its own and so sees what they see.
//
// It must not know what a construct does.
package api_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the goldens anew")

const root = "../.."

// TestTheAPIOfTheConstructsIsAsItWas prints what each package of constructs exports, without comments and bodies, and
// compares.
func TestTheAPIOfTheConstructsIsAsItWas(t *testing.T) {
	met := map[string]bool{}
	for _, dir := range packages(t) {
		name := strings.ReplaceAll(filepath.ToSlash(dir), "/", "-") + ".txt"
		met[name] = true
		file := filepath.Join("testdata", name)
		got := apiOf(t, filepath.Join(root, dir))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%s exports an API that no golden has: %v; go test ./test/api -update writes it", dir, err)
			continue
		}
		if problem := difference(string(want), got); problem != "" {
			t.Errorf("%s: %s", dir, problem)
		}
	}
	goldens, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range goldens {
		if met[filepath.Base(file)] {
			continue
		}
		if *update {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s: the package is gone; whoever imports it does not compile any more", file)
	}
}

// difference says what changed, what that breaks, and what to do if it is meant; empty for nothing.
func difference(want, got string) string {
	before, after := strings.Split(strings.TrimSpace(want), "\n"), strings.Split(strings.TrimSpace(got), "\n")
	var gone, added []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			gone = append(gone, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			added = append(added, "+ "+line)
		}
	}
	switch {
	case len(gone) > 0:
		return fmt.Sprintf("the exported API changed so that code which uses it may not compile:\n%s\nif that is meant, say so in the commit, and run go test ./test/api -update",
			strings.Join(append(gone, added...), "\n"))
	case len(added) > 0:
		return fmt.Sprintf("the exported API grew; what is added can never be taken away quietly:\n%s\nif that is meant, run go test ./test/api -update", strings.Join(added, "\n"))
	case want != got:
		return "the golden has lines in another order: run go test ./test/api -update"
	}
	return ""
}

// packages are the folders of constructs that others may import, by name.
func packages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(root, "constructs"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "internal" || entry.Name() == "testdata"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			dir, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			found = append(found, dir)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("found %v, %v", found, err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// apiOf is what a package exports, one line for each name, field and method, sorted.
func apiOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				lines = append(lines, function(d)...)
			case *ast.GenDecl:
				var kept ast.Expr // the type of a group of constants is that of the first
				for _, spec := range d.Specs {
					lines = append(lines, specification(d.Tok, spec, &kept)...)
				}
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

// function is a function, or a method of an exported type.
func function(d *ast.FuncDecl) []string {
	if !d.Name.IsExported() {
		return nil
	}
	receiver := ""
	if d.Recv != nil {
		receiver = text(d.Recv.List[0].Type)
		if !ast.IsExported(strings.TrimPrefix(receiver, "*")) {
			return nil
		}
		receiver = "(" + receiver + ") "
	}
	return []string{"func " + receiver + d.Name.Name + strings.TrimPrefix(text(d.Type), "func")}
}

func specification(kind token.Token, spec ast.Spec, kept *ast.Expr) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			return typeLines(s)
		}
	case *ast.ValueSpec:
		if s.Type != nil || len(s.Values) > 0 {
			*kept = s.Type
		}
		var lines []string
		for i, name := range s.Names {
			if !name.IsExported() {
				continue
			}
			line := kind.String() + " " + name.Name
			if *kept != nil {
				line += " " + text(*kept)
			}
			if kind == token.CONST && i < len(s.Values) {
				line += " = " + text(s.Values[i])
			}
			lines = append(lines, line)
		}
		return lines
	}
	return nil
}

// typeLines is a type, with a line for each exported field or method: a change of one is then one line.
func typeLines(s *ast.TypeSpec) []string {
	head := "type " + s.Name.Name
	if s.Assign.IsValid() {
		head += " ="
	}
	var fields *ast.FieldList
	kind := ""
	switch d := s.Type.(type) {
	case *ast.StructType:
		fields, kind = d.Fields, "struct"
	case *ast.InterfaceType:
		fields, kind = d.Methods, "interface"
	default:
		return []string{head + " " + text(s.Type)}
	}
	lines := []string{head + " " + kind}
	hidden := false
	for _, field := range fields.List {
		if len(field.Names) == 0 {
			lines = append(lines, head+" "+kind+", "+text(field.Type))
		}
		for _, name := range field.Names {
			if name.IsExported() {
				lines = append(lines, head+" "+kind+", "+name.Name+" "+text(field.Type))
			} else {
				hidden = true
			}
		}
	}
	if hidden && kind == "interface" {
		lines = append(lines, head+" "+kind+", cannot be implemented elsewhere")
	}
	return lines
}

// text is a type or an expression on one line.
func text(node ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestADifferenceSaysWhatChanged plants the changes that others would stumble over, and one that is none.
func TestADifferenceSaysWhatChanged(t *testing.T) {
	const before = "package p\n\ntype Props struct {\n\tName string // a comment\n\thidden int\n}\n\ntype Made interface { Name() string }\n\nfunc New(p Props) Made { return nil }\n\nconst Limit = 3\n\ntype t struct{}\n\nfunc (t) Exported() {}\n"
	for _, tt := range []struct{ name, old, new, want string }{
		{"a comment and a body", "// a comment", "// another", ""},
		{"what nobody sees", "hidden int", "hidden string", ""},
		{"a field that is gone", "Name string //", "Title string //", "- type Props struct, Name string\n+ type Props struct, Title string"},
		{"a field of another type", "Name string //", "Name []byte //", "- type Props struct, Name string\n+ type Props struct, Name []byte"},
		{"a result", "New(p Props) Made", "New(p Props) (Made, error)", "- func New(p Props) Made\n+ func New(p Props) (Made, error)"},
		{"a method", "Name() string }", "Name() string; Other() }", "the exported API grew; what is added can never be taken away quietly:\n+ type Made interface, Other func()"},
		{"a constant", "Limit = 3", "Limit = 4", "- const Limit = 3\n+ const Limit = 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := func(source string) string {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600); err != nil {
					t.Fatal(err)
				}
				return apiOf(t, dir)
			}
			got := difference(api(before), api(strings.Replace(before, tt.old, tt.new, 1)))
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
		})
	}
}
