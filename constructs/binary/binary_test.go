package binary_test

import (
	"crypto/sha256"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
)

const program = `package main

import "runtime"

func main() {
	_, file, _, _ := runtime.Caller(0)
	println(file)
}
`

// module writes a small module that would show the folder it was built in.
func module(t *testing.T, source string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/tiny\n\ngo 1.26\n", "cmd/tiny/main.go": source} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func build(t *testing.T, b binary.Builder, pkg string) (string, [sha256.Size]byte) {
	t.Helper()
	asset, err := b.Build(pkg)
	if err != nil {
		t.Fatal(err)
	}
	if asset.Package != pkg {
		t.Errorf("package is %q, want %q", asset.Package, pkg)
	}
	entries, err := os.ReadDir(asset.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != binary.Name {
		t.Fatalf("the folder holds %v (%v), want only %s", entries, err, binary.Name)
	}
	file := filepath.Join(asset.Dir, binary.Name)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, sha256.Sum256(content)
}

func checkELF(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if f.Machine != elf.EM_AARCH64 || f.Class != elf.ELFCLASS64 {
		t.Errorf("it is %v %v, want a 64-bit aarch64 one", f.Class, f.Machine)
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v (%v), want a static one", libraries, err)
	}
	if f.Section(".symtab") != nil {
		t.Error("it is not stripped")
	}
}

func TestBuildsInDifferentFoldersAreEqual(t *testing.T) {
	first, want := build(t, binary.Go{Root: module(t, program), Out: t.TempDir()}, "./cmd/tiny")
	checkELF(t, first)

	// Neither the folder, nor the user's flags and architecture, nor a second build changes it.
	t.Setenv("GOFLAGS", "-ldflags=-X=main.x=y")
	t.Setenv("GOARM64", "v9.0")
	t.Setenv("GOARCH", "386")
	again := binary.Go{Root: module(t, program), Out: t.TempDir()}
	for range 2 {
		second, got := build(t, again, "./cmd/tiny")
		if got != want {
			t.Errorf("%s and %s differ", first, second)
		}
		a, b := stat(t, first), stat(t, second)
		if a.Mode() != b.Mode() || !a.ModTime().Equal(b.ModTime()) || a.Mode().Perm() != 0o755 {
			t.Errorf("mode and time are %v %v and %v %v", a.Mode(), a.ModTime(), b.Mode(), b.ModTime())
		}
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestTheLambdaProgramIsReproducible(t *testing.T) {
	const pkg, root = "./runtime/cmd/lambda", "../.."
	first, want := build(t, binary.Go{Root: root, Out: t.TempDir()}, pkg)
	checkELF(t, first)

	elsewhere := t.TempDir()
	if err := os.CopyFS(filepath.Join(elsewhere, "runtime"), os.DirFS(filepath.Join(root, "runtime"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(elsewhere, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, got := build(t, binary.Go{Root: elsewhere, Out: t.TempDir()}, pkg); got != want {
		t.Error("builds in two folders differ")
	}
}

func TestBuildErrorSaysWhatTheCompilerSaid(t *testing.T) {
	root := module(t, "package main\n\nfunc main() { undefined() }\n")
	_, err := binary.Go{Root: root, Out: t.TempDir()}.Build("./cmd/tiny")
	if err == nil || !strings.Contains(err.Error(), "build ./cmd/tiny: ") || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v", err)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	out := t.TempDir()
	if _, err := (binary.Go{Root: t.TempDir(), Out: out}).Build("./none"); err == nil {
		t.Fatal("no error")
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) > 0 {
		t.Errorf("left %v (%v)", entries, err)
	}
}

func TestStubIsConstant(t *testing.T) {
	_, want := build(t, binary.Stub{Out: t.TempDir()}, "./runtime/cmd/lambda")
	if _, got := build(t, binary.Stub{Out: t.TempDir()}, "./runtime/cmd/lambda"); got != want {
		t.Error("two stubs differ")
	}
}
