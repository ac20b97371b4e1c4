// Package oci builds the container image of a folder that constructs/image/content made, in Go: without a container
// engine, a base image, a network or root rights. Equal folders give equal images, to the digest, as long as the version
// of Go is the same, for its gzip writes the layers.
//
// The image is the one that the folder's Dockerfile describes. Its digest is not the one that an engine's build gives
// it, for every engine writes layers in its own way.
//
// It must not know CDK, what the program does, nor where the image goes.
package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/genai-pipeline/genai-pipeline/constructs/image/content"
)

// Platform is what every image is for.
func Platform() v1.Platform { return v1.Platform{OS: "linux", Architecture: "arm64"} }

// Build reads a folder and makes its image in memory, one layer a file, so that a registry keeps the authorities when
// the program changes.
func Build(dir string) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{
		OS:           Platform().OS,
		Architecture: Platform().Architecture,
		Created:      v1.Time{Time: content.Epoch()},
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:         content.User,
			Entrypoint:   []string{content.Entrypoint},
			ExposedPorts: map[string]struct{}{fmt.Sprintf("%d/tcp", content.Port): {}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", dir, err)
	}
	for _, file := range content.Files() {
		layer, err := layerOf(dir, file)
		if err != nil {
			return nil, fmt.Errorf("image of %s: %s: %w", dir, file.Name, err)
		}
		if image, err = mutate.Append(image, mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: content.Epoch()}, CreatedBy: "COPY " + file.Name + " " + file.Path},
		}); err != nil {
			return nil, fmt.Errorf("image of %s: %w", dir, err)
		}
	}
	return image, nil
}

func layerOf(dir string, file content.File) (v1.Layer, error) {
	text, err := os.ReadFile(filepath.Join(dir, file.Name))
	if err != nil {
		return nil, err
	}
	archive, err := archiveOf(file, text)
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching)
}

// archiveOf is a file and the folders above it, as root's, in the form that an engine's COPY writes.
func archiveOf(file content.File, text []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	name := strings.TrimPrefix(file.Path, "/")
	for at, letter := range name {
		if letter != '/' {
			continue
		}
		if err := w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeDir, Name: name[:at+1], Mode: 0o755, ModTime: content.Epoch(), Format: tar.FormatUSTAR,
		}); err != nil {
			return nil, err
		}
	}
	if err := w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: int64(file.Mode.Perm()),
		ModTime: content.Epoch(), Format: tar.FormatUSTAR,
	}); err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}
