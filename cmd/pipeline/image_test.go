package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/genai-pipeline/genai-pipeline/test/confined"
)

// writtenImage runs the command image and returns the digest that it prints.
func writtenImage(t *testing.T, out string) string {
	t.Helper()
	printed, err := runHere(t, t.Context(), "image", "-out", out)
	if err != nil {
		t.Fatal(err)
	}
	digest, _, _ := strings.Cut(printed, "\n")
	return digest
}

func TestImageIsWrittenInTwoForms(t *testing.T) {
	out := t.TempDir()
	digest := writtenImage(t, out)
	index, err := layout.ImageIndexFromPath(filepath.Join(out, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := index.IndexManifest(); err != nil || len(m.Manifests) != 1 || m.Manifests[0].Digest.String() != digest {
		t.Errorf("the layout holds %v, %v; want %s", m, err, digest)
	}
	tag, err := name.NewTag("genai-pipeline:latest")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tarball.ImageFromPath(filepath.Join(out, "image.tar"), &tag); err != nil {
		t.Error(err)
	}
}

func TestImagePushedIsTheOneWritten(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	place := strings.TrimPrefix(server.URL, "http://") + "/gateway"
	digest := writtenImage(t, t.TempDir())
	for _, said := range []string{"pushed as " + place + ":", "was there already as " + place + ":"} {
		printed, err := runHere(t, t.Context(), "image", "push", place)
		if err != nil || !strings.HasPrefix(printed, digest+"\n") || !strings.Contains(printed, said) {
			t.Errorf("got %v, %s; want %s %s", err, printed, digest, said)
		}
	}
	reference, err := name.NewDigest(place + "@" + digest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(reference); err != nil {
		t.Error(err)
	}
}

// TestImageNeedsNoNetwork builds the same image in a process that has no network.
func TestImageNeedsNoNetwork(t *testing.T) {
	confined.Require(t)
	here, there := t.TempDir(), t.TempDir()
	command := confined.WithoutNetwork("go", "run", ".", "image", "-out", there)
	printed, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if digest := writtenImage(t, here); err != nil || !strings.HasPrefix(string(printed), digest+"\n") {
		t.Errorf("without a network: %v\n%s\nwant %s", err, printed, digest)
	}
}
