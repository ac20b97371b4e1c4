package conformance_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
)

// emulator runs programs of the deployed architecture on others (Debian's package qemu-user-static).
const emulator = "qemu-aarch64-static"

// TestServerRunsAsArm64 runs the server that is deployed, not one built for this machine: health, one answer, one stream.
func TestServerRunsAsArm64(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var command []string
	if runtime.GOARCH != "arm64" {
		path, err := exec.LookPath(emulator)
		if err != nil {
			t.Skipf("this machine is %s and has no %s", runtime.GOARCH, emulator)
		}
		command = []string{path}
	}
	asset, err := binary.Go{Root: root, Out: t.TempDir()}.Build("./runtime/cmd/server")
	if err != nil {
		t.Fatal(err)
	}
	d := startServer(t, options{server: append(command, filepath.Join(asset.Dir, binary.Name))})
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
