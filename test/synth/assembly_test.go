package synth

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// everything is every shipped environment.
func everything(t *testing.T) []environment.Environment {
	t.Helper()
	return []environment.Environment{shipped(t, "dev"), shipped(t, "prod"), shipped(t, "local")}
}

// fingerprint is the hash of every file of a folder, by path.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		sum := sha256.Sum256(content)
		files[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRealSynthesisIsReproducibleAndHoldsAnArm64Program(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	first := synthesize(t, binary.Go{Root: root, Out: t.TempDir()}, everything(t)...)
	second := synthesize(t, binary.Go{Root: root, Out: t.TempDir()}, everything(t)...)
	if diff := cmp.Diff(fingerprint(t, first), fingerprint(t, second)); diff != "" {
		t.Error(diff)
	}
	programs, err := filepath.Glob(filepath.Join(first, "asset.*", binary.Name))
	if err != nil || len(programs) != 1 {
		t.Fatalf("the assembly holds programs %v (%v), want one for all environments", programs, err)
	}
	program, err := elf.Open(programs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	if program.Machine != elf.EM_AARCH64 {
		t.Errorf("the program is for %v, want aarch64", program.Machine)
	}
}

func TestBuiltInValidationFindsNothing(t *testing.T) {
	validation("true")
	defer validation("false")
	out := t.TempDir()
	app := newApp(t, out)
	if err := stacks.Build(app, append(everything(t), written(t, "direct", direct)), stub(t)); err != nil {
		t.Fatal(err)
	}
	app.Synth(nil)
	jsii.Close()
	var report struct {
		PluginReports []struct {
			PluginName string
			Conclusion string
			Violations []struct{ RuleName, Description string }
		}
	}
	readJSON(t, filepath.Join(out, "validation-report.json"), &report)
	if len(report.PluginReports) == 0 {
		t.Error("no validator ran")
	}
	for _, plugin := range report.PluginReports {
		if plugin.Conclusion != "success" {
			t.Errorf("%s concludes %q", plugin.PluginName, plugin.Conclusion)
		}
		for _, violation := range plugin.Violations {
			t.Errorf("%s: %s: %s", plugin.PluginName, violation.RuleName, violation.Description)
		}
	}
}
