package conformance_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/genai-pipeline/genai-pipeline/constructs/image/content"
	"github.com/genai-pipeline/genai-pipeline/constructs/image/oci"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/confined"
)

// TestImageRuns unpacks the image and runs it as Fargate does: its files are all there is, none can be written, and the
// user is the image's. The emulator, where one is needed, is one file more.
func TestImageRuns(t *testing.T) {
	emulation, code := arm64(t)
	confined.Require(t)
	dir, err := content.Folder(content.Props{Code: code})
	if err != nil {
		t.Fatal(err)
	}
	image, err := oci.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	unpack(t, image, root)
	var command []string
	for _, path := range emulation {
		copyFile(t, path, filepath.Join(root, emulator))
		command = append(command, "/"+emulator)
	}
	user, group, _ := strings.Cut(config.Config.User, ":")
	command = append(command, config.Config.Entrypoint...)
	d := named(t, settings.VariantContainers).start(t, options{server: confined.InRoot(root, user, group, command...)})
	checkConfined(t, d.server.Processes()[0])
	checkServes(t, d)
}

// checkConfined asks the kernel what the process is and sees.
func checkConfined(t *testing.T, pid int) {
	t.Helper()
	proc := func(name string) string {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	for _, name := range []string{"uid_map", "gid_map"} {
		if ids := strings.Fields(proc(name)); len(ids) != 3 || ids[0] != "65532" || ids[2] != "1" {
			t.Errorf("%s is %v; want 65532 and no other", name, ids)
		}
	}
	mounts := strings.Split(proc("mountinfo"), "\n")
	if fields := strings.Fields(mounts[0]); len(mounts) != 1 || fields[4] != "/" || !strings.HasPrefix(fields[5], "ro,") {
		t.Errorf("it sees %q; want a read-only / and nothing else", mounts)
	}
	if !strings.Contains(proc("status"), "\nCapEff:\t0000000000000000\n") {
		t.Error("it has capabilities")
	}
}

// unpack lays the layers of an image over each other, as the user who runs the test.
func unpack(t *testing.T, image v1.Image, root string) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		reader, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for archive := tar.NewReader(reader); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(root, filepath.FromSlash(header.Name))
			if header.Typeflag == tar.TypeDir {
				err = os.MkdirAll(path, header.FileInfo().Mode())
			} else {
				err = save(path, archive, header.FileInfo().Mode())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	reader, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if err := save(to, reader, 0o755); err != nil {
		t.Fatal(err)
	}
}

func save(path string, from io.Reader, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}
