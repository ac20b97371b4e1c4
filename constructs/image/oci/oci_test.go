package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/image/content"
	"github.com/genai-pipeline/genai-pipeline/constructs/image/oci"
)

// build makes the image of a stub of the server, in folders of its own.
func build(t *testing.T) v1.Image {
	t.Helper()
	code, err := binary.Stub{Out: t.TempDir()}.Build("./runtime/cmd/server")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := content.Folder(content.Props{Code: code})
	if err != nil {
		t.Fatal(err)
	}
	image, err := oci.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func digest(t *testing.T, image v1.Image) string {
	t.Helper()
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

// descriptor points at a blob of a layout.
type descriptor struct {
	MediaType, Digest string
	Size              int64
	Platform          *struct{ OS, Architecture string }
}

// blob reads what a descriptor points at, and parses JSON into to unless it is nil.
func blob(t *testing.T, layout string, d descriptor, to any) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(d.Digest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(text)); sum != d.Digest || int64(len(text)) != d.Size {
		t.Errorf("a blob of %d bytes, %s, is called %v", len(text), sum, d)
	}
	if to != nil {
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

type manifest struct {
	MediaType string
	Config    descriptor
	Layers    []descriptor
}

// read writes an image as a layout and follows it from its index.
func read(t *testing.T, image v1.Image) (string, descriptor, manifest) {
	t.Helper()
	layout := filepath.Join(t.TempDir(), "layout")
	if err := oci.WriteLayout(layout, image); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct{ Manifests []descriptor }
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Manifests) != 1 {
		t.Fatalf("the index has %v, want one image", index.Manifests)
	}
	var m manifest
	blob(t, layout, index.Manifests[0], &m)
	return layout, index.Manifests[0], m
}

func TestTwoBuildsAreEqual(t *testing.T) {
	first, second := build(t), build(t)
	if digest(t, first) != digest(t, second) {
		t.Errorf("two folders give %s and %s", digest(t, first), digest(t, second))
	}
	_, written, _ := read(t, first)
	if written.Digest != digest(t, first) {
		t.Errorf("the layout holds %s, want %s", written.Digest, digest(t, first))
	}
	archives := make([][]byte, 2)
	for i, image := range []v1.Image{first, second} {
		path := filepath.Join(t.TempDir(), "image.tar")
		if err := oci.WriteArchive(path, "genai-pipeline:latest", image); err != nil {
			t.Fatal(err)
		}
		var err error
		if archives[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two archives differ")
	}
}

func TestImageSaysHowItIsRun(t *testing.T) {
	layout, written, m := read(t, build(t))
	if m.MediaType != "application/vnd.oci.image.manifest.v1+json" || written.Platform == nil || written.Platform.Architecture != "arm64" {
		t.Errorf("the index says %v, the manifest %v", written, m)
	}
	var config struct {
		OS, Architecture, Created string
		Config                    struct {
			User         string
			Entrypoint   []string
			ExposedPorts map[string]any
			Env, Cmd     []string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	blob(t, layout, m.Config, &config)
	if config.OS != "linux" || config.Architecture != "arm64" || config.Created != "1980-01-01T00:00:00Z" {
		t.Errorf("it is of %s for %s/%s", config.Created, config.OS, config.Architecture)
	}
	c := config.Config
	if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/server"}) || len(c.ExposedPorts) != 1 || c.ExposedPorts["8080/tcp"] == nil || c.Env != nil || c.Cmd != nil {
		t.Errorf("it says %+v", c)
	}
	if len(m.Layers) != 2 || len(config.RootFS.DiffIDs) != 2 {
		t.Fatalf("it has layers %v and %v", m.Layers, config.RootFS.DiffIDs)
	}
	for i, d := range m.Layers {
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(unzip(t, blob(t, layout, d, nil)))); sum != config.RootFS.DiffIDs[i] {
			t.Errorf("layer %d unpacks to %s, but the image says %s", i, sum, config.RootFS.DiffIDs[i])
		}
	}
}

func unzip(t *testing.T, text []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestLayersHoldTheFilesAndNothingElse(t *testing.T) {
	layout, _, m := read(t, build(t))
	var got []string
	for i, d := range m.Layers {
		if d.MediaType != "application/vnd.oci.image.layer.v1.tar+gzip" {
			t.Errorf("layer %d is %s", i, d.MediaType)
		}
		r := tar.NewReader(bytes.NewReader(unzip(t, blob(t, layout, d, nil))))
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d %s %s %d:%d %q %s %x", i, h.FileInfo().Mode(), h.Name, h.Uid, h.Gid, h.Uname+h.Gname, h.ModTime.UTC().Format("2006-01-02"), sha256.Sum256(text)))
		}
	}
	nothing := sha256.Sum256(nil)
	program := sha256.Sum256([]byte("#!/bin/sh\n# stands for ./runtime/cmd/server\nexit 1\n"))
	want := []string{
		fmt.Sprintf(`0 drwxr-xr-x etc/ 0:0 "" 1980-01-01 %x`, nothing),
		fmt.Sprintf(`0 drwxr-xr-x etc/ssl/ 0:0 "" 1980-01-01 %x`, nothing),
		fmt.Sprintf(`0 drwxr-xr-x etc/ssl/certs/ 0:0 "" 1980-01-01 %x`, nothing),
		fmt.Sprintf(`0 -rw-r--r-- etc/ssl/certs/ca-certificates.crt 0:0 "" 1980-01-01 %x`, sha256.Sum256(content.Mozilla())),
		fmt.Sprintf(`1 -rwxr-xr-x server 0:0 "" 1980-01-01 %x`, program),
	}
	if !slices.Equal(got, want) {
		t.Errorf("the layers hold\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestArchiveIsTheSameImage(t *testing.T) {
	image := build(t)
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := oci.WriteArchive(path, "genai-pipeline:latest", image); err != nil {
		t.Fatal(err)
	}
	loaded, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Engines call an image by the digest of its configuration, which names the unpacked layers.
	want, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.ConfigName(); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if err := validate.Image(loaded); err != nil {
		t.Error(err)
	}
}

func TestLayoutTakesThePlaceOfALayoutOnly(t *testing.T) {
	image := build(t)
	dir := t.TempDir()
	for range 2 {
		if err := oci.WriteLayout(dir, image); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil || strings.Count(string(text), digest(t, image)) != 1 {
		t.Errorf("written twice the index is %s, %v", text, err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := oci.WriteLayout(other, image); err == nil || !strings.Contains(err.Error(), "holds something else than an OCI layout") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(other, "thesis.txt")); err != nil {
		t.Error(err)
	}
}

func TestRefusedBuilds(t *testing.T) {
	if _, err := oci.Build(t.TempDir()); err == nil || !strings.Contains(err.Error(), "ca-certificates.crt: open ") {
		t.Errorf("got %v", err)
	}
	if err := oci.WriteArchive(filepath.Join(t.TempDir(), "x.tar"), "No Tag", build(t)); err == nil || !strings.Contains(err.Error(), "archive ") {
		t.Errorf("got %v", err)
	}
}
