package synth

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
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
	if err != nil || len(programs) != 2 {
		t.Fatalf("the assembly holds programs %v (%v), want the function and its smoke test for all environments", programs, err)
	}
	for _, file := range programs {
		program, err := elf.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = program.Close() }()
		if program.Machine != elf.EM_AARCH64 {
			t.Errorf("%s is for %v, want aarch64", file, program.Machine)
		}
	}
}

// findings returns what the built-in validation reports of an assembly.
func findings(t *testing.T, out string) []string {
	t.Helper()
	var report struct {
		PluginReports []struct {
			PluginName string
			Violations []struct{ RuleName, Description string }
		}
	}
	readJSON(t, filepath.Join(out, "validation-report.json"), &report)
	var found []string
	for _, plugin := range report.PluginReports {
		for _, violation := range plugin.Violations {
			found = append(found, violation.RuleName+": "+violation.Description)
		}
	}
	return found
}

func TestBuiltInValidationFindsNothing(t *testing.T) {
	validation("true")
	defer validation("false")
	out := synthesize(t, stub(t), append(everything(t), written(t, "direct", direct))...)
	if found := findings(t, out); len(found) > 0 {
		t.Errorf("the validation finds %q", found)
	}

	// The same on a planted defect, to know that it looks.
	app, stack, planted := bench(t)
	awscdk.NewCfnResource(stack, jsii.String("Bad"), &awscdk.CfnResourceProps{
		Type:       jsii.String("AWS::Logs::LogGroup"),
		Properties: &map[string]any{"RetentionInDays": "for ever"},
	})
	defer func() {
		if recover() == nil || len(findings(t, planted)) == 0 {
			t.Error("the validation overlooks a planted defect")
		}
	}()
	app.Synth(nil)
}
