package conformance_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// emulator runs programs of the deployed architecture on others (Debian's package qemu-user-static).
const emulator = "qemu-aarch64-static"

// arm64 builds the server that is deployed, and returns the command before it: nothing on a machine of its architecture,
// else the emulator. Without one the test is skipped.
func arm64(t *testing.T) (emulation []string, code binary.Asset) {
	t.Helper()
	if runtime.GOARCH != "arm64" {
		path, err := exec.LookPath(emulator)
		if err != nil {
			t.Skipf("this machine is %s and has no %s", runtime.GOARCH, emulator)
		}
		emulation = []string{path}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if code, err = (binary.Go{Root: root, Out: t.TempDir()}).Build("./runtime/cmd/server"); err != nil {
		t.Fatal(err)
	}
	return emulation, code
}

// TestServerRunsAsArm64 runs the server that an instance downloads, not one built for this machine.
func TestServerRunsAsArm64(t *testing.T) {
	emulation, code := arm64(t)
	checkServes(t, named(t, settings.VariantInstances).start(t, options{server: append(emulation, filepath.Join(code.Dir, binary.Name))}))
}

// checkServes asks for health, and of each surface one answer and one stream.
func checkServes(t *testing.T, d *deployment) {
	t.Helper()
	response, err := http.Get(d.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("readiness is %d", response.StatusCode)
	}
	for _, s := range surfaces() {
		response, body, err := s.post(t, d, false)
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "Count to twenty") {
			t.Errorf("%s: got %d, %v: %s", s.name, response.StatusCode, err, body)
		}
		response, body, err = s.post(t, d, true)
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), s.end) {
			t.Errorf("%s stream: got %d, %v: %s", s.name, response.StatusCode, err, body)
		}
	}
}
