package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range list(t, false, everything...) {
		if p.Doc == "" && len(sources(t, p.Dir)) > 0 {
			t.Errorf("%s has no doc comment: say what it is for and what it must not know", p.ImportPath)
		}
	}
}

func TestEveryPackageSaysWhatItMustNotKnow(t *testing.T) {
	const why = "a package without a border grows until it knows everything"
	for _, p := range list(t, false, everything...) {
		if p.Name == "main" {
			continue // a program is where everything is put together
		}
		doc := ""
		for _, file := range sources(t, p.Dir) {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			doc += parsed.Doc.Text()
		}
		text := strings.Join(strings.Fields(doc), " ")
		if doc != "" && !strings.Contains(text, "must not ") && !strings.Contains(text, "must never ") && !strings.Contains(text, "must know neither ") {
			t.Errorf("the comment of %s does not say what it must not know: %s", p.ImportPath, why)
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, p := range list(t, false, everything...) {
		for _, file := range sources(t, p.Dir) {
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range undocumented(parsed) {
				t.Errorf("%s: %s %s: whoever uses it needs units, defaults and limits", set.Position(found.name.Pos()), found.name.Name, found.why)
			}
		}
	}
}

// sources returns the Go files of a folder that are no tests.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range all {
		if !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
	}
	return files
}

// standard are the methods that mean the same on every type that has them, for the standard library says what. On a type
// that nobody outside can name they need no comment; on any other there is something to say, such as who closes what.
var standard = []string{"Close", "Error", "Network", "Read", "ServeHTTP", "Set", "String", "Unwrap", "Write"}

// finding is an exported name, and what is wrong with its comment.
type finding struct {
	name *ast.Ident
	why  string
}

// undocumented returns the exported names of a file that have no comment, or one that does not begin with the name. One
// for a whole group of constants, variables or types counts for each of them.
func undocumented(file *ast.File) []finding {
	var found []finding
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d)) || !slices.Contains(standard, d.Name.Name) {
				found = append(found, judge(d.Name, true, d.Doc)...)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				found = append(found, ofSpec(d, spec)...)
			}
		}
	}
	return found
}

// ofSpec judges one specification of a declaration, and with an exported interface its methods.
func ofSpec(d *ast.GenDecl, spec ast.Spec) []finding {
	var found []finding
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			found = append(found, judge(name, false, s.Doc, s.Comment, d.Doc)...)
		}
	case *ast.TypeSpec:
		found = judge(s.Name, !d.Lparen.IsValid(), s.Doc, d.Doc, s.Comment)
		methods, ok := s.Type.(*ast.InterfaceType)
		if !ok || !s.Name.IsExported() {
			break
		}
		for _, method := range methods.Methods.List {
			for _, name := range method.Names { // an embedded interface has none
				found = append(found, judge(name, method.Doc != nil, method.Doc, method.Comment)...)
			}
		}
	}
	return found
}

// judge looks at the first of the comments that there is.
func judge(name *ast.Ident, named bool, comments ...*ast.CommentGroup) []finding {
	if !name.IsExported() {
		return nil
	}
	for _, comment := range comments {
		if comment == nil {
			continue
		}
		if first, _, _ := strings.Cut(strings.TrimSpace(comment.Text()), " "); named && first != name.Name {
			return []finding{{name, "has a comment that does not begin with it"}}
		}
		return nil
	}
	return []finding{{name, "is exported and has no comment"}}
}

// receiver is the name of the type that a method is of, without * and type parameters.
func receiver(method *ast.FuncDecl) string {
	of := method.Recv.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		case *ast.IndexListExpr:
			of = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
