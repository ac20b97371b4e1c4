package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
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

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, p := range list(t, false, everything...) {
		for _, file := range sources(t, p.Dir) {
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range undocumented(parsed) {
				t.Errorf("%s: %s is exported and has no comment: whoever uses it needs units, defaults and limits",
					set.Position(name.Pos()), name.Name)
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

// undocumented returns the exported names at the top of a file that have no comment. One for a whole group of
// constants, variables or types counts for each of them.
func undocumented(file *ast.File) []*ast.Ident {
	var names []*ast.Ident
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Doc == nil && d.Name.IsExported() {
				names = append(names, d.Name)
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				continue
			}
			for _, spec := range d.Specs {
				names = append(names, bare(spec)...)
			}
		}
	}
	return names
}

// bare returns the exported names of one specification without a comment before or behind it.
func bare(spec ast.Spec) []*ast.Ident {
	var candidates []*ast.Ident
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil {
			candidates = append(candidates, s.Name)
		}
	case *ast.ValueSpec:
		if s.Doc == nil && s.Comment == nil {
			candidates = s.Names
		}
	}
	var names []*ast.Ident
	for _, name := range candidates {
		if name.IsExported() {
			names = append(names, name)
		}
	}
	return names
}
